"""One step of the final training: micro-batches forward and back, their mean gradient, a move."""

import contextlib
import warnings
from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from tgas_neuro.final.launch.compilation import compile_network
from tgas_neuro.final.launch.distributed import Group
from tgas_neuro.final.training.ema import MovingAverage
from tgas_neuro.final.training.optimizers import build_optimizer
from tgas_neuro.final.training.order import Steps
from tgas_neuro.final.training.running_statistics import RunningStatistics
from tgas_neuro.runtime.devices import autocast

# Images (sample, channel, height, width), labels (sample,), kept paths (sample, path) or None.
MicroBatch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]


class Stepper:
    """The network with all that moves it: optimiser, running statistics, moving average.

    Weights and running statistics after a step are, but for the rounding of sums, the same for
    any number of processes: gradients and batch statistics are means over all micro-batches of the
    step, whoever computed them.

    Parameters
    ----------
    network
        A `FinalNetwork` on the group's device, trained in place: called with images and kept paths
        it gives logits and those of the auxiliary head, or None. Its ``network`` is what is kept.
    config
        The section ``final``.
    steps
        How a step is made up.
    group
        The processes.
    state
        ``model``, ``optimizer`` and ``ema`` of a checkpoint, or None to begin.
    """

    def __init__(
        self, network: nn.Module, config: dict, steps: Steps, group: Group, state: dict | None
    ):
        self.network, self.config, self.group = network, config, group
        self.per_process = steps.micro_batches // group.size
        self.optimizer = build_optimizer(network, config)
        self.ema = MovingAverage(network.network, config["ema"]) if config["ema"] else None
        if state:
            network.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.ema:
                self.ema.load_state_dict(state["ema"])
        self.statistics = RunningStatistics(network, steps.micro_batches, group)
        self.forward = self._wrap()

    def _wrap(self) -> nn.Module:
        forward = self.network
        if self.config["compile"]:
            forward = compile_network(forward, self.group.device, "final.compile")
        if self.group.size > 1:
            with warnings.catch_warnings(action="ignore", category=FutureWarning):
                # Newer versions of torch have another name for broadcast_buffers, older ones not.
                forward = DistributedDataParallel(
                    forward,
                    broadcast_buffers=False,  # RunningStatistics puts them together
                    gradient_as_bucket_view=True,
                    find_unused_parameters=self._has_idle_weights(),
                )
        return forward

    def _has_idle_weights(self) -> bool:
        """Whether no loss depends on some weights: edges of NAS-Bench-201 may lead nowhere."""
        size, network = self.config["image_size"], self.network.train()
        before = [value.clone() for value in network.buffers()]
        outputs = network(torch.zeros(2, 3, size, size, device=self.group.device))
        total = sum(logits.sum() for logits in outputs if logits is not None)
        found = torch.autograd.grad(total, list(network.parameters()), allow_unused=True)
        for value, old in zip(network.buffers(), before, strict=True):
            value.copy_(old)
        return any(gradient is None for gradient in found)

    @property
    def result(self) -> nn.Module:
        """The network that is evaluated and kept: the moving average, where there is one."""
        return self.ema.network if self.ema else self.network.network

    def state_dict(self) -> dict:
        """What a checkpoint keeps."""
        return {
            "model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "ema": self.ema.state_dict() if self.ema else None,
        }

    def take(self, batches: Iterator[MicroBatch], learning_rate: float) -> torch.Tensor:
        """Take one step.

        Parameters
        ----------
        batches
            Gives this process's micro-batches, of which the step's are taken.
        learning_rate
            Of this step.

        Returns
        -------
        torch.Tensor
            Sum of the loss over this process's images, without the auxiliary head's, float64.
        """
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        self.statistics.begin_step()
        total = torch.zeros((), dtype=torch.float64, device=self.group.device)
        for number in range(self.per_process):
            images, labels, kept = next(batches)
            with self._exchanging_gradients(number == self.per_process - 1):
                loss, part = self._calc_loss(images, labels, kept)
                # DistributedDataParallel takes the mean over processes of these sums.
                (part / self.per_process).backward()
            self.statistics.end_micro_batch()
            total += loss.detach() * len(labels)
        if self.config["gradient_clip"] is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.config["gradient_clip"])
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.statistics.end_step()
        if self.ema:
            self.ema.update()
        return total

    def _exchanging_gradients(self, last: bool) -> contextlib.AbstractContextManager:
        """Processes add their gradients up after the last micro-batch only."""
        if self.group.size == 1 or last:
            return contextlib.nullcontext()
        return self.forward.no_sync()

    def _calc_loss(
        self, images: torch.Tensor, labels: torch.Tensor, kept: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss, and what is minimised: with the auxiliary head's, times its weight."""
        with autocast(self.group.device):
            logits, auxiliary = self.forward(images, kept)
        smoothing = self.config["label_smoothing"]
        loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
        if auxiliary is None:
            return loss, loss
        other = nn.functional.cross_entropy(auxiliary.float(), labels, label_smoothing=smoothing)
        return loss, loss + self.config["auxiliary"] * other
