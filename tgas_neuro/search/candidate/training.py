"""The premature training: a candidate learns for a short while, at a constant learning rate."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tgas_neuro.config.premature import Premature
from tgas_neuro.images.augmentation import augment_batch
from tgas_neuro.images.decoded import count_held_back
from tgas_neuro.images.pixels import load_batch
from tgas_neuro.runtime.devices import autocast
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.candidate.child import DivergedError

STEPS_BETWEEN_CHECKS = 10  # a look at the loss makes a GPU wait


@dataclass(frozen=True)
class TrainingResult:
    """Result of a short training.

    Attributes
    ----------
    accuracy
        P: share of the held-back training images that are classified correctly, in [0, 1].
    loss
        Cross-entropy on them [nat].
    n_train, n_held_back
        Number of images for training, and of held-back ones.
    images_seen
        Number of images in all steps.
    stopped_at
        The rung [epoch] at which training was stopped and accuracy and loss were measured; None
        when it ran to the end.
    """

    accuracy: float
    loss: float
    n_train: int
    n_held_back: int
    images_seen: int
    stopped_at: float | None = None


def draw_held_back(labels: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """Draw the part of the training split on which P is measured, equal in all classes.

    Parameters
    ----------
    labels
        (image,), class numbers.
    share
        In (0, 0.5]: this share of the smallest class, from each class, at least one image.
    generator
        Seeded by the run: all candidates are measured on the same images.

    Returns
    -------
    held_back
        (image,), bool.
    """
    classes = np.unique(labels)
    number = count_held_back(labels, share) // len(classes)
    held_back = np.zeros(len(labels), dtype=bool)
    for label in classes:
        held_back[generator.permutation(np.flatnonzero(labels == label))[:number]] = True
    return held_back


def train_candidate(
    network: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    held_back: np.ndarray,
    premature: Premature,
    generator: np.random.Generator,
    device: torch.device,
    rungs: Sequence[float] = (),
    at_rung: Callable[[float], bool] = lambda rung: True,
) -> TrainingResult:
    """Train a candidate for a short while and measure P.

    Parameters
    ----------
    network
        Freshly initialised; trained in place and left in evaluation mode.
    images
        (image, y, x, rgb), uint8, memory-mapped or not: the training split.
    labels
        (image,), class numbers.
    held_back
        (image,), bool: never trained on.
    premature
        That section of the configuration.
    generator
        Draws the order of images and their augmentation.
    device
        Where to compute; bf16 autocast on a GPU only, where it pays.
    rungs
        Epochs, ascending, below ``premature.epochs``, after which `at_rung` is called.
    at_rung
        Called with the rung while the network is in evaluation mode; it must not change the
        network. Training continues if it returns True, with the same numbers as without the call.

    Raises
    ------
    DivergedError
        The loss or an output is not finite.
    UserError
        Rungs that do not ascend, or are not below the epochs.
    """
    network.to(device).to(memory_format=torch.channels_last).train()
    optimizer = build_sgd(
        network, premature.learning_rate, premature.momentum, premature.weight_decay
    )
    train = np.flatnonzero(~held_back)
    batch_size = min(premature.batch_size, len(train))
    steps = max(1, round(premature.epochs * len(train) / batch_size))
    rung_after = _place_rungs(rungs, premature.epochs, len(train) / batch_size, steps)
    stopped_at = None
    order = _draw_order(train, steps * batch_size, generator)
    forward = _compile(network, device) if premature.compile else network
    for step in range(steps):
        batch = np.sort(order[step * batch_size : (step + 1) * batch_size])
        x = load_batch(images, batch, device)
        if premature.augment:
            x = augment_batch(x, generator)
        loss = take_step(forward, optimizer, x, labels[batch])
        if step % STEPS_BETWEEN_CHECKS == 0 or step == steps - 1:
            _check_finite(loss, f"loss at step {step + 1} of {steps}")
        if step + 1 in rung_after:
            network.eval()
            if not at_rung(rung_after[step + 1]):
                stopped_at = rung_after[step + 1]
                break
            network.train()
    accuracy, cross_entropy = measure_accuracy(
        network, images, labels, np.flatnonzero(held_back), device
    )
    seen = (step + 1) * batch_size
    return TrainingResult(
        accuracy, cross_entropy, len(train), int(held_back.sum()), seen, stopped_at
    )


def take_step(
    forward: Callable[[torch.Tensor], torch.Tensor],
    optimizer: torch.optim.Optimizer,
    x: torch.Tensor,
    labels: np.ndarray,
) -> torch.Tensor:
    """One step of training on a batch; the loss before it.

    Parameters
    ----------
    forward
        The network, or its compiled form.
    optimizer
        Of its parameters.
    x
        (image, rgb, y, x), on the device of the network.
    labels
        (image,), class numbers.
    """
    target = torch.from_numpy(labels.astype(np.int64)).to(x.device)
    with autocast(x.device):
        loss = nn.functional.cross_entropy(forward(x), target)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return loss


def build_sgd(
    network: nn.Module, learning_rate: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum; weight decay on matrices and kernels, not on norms and biases."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.SGD(
        [
            {"params": decayed, "weight_decay": weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ],
        lr=learning_rate,
        momentum=momentum,
        nesterov=momentum > 0,
        fused=True,  # one pass over all parameters: the same numbers
    )
    optimizer.register_step_pre_hook(_match_strides)
    return optimizer


def _match_strides(optimizer: torch.optim.Optimizer, *_: object) -> None:
    """Give gradients the strides of their weights; the fused kernel of a GPU refuses others.

    Autograd lets them differ where a weight has one row, column or channel (depthwise and
    pointwise kernels, channels last). The order of the values in memory is the same.
    """
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if weight.grad is not None and weight.grad.stride() != weight.stride():
                weight.grad = weight.grad.as_strided(weight.size(), weight.stride())


def _compile(network: nn.Module, device: torch.device) -> Callable[[torch.Tensor], torch.Tensor]:
    """The network as compiled code, which torch keeps on disk for the next time."""
    compiler = os.environ.get("CXX", "g++")
    if device.type == "cpu" and shutil.which(compiler) is None:
        raise UserError(
            f"premature.compile: true needs a C++ compiler, and {compiler!r} is not found; install "
            "it, name another in CXX, or set it to false"
        )
    from torch._inductor import config  # loads for a second

    config.compile_threads = 1  # torch's compiling processes would outlive a killed candidate
    return torch.compile(network, dynamic=False)


@torch.inference_mode()
def measure_accuracy(
    network: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    chosen: np.ndarray,
    device: torch.device,
    batch_size: int = 250,
) -> tuple[float, float]:
    """Accuracy in [0, 1] and cross-entropy [nat] on the images numbered by `chosen`."""
    network.eval()
    correct, total = 0, 0.0
    for start in range(0, len(chosen), batch_size):
        batch = chosen[start : start + batch_size]
        target = torch.from_numpy(labels[batch].astype(np.int64)).to(device)
        with autocast(device):
            logits = network(load_batch(images, batch, device)).float()
        _check_finite(logits, "output on held-back images")
        correct += int((logits.argmax(dim=1) == target).sum())
        total += float(nn.functional.cross_entropy(logits, target, reduction="sum"))
    return correct / len(chosen), total / len(chosen)


def _draw_order(train: np.ndarray, number: int, generator: np.random.Generator) -> np.ndarray:
    """Image numbers of all steps: whole permutations, the last one cut."""
    passes = -(-number // len(train))
    return np.concatenate([generator.permutation(train) for _ in range(passes)])[:number]


def _place_rungs(
    rungs: Sequence[float], epochs: float, steps_of_an_epoch: float, steps: int
) -> dict[int, float]:
    """Number of steps after which each rung is reached."""
    placed: dict[int, float] = {}
    for rung in rungs:
        step = max(1, round(rung * steps_of_an_epoch))
        if not max([0, *placed]) < step < steps:
            raise UserError(
                f"premature.rungs: {list(rungs)}; rung {rung} is after step {step} of {steps}; "
                f"expected ascending numbers of epochs between 0 and premature.epochs, {epochs}, "
                "each a step or more apart"
            )
        placed[step] = rung
    return placed


def _check_finite(values: torch.Tensor, what: str) -> None:
    if not bool(torch.isfinite(values).all()):
        raise DivergedError(f"{what} is not finite; premature.learning_rate may be too high")
