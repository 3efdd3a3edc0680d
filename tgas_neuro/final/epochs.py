"""The loop of the final training: epochs, steps, a checkpoint after each epoch."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

from tgas_neuro.candidate.training import autocast, build_optimizer
from tgas_neuro.errors import UserError
from tgas_neuro.final.checkpoint import Checkpoint, load_checkpoint, write_checkpoint
from tgas_neuro.final.data import (
    FolderImages,
    build_train_loader,
    count_batches,
    iterate_normalised,
)
from tgas_neuro.final.log import LogEntry, describe_epoch, write_log
from tgas_neuro.final.schedule import calc_learning_rate


def train_epochs(
    config: dict,
    network: nn.Module,
    images: FolderImages,
    folder: Path,
    identity: str,
    device: torch.device,
    report: Callable[[str], None],
) -> list[LogEntry]:
    """Train `network` in place, from the last checkpoint of this run on.

    Parameters
    ----------
    config
        The `final` section, complete.
    network
        On `device`.
    images
        The training split.
    folder
        Where ``checkpoint.pt`` and ``log.csv`` are kept, written after every epoch.
    identity
        What a checkpoint must be of to be used.
    device
        Where to compute; bfloat16 on a GPU, float32 elsewhere.
    report
        Called with a line after each epoch.

    Returns
    -------
    list[LogEntry]
        One per epoch, also of those trained before a break.

    Raises
    ------
    UserError
        The loss is not finite.
    """
    optimizer = build_optimizer(network, config)
    checkpoint, remark = load_checkpoint(folder / "checkpoint.pt", identity)
    if remark:
        report(remark)
    log = []
    if checkpoint:
        network.load_state_dict(checkpoint.model)
        optimizer.load_state_dict(checkpoint.optimizer)
        log = [LogEntry(**entry) for entry in checkpoint.log]
        report(f"final: going on after epoch {checkpoint.epoch} of {config['epochs']}")
    for epoch in range(len(log), config["epochs"]):
        log.append(_train_epoch(config, network, optimizer, images, epoch, device))
        state = Checkpoint(
            identity=identity,
            epoch=epoch + 1,
            model=network.state_dict(),
            optimizer=optimizer.state_dict(),
            log=[dataclasses.asdict(entry) for entry in log],
        )
        write_checkpoint(folder / "checkpoint.pt", state)
        write_log(folder / "log.csv", log)
        report(describe_epoch(log, config["epochs"]))
    return log


def _train_epoch(
    config: dict,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: FolderImages,
    epoch: int,
    device: torch.device,
) -> LogEntry:
    started = time.monotonic()
    network.train()
    loader = build_train_loader(images, epoch, config["batch_size"], config["workers"])
    total, seen = torch.zeros((), dtype=torch.float64, device=device), 0
    for inputs, labels, learning_rate in _iterate_steps(config, loader, images, epoch, device):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        with autocast(device):
            logits = network(inputs)
        loss = nn.functional.cross_entropy(
            logits.float(), labels, label_smoothing=config["label_smoothing"]
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if config["gradient_clip"] is not None:
            nn.utils.clip_grad_norm_(network.parameters(), config["gradient_clip"])
        optimizer.step()
        total += loss.detach() * len(labels)
        seen += len(labels)
        _check_finite(total, config, epoch)
    return LogEntry(
        epoch=epoch + 1,
        learning_rate=learning_rate,
        train_loss=float(total) / seen,
        images=seen,
        seconds=time.monotonic() - started,
    )


def _iterate_steps(
    config: dict, loader: DataLoader, images: FolderImages, epoch: int, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor, float]]:
    """Batches of one epoch, each with its learning rate."""
    per_epoch = count_batches(len(images), config["batch_size"])
    for index, (inputs, labels) in enumerate(iterate_normalised(loader, device)):
        learning_rate = calc_learning_rate(
            step=epoch * per_epoch + index,
            n_steps=config["epochs"] * per_epoch,
            peak=config["learning_rate"],
            warmup=config["warmup"],
        )
        yield inputs, labels, learning_rate


def _check_finite(total: torch.Tensor, config: dict, epoch: int) -> None:
    if not bool(torch.isfinite(total)):
        raise UserError(
            f"final.learning_rate: with {config['learning_rate']} the loss became "
            f"{float(total)} in epoch {epoch + 1} of {config['epochs']}; lower it "
            "(or set final.gradient_clip)"
        )
