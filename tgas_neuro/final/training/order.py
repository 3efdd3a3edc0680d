"""The steps of the final training: their images, the process of each, and the learning rate."""

import math
from dataclasses import dataclass

import numpy as np

from tgas_neuro.config.final import Final, check_processes
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator


@dataclass(frozen=True)
class Steps:
    """How the images of an epoch are divided; the number of processes has no influence.

    Attributes
    ----------
    steps
        Steps of an epoch.
    micro_batches
        Micro-batches of a step; the step uses the mean of their gradients.
    size
        Images of a micro-batch: they pass through the network together, and batch normalisation
        takes its statistics from them.
    """

    steps: int
    micro_batches: int
    size: int

    @property
    def images(self) -> int:
        """Images of one step."""
        return self.micro_batches * self.size


def count_processes(settings: Final, gpus: int) -> int:
    """Processes on this machine: ``final.processes``, or for ``auto`` the GPUs that share a step.

    Parameters
    ----------
    settings
        The section ``final``, complete and checked.
    gpus
        GPUs to use; 0 means that the CPU computes, in one process.

    Raises
    ------
    UserError
        There are fewer GPUs than processes.
    """
    if settings.processes != "auto":
        if 0 < gpus < settings.processes:
            raise UserError(
                f"final.processes: {settings.processes}, but this machine shows {gpus} GPUs, one "
                "for each process; take auto, or fewer"
            )
        return settings.processes
    number = settings.count_micro_batches()
    return max(n for n in range(1, max(gpus, 1) + 1) if number % n == 0)


def plan_steps(n_samples: int, settings: Final, processes: int = 1) -> Steps:
    """Divide an epoch of `n_samples` images into steps.

    Images that do not fill a step are left out (other ones in each epoch). A split smaller than a
    step is one step of as many whole micro-batches as it has, at least one.

    Raises
    ------
    UserError
        The processes cannot share the micro-batches of a step equally.
    """
    check_processes(settings, processes)
    size = min(settings.micro_batch or settings.batch_size, n_samples)
    number = min(settings.batch_size, n_samples) // size
    if number % processes:
        raise UserError(
            f"final.batch_size: {settings.batch_size}, but there are only {n_samples} training "
            f"images: {number} micro-batches of {size}, which {processes} processes cannot share "
            "equally; make it smaller, or final.processes 1"
        )
    return Steps(n_samples // (number * size), number, size)


def draw_order(seed: int, epoch: int, n_samples: int, steps: Steps) -> np.ndarray:
    """Sample numbers of an epoch, (step, micro-batch, sample), int64.

    They are a permutation that depends on (seed, epoch) alone.
    """
    order = derive_generator(seed, "final", "order", epoch).permutation(n_samples)
    used = order[: steps.steps * steps.images]
    return used.reshape(steps.steps, steps.micro_batches, steps.size)


def deal_micro_batches(order: np.ndarray, first: int, rank: int, processes: int) -> np.ndarray:
    """Micro-batches of one process from step `first` on, (micro-batch, sample), in their order.

    The k-th micro-batch of a step belongs to the process of rank k modulo `processes`. Every
    process thus has equally many micro-batches of every step.
    """
    return order[first:, rank::processes].reshape(-1, order.shape[2])


def calc_learning_rate(step: int, n_steps: int, per_epoch: int, settings: Final) -> float:
    """Learning rate of one step.

    It rises linearly over the first ``warmup * n_steps`` steps to ``learning_rate``, then falls
    according to ``schedule``.

    Parameters
    ----------
    step
        In [0, n_steps).
    n_steps
        Steps of the whole training.
    per_epoch
        Steps of one epoch.
    settings
        The section ``final``. Read: ``schedule``, a key of `SCHEDULES`; ``learning_rate``, the
        highest; ``warmup``, the share of steps that rise, in [0, 1); for the exponential schedule
        ``decay`` and ``decay_epochs``.
    """
    rising = round(settings.warmup * n_steps)
    if step < rising:
        return settings.learning_rate * (step + 1) / (rising + 1)
    fall = SCHEDULES[settings.schedule]
    return settings.learning_rate * fall(step, rising, n_steps, per_epoch, settings)


def calc_cosine(step: int, rising: int, n_steps: int, per_epoch: int, settings: Final) -> float:
    """Half a cosine (Loshchilov & Hutter 2017): from 1 to nearly 0 at the last step."""
    passed = (step - rising) / max(1, n_steps - rising)
    return 0.5 * (1 + math.cos(math.pi * passed))


def calc_exponential(
    step: int, rising: int, n_steps: int, per_epoch: int, settings: Final
) -> float:
    """Multiply by ``decay`` after every ``decay_epochs`` epochs, counted from the first step.

    With 0.97 and 2.4 this is the schedule of NASNet and PNASNet-5 on ImageNet (Zoph et al. 2018,
    Liu et al. 2018): in stairs, as in the code that trained them (TensorFlow's slim).
    """
    stair = max(1, round(settings.decay_epochs * per_epoch))
    return float(settings.decay ** (step // stair))


# How the learning rate falls.
SCHEDULES = {"cosine": calc_cosine, "exponential": calc_exponential}
