"""The loop of the final training: steps, validation, checkpoints, and an end when one is asked."""

import contextlib
import dataclasses
import math
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn

from tgas_neuro.final.evaluation.evaluation import Metrics
from tgas_neuro.final.launch.distributed import Group
from tgas_neuro.final.launch.preemption import (
    PreemptedError,
    StopRequest,
    noting_signals,
    parting_together,
)
from tgas_neuro.final.network.network import draw_kept
from tgas_neuro.final.training.checkpoint import (
    Checkpoint,
    keep_foreign,
    load_checkpoint,
    write_best,
    write_checkpoint,
)
from tgas_neuro.final.training.log import LogEntry, describe_epoch, write_log
from tgas_neuro.final.training.order import deal_micro_batches, draw_order, plan_steps
from tgas_neuro.final.training.progress import Progress, showing_progress
from tgas_neuro.final.training.schedule import calc_learning_rate
from tgas_neuro.final.training.step import MicroBatch, Stepper
from tgas_neuro.final.training.tensorboard import Board
from tgas_neuro.images.data import FolderImages, iterate_batches
from tgas_neuro.runtime.errors import UserError

NOTHING = {"loss": 0.0, "seconds": 0.0}  # sums of an epoch that begins


class Training:
    """A final training: where it stands, and how it moves on.

    Made again after a break, it goes on after the last step that a checkpoint holds, and on a CPU
    ends in the same bits as an unbroken one.

    Parameters
    ----------
    config
        The `final` section, complete.
    network
        A `FinalNetwork` on the group's device, trained in place.
    images
        The training split.
    validate
        Called with a network and a `StopRequest`, it gives the metrics of the validation split,
        put together from all processes.
    folder
        Where the first process keeps ``checkpoint.pt``, ``best.pt``, ``log.csv`` and
        ``tensorboard/``.
    identity
        What a checkpoint must be of to be used.
    group
        The processes.
    report
        Called in the first process with lines for the user.

    Attributes
    ----------
    log
        One entry per epoch done, also of those trained before a break.
    metrics
        Of the last epoch's validation, if it was done in this process; else None.
    """

    def __init__(
        self,
        config: dict,
        network: nn.Module,
        images: FolderImages,
        validate: Callable[[nn.Module, StopRequest], Metrics],
        folder: Path,
        identity: str,
        group: Group,
        report: Callable[[str], None],
    ):
        self.config, self.images, self.validate = config, images, validate
        self.folder, self.identity, self.group, self.report = folder, identity, group, report
        self.steps = plan_steps(len(images), config, group.size)
        checkpoint, remark = load_checkpoint(folder / "checkpoint.pt", identity)
        if remark:
            report(remark)
            group.wait()  # all have looked at it
            if group.is_first:
                keep_foreign(folder / "checkpoint.pt", identity)
        self.log = [LogEntry(**entry) for entry in checkpoint.log] if checkpoint else []
        self.step = checkpoint.step if checkpoint else 0
        self.sums = dict(checkpoint.sums) if checkpoint else dict(NOTHING)
        self.metrics = None
        self.stepper = Stepper(
            network, config, self.steps, group, vars(checkpoint) if checkpoint else None
        )
        if checkpoint:
            report(self._describe_start())

    def _describe_start(self) -> str:
        step = f", step {self.step} of {self.steps.steps}" if self.step else ""
        return f"final: going on after epoch {len(self.log)} of {self.config['epochs']}{step}"

    def run(self) -> None:
        """Train to the last epoch.

        Raises
        ------
        PreemptedError
            SIGTERM or SIGUSR1 came; the checkpoint is written.
        UserError
            The loss is not finite.
        """
        epochs, images = self.config["epochs"], self.steps.images
        done = (len(self.log) * self.steps.steps + self.step) * images
        total = epochs * self.steps.steps * images
        with (
            noting_signals() as request,
            showing_progress(total, done, self.report, self.group.is_first) as progress,
            contextlib.closing(self._open_board()) as board,
            parting_together(request, self.group.size > 1),
        ):
            self._write_log()  # a kill may have come between checkpoint and log
            while len(self.log) < epochs:
                self._train_epoch(request, progress)
                self._end_epoch(request)
                board.add(self.log[-1])
                progress.report(describe_epoch(self.log, epochs))

    def _open_board(self) -> Board:
        return Board(self.folder / "tensorboard" if self.group.is_first else None, self.log)

    def _train_epoch(self, request: StopRequest, progress: Progress) -> None:
        """The rest of an epoch."""
        started = written = time.monotonic()
        before = self.sums["seconds"]
        with contextlib.closing(self._iterate_micro_batches()) as batches:
            while self.step < self.steps.steps:
                loss = self.stepper.take(batches, self._calc_learning_rate(self.step))
                due = time.monotonic() - written > 60 * self.config["checkpoint_minutes"]
                loss, due, stop = self._agree(loss, due, request.signum > 0)
                self._check_finite(loss)
                self.step += 1
                self.sums["loss"] += loss
                self.sums["seconds"] = before + time.monotonic() - started
                if due or stop:
                    self._write_checkpoint()
                    written = time.monotonic()
                if stop:
                    self.group.wait()  # until the first process has written
                    raise PreemptedError(request.signum or signal.SIGTERM)
                progress.move(self.steps.images, loss / self.steps.images)

    def _iterate_micro_batches(self) -> Iterator[MicroBatch]:
        """Micro-batches that this process computes in the rest of the epoch."""
        epoch, group = len(self.log), self.group
        order = draw_order(self.images.seed, epoch, len(self.images), self.steps)
        dealt = deal_micro_batches(order, self.step, group.rank, group.size).tolist()
        first, per_step = self.step, self.stepper.per_process
        loaded = iterate_batches(self.images, dealt, group.device, self.config["workers"], epoch)
        with contextlib.closing(loaded):
            for number, (images, labels) in enumerate(loaded):
                yield images, labels, self._draw_kept(dealt[number], first + number // per_step)

    def _draw_kept(self, samples: list[int], step: int) -> torch.Tensor | None:
        network, epoch = self.stepper.network, len(self.log)
        if network.n_paths == 0:
            return None
        passed = epoch * self.steps.steps + step
        rates = network.calc_drop_rates(passed / (self.config["epochs"] * self.steps.steps))
        return draw_kept(self.images.seed, epoch, samples, rates).to(self.group.device)

    def _calc_learning_rate(self, step: int) -> float:
        per_epoch = self.steps.steps
        return calc_learning_rate(
            len(self.log) * per_epoch + step,
            self.config["epochs"] * per_epoch,
            per_epoch,
            self.config,
        )

    def _agree(self, loss: torch.Tensor, due: bool, stop: bool) -> tuple[float, bool, bool]:
        """Loss summed over the processes; a checkpoint when it is due to the first, or a stop."""
        flags = torch.tensor([due and self.group.is_first, stop], dtype=torch.float64)
        shared = torch.cat([loss.reshape(1), flags.to(self.group.device)])
        loss, due, stop = self.group.sum(shared).tolist()
        return loss, due > 0, stop > 0

    def _check_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise UserError(
                f"final.learning_rate: with {self.config['learning_rate']} the loss became "
                f"{loss} in epoch {len(self.log) + 1} of {self.config['epochs']}; lower it "
                "(or set final.gradient_clip)"
            )

    def _end_epoch(self, request: StopRequest) -> None:
        """Validation where it is due, the log's entry, files."""
        images = self.steps.steps * self.steps.images
        entry = LogEntry(
            epoch=len(self.log) + 1,
            learning_rate=self._calc_learning_rate(self.steps.steps - 1),
            train_loss=self.sums["loss"] / images,
            images=images,
            seconds=self.sums["seconds"],
        )
        if entry.epoch % self.config["evaluate_every"] == 0 or entry.epoch == self.config["epochs"]:
            self._write_checkpoint()  # a validation may be long, and stops at once when asked
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
        if entry.epoch == self.config["epochs"]:
            self.metrics = metrics
        best = find_best(self.log)
        if self.group.is_first and (best is None or metrics.top1 > best.val_top1):
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


def find_best(log: list[LogEntry]) -> LogEntry | None:
    """The epoch of the highest validation accuracy, the first of equal ones; None without any."""
    measured = [entry for entry in log if entry.val_top1 is not None]
    return max(measured, key=lambda entry: entry.val_top1, default=None)
