"""One step of the final training: forward and backward passes, the optimiser, the averages."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from tgas_neuro.config.final import Final
from tgas_neuro.final.launch.processes import Group
from tgas_neuro.final.network.network import FinalNetwork, compile_network
from tgas_neuro.final.training.order import Steps
from tgas_neuro.runtime.devices import autocast
from tgas_neuro.search.candidate.training import build_sgd

# Images (sample, channel, height, width), labels (sample,), kept paths (sample, path) or None.
MicroBatch = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]

RMS_DECAY, RMS_EPSILON = 0.9, 1.0


class RMSProp(torch.optim.Optimizer):
    """RMSprop as TensorFlow computes it, for the settings of the NASNet and PNASNet-5 papers.

    With gradient g (including the weight's L2 penalty), learning rate r, decay d, epsilon e and
    momentum m:

        v <- d v + (1 - d) g^2           starts at 1
        b <- m b + r g / sqrt(v + e)     starts at 0
        w <- w - b

    torch's own adds epsilon outside the root and starts v at 0, which is another optimiser when
    epsilon is 1, as in those papers. `groups` are parameter groups as for any optimiser of torch.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float):
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # takes no closure
        """Update all weights once."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group)

    def _update(self, weight: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["square"], state["move"] = torch.ones_like(weight), torch.zeros_like(weight)
        gradient = gradient.add(weight, alpha=group["weight_decay"])
        state["square"].mul_(RMS_DECAY).addcmul_(gradient, gradient, value=1 - RMS_DECAY)
        scaled = gradient.div_(state["square"].add(RMS_EPSILON).sqrt_())
        state["move"].mul_(group["momentum"]).add_(scaled, alpha=group["lr"])
        weight.sub_(state["move"])


def build_nesterov(network: nn.Module, settings: Final) -> torch.optim.Optimizer:
    """Build SGD with Nesterov momentum, as for the candidates."""
    return build_sgd(network, settings.learning_rate, settings.momentum, settings.weight_decay)


def build_rmsprop(network: nn.Module, settings: Final) -> RMSProp:
    """Build `RMSProp`, with weight decay on matrices and kernels but not on norms and biases."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    spared = [p for p in network.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [{"params": decayed}, {"params": spared}]
    groups[0]["weight_decay"] = settings.weight_decay
    return RMSProp(groups, settings.learning_rate, settings.momentum)


def build_optimizer(network: nn.Module, settings: Final) -> torch.optim.Optimizer:
    """Build the optimiser that ``final.optimizer`` names, a key of `OPTIMIZERS`."""
    return OPTIMIZERS[settings.optimizer](network, settings)


OPTIMIZERS = {"sgd": build_nesterov, "rmsprop": build_rmsprop}


def build_average(network: nn.Module, decay: float) -> AveragedModel:
    """Build the exponential moving average of the weights (Polyak & Juditsky 1992).

    After the n-th step, n from 1, with d = min(decay, n / (n + 9)),

        average <- d * average + (1 - d) * current

    The first weights are thus soon forgotten (TensorFlow's ExponentialMovingAverage with a counter,
    as for NASNet and PNASNet-5). The running statistics of batch normalisation are averaged too,
    because the averaged network sees no images.

    Parameters
    ----------
    network
        The network to follow, on its device.
    decay
        In (0, 1); 0.9999 for an ImageNet training, less for a short one.
    """

    def follow(averages: Any, values: Any, n_averaged: Any) -> None:
        if not averages[0].is_floating_point():  # counts of batches
            torch._foreach_copy_(averages, values)
            return
        n = int(n_averaged)
        torch._foreach_lerp_(averages, values, 1 - min(decay, n / (n + 9)))

    average = AveragedModel(network, multi_avg_fn=follow, use_buffers=True)
    # From 0 AveragedModel would copy the first step's weights instead of averaging them.
    average.n_averaged.fill_(1)
    return average.eval().requires_grad_(False)


class RunningStatistics:
    """Updates the running statistics once a step, by the mean over all its micro-batches.

    Batch normalisation itself updates them once a micro-batch, so the result would depend on the
    order of micro-batches and on the process. Here every micro-batch starts from the statistics at
    the start of the step, s, and the step ends with the mean of the updated statistics over all
    micro-batches of all processes. With momentum m and batch statistics b_k this is
    mean_k((1 - m) s + m b_k) = (1 - m) s + m mean_k(b_k). With one micro-batch a step nothing is
    done: batch normalisation alone gives the same.

    Parameters
    ----------
    network
        Its running means and variances are changed in place.
    micro_batches
        Micro-batches of a step, in all processes of `group` together.
    """

    def __init__(self, network: nn.Module, micro_batches: int, group: Group):
        layers = [m for m in network.modules() if isinstance(m, _BatchNorm)]
        tracked = [layer for layer in layers if layer.running_mean is not None]
        found = [v for layer in tracked for v in (layer.running_mean, layer.running_var)]
        counts = [layer.num_batches_tracked for layer in tracked]
        self.current = [value for value in found if value is not None]
        self.counts = [value for value in counts if value is not None]
        self.micro_batches, self.group = micro_batches, group
        self.active = micro_batches > 1 and bool(self.current)
        if self.active:
            self.counted = int(self.counts[0])
            self.start = [value.clone() for value in self.current]
            self.total = [torch.zeros_like(value) for value in self.current]

    @torch.no_grad()
    def begin_step(self) -> None:
        """Call before the first micro-batch of a step."""
        if self.active:
            torch._foreach_copy_(self.start, self.current)
            torch._foreach_zero_(self.total)

    @torch.no_grad()
    def end_micro_batch(self) -> None:
        """Call after the forward pass of each micro-batch."""
        if self.active:
            torch._foreach_add_(self.total, self.current)
            torch._foreach_copy_(self.current, self.start)

    @torch.no_grad()
    def end_step(self) -> None:
        """Call after the last micro-batch of a step."""
        if not self.active:
            return
        flat = self.group.sum(torch.cat([value.flatten() for value in self.total]))
        pieces = flat.div_(self.micro_batches).split([value.numel() for value in self.total])
        torch._foreach_copy_(self.current, list(pieces))
        self.counted += 1  # a step counts as one batch
        torch._foreach_zero_(self.counts)
        torch._foreach_add_(self.counts, self.counted)


