"""The order of training images: steps, their micro-batches, and which process computes which."""

from dataclasses import dataclass

import numpy as np

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.seeds import derive_generator


@dataclass(frozen=True)
class Steps:
    """How the images of an epoch are dealt with; nothing in it depends on the processes.

    Attributes
    ----------
    steps
        Steps of an epoch.
    micro_batches
        Micro-batches of a step: their gradients are averaged.
    size
        Images of a micro-batch: what passes the network at once, and what batch normalisation
        takes its statistics from.
    """

    steps: int
    micro_batches: int
    size: int

    @property
    def images(self) -> int:
        """Images of one step."""
        return self.micro_batches * self.size


def check_batches(config: dict) -> None:
    """Check ``batch_size``, ``micro_batch``, ``processes`` and ``device`` of the section ``final``.

    Raises
    ------
    UserError
        Micro-batches do not make up the batch, or cannot be dealt to the processes; several of
        them are to use one GPU.
    """
    size = config["micro_batch"] or config["batch_size"]
    if config["batch_size"] % size:
        raise UserError(
            f"final.micro_batch: {size} images do not divide final.batch_size, "
            f"{config['batch_size']}; make it a divisor, or null for the whole batch at once"
        )
    if config["processes"] == "auto":
        return
    check_processes(config, config["processes"])
    if config["processes"] > 1 and ":" in config["device"]:
        raise UserError(
            f"final.device: {config['device']} is one GPU, and final.processes "
            f"{config['processes']} would use as many; take cuda, or one process"
        )


def check_processes(config: dict, processes: int) -> None:
    """Raise `UserError` unless the micro-batches of a step can be dealt to so many processes."""
    number = config["batch_size"] // (config["micro_batch"] or config["batch_size"])
    if number % processes:
        told = "null, the whole batch" if config["micro_batch"] is None else config["micro_batch"]
        raise UserError(
            f"final.micro_batch: {told}; a step of {config['batch_size']} images has {number} of "
            f"them, which {processes} processes cannot share equally; set it to "
            f"final.batch_size / (a multiple of {processes}), or change final.processes"
        )


def count_processes(config: dict, gpus: int) -> int:
    """Processes on this machine: ``final.processes``, or as many as GPUs that share a step.

    Parameters
    ----------
    config
        The section ``final``, complete and checked.
    gpus
        GPUs to be used; 0 means that the CPU computes, in one process.

    Raises
    ------
    UserError
        More processes are asked for than there are GPUs.
    """
    if config["processes"] != "auto":
        if 0 < gpus < config["processes"]:
            raise UserError(
                f"final.processes: {config['processes']}, but this machine shows {gpus} GPUs, one "
                "for each process; take auto, or fewer"
            )
        return config["processes"]
    number = config["batch_size"] // (config["micro_batch"] or config["batch_size"])
    return max(n for n in range(1, max(gpus, 1) + 1) if number % n == 0)


def plan_steps(n_samples: int, config: dict, processes: int = 1) -> Steps:
    """Steps of an epoch of so many images.

    What does not fill a step is left out (other images in each epoch). A split smaller than a
    step is one step, of as many whole micro-batches as it has, at least one.

    Raises
    ------
    UserError
        The micro-batches of a step cannot be dealt to the processes.
    """
    check_processes(config, processes)
    size = min(config["micro_batch"] or config["batch_size"], n_samples)
    number = min(config["batch_size"], n_samples) // size
    if number % processes:
        raise UserError(
            f"final.batch_size: {config['batch_size']}, but there are only {n_samples} training "
            f"images: {number} micro-batches of {size}, which {processes} processes cannot share "
            "equally; make it smaller, or final.processes 1"
        )
    return Steps(n_samples // (number * size), number, size)


def draw_order(seed: int, epoch: int, n_samples: int, steps: Steps) -> np.ndarray:
    """Sample numbers of an epoch, (step, micro-batch, sample), int64.

    A permutation that depends on (seed, epoch) alone.
    """
    order = derive_generator(seed, "final", "order", epoch).permutation(n_samples)
    used = order[: steps.steps * steps.images]
    return used.reshape(steps.steps, steps.micro_batches, steps.size)


def deal_micro_batches(order: np.ndarray, first: int, rank: int, processes: int) -> np.ndarray:
    """Micro-batches of one process from step `first` on, (micro-batch, sample), in their order.

    The k-th micro-batch of a step belongs to the process of rank k modulo `processes`, so that
    each has equally many of every step.
    """
    return order[first:, rank::processes].reshape(-1, order.shape[2])
