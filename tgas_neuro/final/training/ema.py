"""The moving average of the weights: a second network that follows the trained one."""

import copy

import torch
from torch import nn


class MovingAverage:
    """Exponential moving average of weights and running statistics (Polyak & Juditsky 1992).

    After the n-th step, n from 1, with d = min(decay, n / (n + 9)),

        average <- d * average + (1 - d) * current

    so that the first steps, which know nothing yet, are soon forgotten (TensorFlow's
    ExponentialMovingAverage with a counter, as the released NASNet and PNASNet-5 were trained).
    The running statistics of batch normalisation are averaged too: the average network is not
    shown any image.

    Parameters
    ----------
    network
        Whose average is taken, on its device.
    decay
        In (0, 1); of an image net 0.9999, of a short training less.

    Attributes
    ----------
    network
        The average, in evaluation mode; not trained.
    steps
        Steps averaged over.
    """

    def __init__(self, network: nn.Module, decay: float):
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay, self.steps = decay, 0
        self._pairs = _pair_states(self.network, network)

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are after a step."""
        self.steps += 1
        weight = 1 - min(self.decay, self.steps / (self.steps + 9))
        averages, values, counts, others = self._pairs
        torch._foreach_lerp_(averages, values, weight)
        if counts:
            torch._foreach_copy_(counts, others)

    def state_dict(self) -> dict:
        """What a checkpoint keeps of it."""
        return {"steps": self.steps, "network": self.network.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        """Go on from a checkpoint."""
        self.steps = state["steps"]
        self.network.load_state_dict(state["network"])


def _pair_states(average: nn.Module, network: nn.Module) -> tuple[list[torch.Tensor], ...]:
    """Tensors to be averaged and those they follow; whole numbers, which are copied."""
    own, followed = average.state_dict(), network.state_dict()
    averaged = [name for name, value in own.items() if value.is_floating_point()]
    copied = [name for name in own if name not in averaged]
    return (
        [own[name] for name in averaged],
        [followed[name] for name in averaged],
        [own[name] for name in copied],
        [followed[name] for name in copied],
    )