class Stepper:
    """The network with everything that changes it: optimiser, running statistics, average.

    Gradients and batch statistics are means over all micro-batches of a step, so that the number
    of processes changes only the rounding of sums.

    Parameters
    ----------
    network
        On the group's device, trained in place. Its ``network`` is the result.
    settings
        The section ``final``.
    steps
        How a step is divided into micro-batches.
    group
        The processes.
    state
        ``model``, ``optimizer`` and ``ema`` of a checkpoint, or None to begin.
    """

    def __init__(
        self,
        network: FinalNetwork,
        settings: Final,
        steps: Steps,
        group: Group,
        state: dict[str, Any] | None,
    ):
        self.network, self.settings, self.group = network, settings, group
        self.per_process = steps.micro_batches // group.size
        self.optimizer = build_optimizer(network, settings)
        self.ema = build_average(network.network, settings.ema) if settings.ema else None
        if state:
            network.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            if self.ema:
                self.ema.load_state_dict(state["ema"])
        self.statistics = RunningStatistics(network, steps.micro_batches, group)
        self.forward = self._wrap()

    def _wrap(self) -> nn.Module:
        forward: nn.Module = self.network
        if self.settings.compile:
            forward = compile_network(forward, self.group.device, "final.compile")
        if self.group.size > 1:
            with warnings.catch_warnings(action="ignore", category=FutureWarning):
                # Newer versions of torch rename broadcast_buffers; older ones lack the new name.
                forward = DistributedDataParallel(
                    forward,
                    broadcast_buffers=False,  # RunningStatistics combines them
                    gradient_as_bucket_view=True,
                    find_unused_parameters=self._has_idle_weights(),
                )
        return forward

    def _has_idle_weights(self) -> bool:
        """Whether the loss ignores some weights: edges of NAS-Bench-201 may lead nowhere."""
        size, network = self.settings.image_size, self.network.train()
        before = [value.clone() for value in network.buffers()]
        outputs = network(torch.zeros(2, 3, size, size, device=self.group.device))
        total = sum(logits.sum() for logits in outputs if logits is not None)
        found = torch.autograd.grad(total, list(network.parameters()), allow_unused=True)
        for value, old in zip(network.buffers(), before, strict=True):
            value.copy_(old)
        return any(gradient is None for gradient in found)

    @property
    def result(self) -> nn.Module:
        """The network to evaluate and keep: the moving average if there is one."""
        return self.ema.module if self.ema else self.network.network

    def state_dict(self) -> dict[str, Any]:
        """The state to keep in a checkpoint."""
        ema = self.ema.state_dict() if self.ema else None
        network, optimizer = self.network.state_dict(), self.optimizer.state_dict()
        return {"model": network, "optimizer": optimizer, "ema": ema}

    def take(self, batches: Iterator[MicroBatch], learning_rate: float) -> torch.Tensor:
        """Take one step on the next micro-batches of this process.

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
            # Processes add up their gradients after the last micro-batch only.
            with self._exchanging_gradients(number == self.per_process - 1):
                loss, part = self._calc_loss(images, labels, kept)
                # DistributedDataParallel takes the mean over processes of these sums.
                (part / self.per_process).backward()
            self.statistics.end_micro_batch()
            total += loss.detach() * len(labels)
        if self.settings.gradient_clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.gradient_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()
        self.statistics.end_step()
        if self.ema:
            self.ema.update_parameters(self.network.network)
        return total

    def _exchanging_gradients(self, last: bool) -> contextlib.AbstractContextManager[None]:
        if last or not isinstance(self.forward, DistributedDataParallel):
            return contextlib.nullcontext()
        return self.forward.no_sync()

    def _calc_loss(
        self, images: torch.Tensor, labels: torch.Tensor, kept: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean loss, and the loss to minimise: with the auxiliary head's, times its weight."""
        with autocast(self.group.device):
            logits, auxiliary = self.forward(images, kept)
        smoothing = self.settings.label_smoothing
        loss = nn.functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing)
        if auxiliary is None:
            return loss, loss
        other = nn.functional.cross_entropy(auxiliary.float(), labels, label_smoothing=smoothing)
        return loss, loss + self.settings.auxiliary * other
