"""The loop of the final training: steps, validation, checkpoints, and a stop on request."""

import contextlib
import dataclasses
import math
import signal
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch
from torch import nn
from tqdm import tqdm

from tgas_neuro.config.final import Final
from tgas_neuro.final.evaluation.evaluation import Metrics
from tgas_neuro.final.launch.processes import (
    Group,
    PreemptedError,
    StopRequest,
    noting_signals,
    parting_together,
)
from tgas_neuro.final.network.network import FinalNetwork, draw_kept
from tgas_neuro.final.training.folder import (
    Board,
    Checkpoint,
    LogEntry,
    describe_epoch,
    keep_foreign,
    load_checkpoint,
    write_best,
    write_checkpoint,
    write_log,
)
from tgas_neuro.final.training.order import (
    calc_learning_rate,
    deal_micro_batches,
    draw_order,
    plan_steps,
)
from tgas_neuro.final.training.progress import ProgressNote
from tgas_neuro.final.training.step import MicroBatch, Stepper
from tgas_neuro.images.data import FolderImages, iterate_batches
from tgas_neuro.runtime.errors import UserError

NOTHING = {"loss": 0.0, "seconds": 0.0}  # sums at the start of an epoch


class Training:
    """A final training, from the first step or from its last checkpoint to the last epoch.

    A training that is interrupted and resumed on a CPU ends in the same bits as one without a
    break.

    Parameters
    ----------
    settings
        The section ``final``, complete.
    network
        On the group's device, trained in place.
    images
        The training split, with the seed of the training.
    validate
        Called with a network and a `StopRequest`; returns the metrics of the validation split,
        combined from all processes.
    folder
        Where the first process keeps ``checkpoint.pt``, ``best.pt``, ``log.csv``,
        ``progress.json`` and ``tensorboard/``.
    identity
        A checkpoint is used only if it has this identity.
    group
        The processes.
    report
        Called in the first process with lines for the user.

    Attributes
    ----------
    log
        One entry per finished epoch, including those trained before a break.
    metrics
        Metrics of the last epoch if this process measured them, else None.
    """

    def __init__(
        self,
        settings: Final,
        network: FinalNetwork,
        images: FolderImages,
        validate: Callable[[nn.Module, StopRequest], Metrics],
        folder: Path,
        identity: str,
        group: Group,
        report: Callable[[str], None],
    ):
        if images.seed is None:
            raise ValueError("images: expected those of a training, with a seed")
        self.settings, self.images, self.seed = settings, images, images.seed
        self.validate = validate
        self.folder, self.identity, self.group, self.report = folder, identity, group, report
        self.steps = plan_steps(len(images), settings, group.size)
        checkpoint, remark = load_checkpoint(folder / "checkpoint.pt", identity)
        if remark:
            report(remark)
            group.wait()  # all have looked at it
            if group.is_first:
                keep_foreign(folder / "checkpoint.pt", identity)
        self.log = [LogEntry(**entry) for entry in checkpoint.log] if checkpoint else []
        self.step = checkpoint.step if checkpoint else 0
        self.sums = dict(checkpoint.sums) if checkpoint else dict(NOTHING)
        self.metrics: Metrics | None = None
        self.progress = ProgressNote(folder / "progress.json" if group.is_first else None)
        self.stepper = Stepper(
            network, settings, self.steps, group, vars(checkpoint) if checkpoint else None
        )
        if checkpoint:
            step = f", step {self.step} of {self.steps.steps}" if self.step else ""
            report(f"final: going on after epoch {len(self.log)} of {settings.epochs}{step}")

    def run(self) -> None:
        """Train to the last epoch.

        Raises
        ------
        PreemptedError
            SIGTERM or SIGUSR1 arrived; the checkpoint is written.
        UserError
            The loss is not finite.
        """
        epochs, images = self.settings.epochs, self.steps.images
        done = (len(self.log) * self.steps.steps + self.step) * images
        total = epochs * self.steps.steps * images
        board_folder = self.folder / "tensorboard" if self.group.is_first else None
        with (
            noting_signals() as request,
            contextlib.closing(open_bar(total, done, self.group.is_first)) as bar,
            contextlib.closing(Board(board_folder, self.log)) as board,
            parting_together(request, self.group.size > 1),
        ):
            self._write_log()  # the process may have been killed between checkpoint and log
            while len(self.log) < epochs:
                self._train_epoch(request, bar)
                self._end_epoch(request)
                board.add(self.log[-1])
                with tqdm.external_write_mode(file=sys.stderr):  # lines go above the bar
                    self.report(describe_epoch(self.log, epochs))

    def _train_epoch(self, request: StopRequest, bar: "tqdm[Any]") -> None:
        """Train to the end of the current epoch."""
        started = written = time.monotonic()
        before = self.sums["seconds"]
        with contextlib.closing(self._iterate_micro_batches()) as batches:
            while self.step < self.steps.steps:
                own = self.stepper.take(batches, self._calc_learning_rate(self.step))
                due = time.monotonic() - written > 60 * self.settings.checkpoint_minutes
                loss, due, stop = self._agree(own, due, request.signum > 0)
                self._check_finite(loss)
                self.step += 1
                self.sums["loss"] += loss
                self.sums["seconds"] = before + time.monotonic() - started
                self.progress.note(len(self.log), self.step, self.steps.steps, self.sums["seconds"])
                if due or stop:
                    self._write_checkpoint()
                    written = time.monotonic()
                if stop:
                    self.group.wait()  # until the first process has written
                    raise PreemptedError(request.signum or signal.SIGTERM)
                bar.set_postfix(loss=f"{loss / self.steps.images:.3f}", refresh=False)
                bar.update(self.steps.images)

    def _iterate_micro_batches(self) -> Generator[MicroBatch]:
        """Micro-batches that this process computes in the rest of the epoch."""
        epoch, group = len(self.log), self.group
        order = draw_order(self.seed, epoch, len(self.images), self.steps)
        dealt = deal_micro_batches(order, self.step, group.rank, group.size).tolist()
        first, per_step = self.step, self.stepper.per_process
        loaded = iterate_batches(self.images, dealt, group.device, self.settings.workers, epoch)
        with contextlib.closing(loaded):
            for number, (images, labels) in enumerate(loaded):
                yield images, labels, self._draw_kept(dealt[number], first + number // per_step)

    def _draw_kept(self, samples: list[int], step: int) -> torch.Tensor | None:
        network, epoch = self.stepper.network, len(self.log)
        if network.n_paths == 0:
            return None
        passed = epoch * self.steps.steps + step
        rates = network.calc_drop_rates(passed / (self.settings.epochs * self.steps.steps))
        return draw_kept(self.seed, epoch, samples, rates).to(self.group.device)

    def _calc_learning_rate(self, step: int) -> float:
        per_epoch = self.steps.steps
        return calc_learning_rate(
            len(self.log) * per_epoch + step,
            self.settings.epochs * per_epoch,
            per_epoch,
            self.settings,
        )

    def _agree(self, loss: torch.Tensor, due: bool, stop: bool) -> tuple[float, bool, bool]:
        """Sum the loss over the processes; all write a checkpoint or stop if one of them has to."""
        flags = torch.tensor([due and self.group.is_first, stop], dtype=torch.float64)
        shared = torch.cat([loss.reshape(1), flags.to(self.group.device)])
        total, n_due, n_stop = self.group.sum(shared).tolist()
        return total, n_due > 0, n_stop > 0

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise UserError(
                f"final.learning_rate: with {self.settings.learning_rate} the loss became "
                f"{loss} in epoch {len(self.log) + 1} of {self.settings.epochs}; lower it "
                "(or set final.gradient_clip)"
            )

    def _end_epoch(self, request: StopRequest) -> None:
        """Validate if it is due, and write the log and the checkpoint."""
        images = self.steps.steps * self.steps.images
        entry = LogEntry(
            epoch=len(self.log) + 1,
            learning_rate=self._calc_learning_rate(self.steps.steps - 1),
            train_loss=self.sums["loss"] / images,
            images=images,
            seconds=self.sums["seconds"],
        )
        if entry.epoch % self.settings.evaluate_every == 0 or entry.epoch == self.settings.epochs:
            self._write_checkpoint()  # a stop in a long validation loses no training
            entry = self._validate(entry, request)
        self.log.append(entry)
        self.step, self.sums = 0, dict(NOTHING)
        self._write_checkpoint()
        self._write_log()

    def _write_log(self) -> None:
        if self.group.is_first and self.log:
            write_log(self.folder / "log.csv", self.log)

    def _validate(self, entry: LogEntry, request: StopRequest) -> LogEntry:
        started = time.monotonic()
        metrics = self.validate(self.stepper.result, request)
        if entry.epoch == self.settings.epochs:
            self.metrics = metrics
        best = find_best(self.log)
        if self.group.is_first and (best is None or metrics.top1 > best[1]):
            weights = self.stepper.result.state_dict()
            write_best(self.folder / "best.pt", entry.epoch, metrics.top1, weights)
        return dataclasses.replace(
            entry,
            val_top1=metrics.top1,
            val_top5=metrics.top5,
            val_loss=metrics.loss,
            val_seconds=time.monotonic() - started,
        )

    def _write_checkpoint(self) -> None:
        if not self.group.is_first:
            return
        state = Checkpoint(
            identity=self.identity,
            epoch=len(self.log),
            step=self.step,
            sums=self.sums,
            log=[dataclasses.asdict(entry) for entry in self.log],
            **self.stepper.state_dict(),
        )
        write_checkpoint(self.folder / "checkpoint.pt", state)


def find_best(log: list[LogEntry]) -> tuple[int, float] | None:
    """Epoch and top-1 of the highest validation accuracy, the first of equal ones."""
    measured = [(entry.epoch, entry.val_top1) for entry in log if entry.val_top1 is not None]
    return max(measured, key=lambda found: found[1], default=None)


def open_bar(total: int, done: int, shown: bool) -> "tqdm[Any]":
    """Show a bar over the images of the whole training, with speed and remaining time.

    Parameters
    ----------
    total, done
        Images of the whole training, and those of earlier processes.
    shown
        Whether to show it, which happens only on a terminal.
    """
    return tqdm(
        total=total,
        initial=done,
        unit=" images",
        unit_scale=True,
        desc="final",
        dynamic_ncols=True,
        leave=False,
        disable=not (shown and sys.stderr.isatty()),
    )
