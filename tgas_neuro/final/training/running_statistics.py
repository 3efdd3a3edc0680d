"""Running statistics of batch normalisation, moved alike whoever computed which micro-batch."""

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from tgas_neuro.final.launch.distributed import Group


class RunningStatistics:
    """Moves the running statistics once a step, by the mean over all its micro-batches.

    Batch normalisation itself moves them once a micro-batch, so that the result would depend on
    the order and, among several processes, on which of them is asked. Here every micro-batch starts
    from the statistics at the step's start, s, and the step ends with the mean of what they make of
    it over all micro-batches of all processes; with momentum m and batch statistics b_k

        mean_k((1 - m) s + m b_k) = (1 - m) s + m mean_k(b_k).

    With one micro-batch a step nothing is done: batch normalisation alone gives the same.

    Parameters
    ----------
    network
        Its running means and variances are changed in place.
    micro_batches
        Of a step, in all processes together.
    group
        The processes.
    """

    def __init__(self, network: nn.Module, micro_batches: int, group: Group):
        layers = [m for m in network.modules() if isinstance(m, _BatchNorm)]
        tracked = [layer for layer in layers if layer.running_mean is not None]
        self.current = [
            value for layer in tracked for value in (layer.running_mean, layer.running_var)
        ]
        self.counts = [layer.num_batches_tracked for layer in tracked]
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
        self.counted += 1  # of steps, as if each were one batch
        torch._foreach_zero_(self.counts)
        torch._foreach_add_(self.counts, self.counted)
