"""Probes: candidates that are trained on, to learn what first measurements say about later ones."""

import numpy as np
import torch
from torch import nn

from tgas_neuro.config.premature import Premature, Probes
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.search.candidate.child import DivergedError
from tgas_neuro.search.candidate.training import train_candidate
from tgas_neuro.search.records import ProbeResult


def is_probed(probes: Probes, seed: int, digest: str) -> bool:
    """Whether a candidate is probed.

    It depends on the run's seed and the canonical hash of the genotype alone, never on what the
    candidate is worth or when it is evaluated.

    Parameters
    ----------
    probes
        ``premature.probes``, whose ``share`` is the probability.
    seed
        The run's.
    digest
        Canonical hash of the genotype.
    """
    return bool(derive_generator(seed, "probed", digest).random() < probes.share)


def train_probe(
    network: nn.Module,
    images: np.ndarray,
    labels: np.ndarray,
    held_back: np.ndarray,
    premature: Premature,
    generator: np.random.Generator,
    device: torch.device,
) -> tuple[ProbeResult, int]:
    """Train a candidate on, from its weights after the short training, and measure its accuracy.

    The settings are those of the short training. The optimizer starts again, so that the momentum
    of the first training is lost; with 0.9 this is over after some ten steps.

    Parameters
    ----------
    network
        After `train_candidate`; trained in place.
    images, labels, held_back, device
        As for `train_candidate`; the accuracy is that on the same held-back images.
    premature
        That section of the configuration, with ``probes``.
    generator
        Draws the order of images and their augmentation.

    Returns
    -------
    result
        Its accuracy is None if the training diverged, which is no failure of the candidate.
    images_seen
        Training images of the probe; 0 if it diverged.
    """
    probes = premature.probes
    if probes is None:
        raise ValueError("premature.probes: none; nothing is probed")
    left = premature.model_copy(update={"epochs": probes.epochs - premature.epochs, "rungs": []})
    try:
        found = train_candidate(network, images, labels, held_back, left, generator, device)
    except DivergedError:
        return {"accuracy": None, "loss": None, "epochs": probes.epochs}, 0
    result: ProbeResult = {
        "accuracy": found.accuracy,
        "loss": found.loss,
        "epochs": probes.epochs,
    }
    return result, found.images_seen
