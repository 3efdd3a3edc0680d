"""Optimisers of the final training: momentum, or RMSprop as the papers of NASNet and PNASNet-5."""

from typing import Any

import torch
from torch import nn

from tgas_neuro.runtime.errors import check_choice
from tgas_neuro.search.candidate.training import build_optimizer as build_sgd

RMS_DECAY, RMS_EPSILON = 0.9, 1.0


class RMSProp(torch.optim.Optimizer):
    """RMSprop as TensorFlow computes it, in which those papers' settings are given.

    With gradient g (and the weight's L2 penalty in it), learning rate r, decay d, epsilon e,
    momentum m:

        v <- d v + (1 - d) g^2           starts at 1
        b <- m b + r g / sqrt(v + e)     starts at 0
        w <- w - b

    torch's own adds epsilon outside the root and starts v at 0, which with their epsilon of 1 is
    another optimiser.

    Parameters
    ----------
    groups
        Parameter groups, as for any optimiser of torch.
    lr
        Learning rate.
    momentum
        In [0, 1).
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float):
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Move all weights once."""
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)

    def _move(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["square"], state["move"] = torch.ones_like(weight), torch.zeros_like(weight)
        gradient = weight.grad.add(weight, alpha=group["weight_decay"])
        state["square"].mul_(RMS_DECAY).addcmul_(gradient, gradient, value=1 - RMS_DECAY)
        scaled = gradient.div_(state["square"].add(RMS_EPSILON).sqrt_())
        state["move"].mul_(group["momentum"]).add_(scaled, alpha=group["lr"])
        weight.sub_(state["move"])


def build_rmsprop(network: nn.Module, config: dict) -> RMSProp:
    """RMSprop; weight decay on matrices and kernels, not on norms and biases."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config["weight_decay"]}, {"params": plain}]
    return RMSProp(groups, config["learning_rate"], config["momentum"])


def build_optimizer(network: nn.Module, config: dict) -> torch.optim.Optimizer:
    """The optimiser that ``final.optimizer`` names, a key of `OPTIMIZERS`."""
    check_choice("final.optimizer", config["optimizer"], OPTIMIZERS)
    return OPTIMIZERS[config["optimizer"]](network, config)


# sgd: Nesterov momentum; rmsprop: decay 0.9, epsilon 1.
OPTIMIZERS = {"sgd": build_sgd, "rmsprop": build_rmsprop}
