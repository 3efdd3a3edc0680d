"""Simulated inputs of gpu_check.py: images with classes, a teacher, features of a layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from rdm_inputs import REGIONS
from rdm_inputs import write_inputs as write_layer

from tgas_neuro.architecture.cell.published import PNASNET5
from tgas_neuro.architecture.network import GenotypeNetwork, build_network
from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.config.premature import Premature
from tgas_neuro.images.decoded import decode_listing, load_decoded
from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.rdm.distances import calc_rdm
from tgas_neuro.rdm.streaming.ranked import RankedRDMs, rank_rdms
from tgas_neuro.simulation.stimuli import simulate_classification_split, simulate_stimuli
from tgas_neuro.simulation.ventral_stream import simulate_responses
from tgas_neuro.teacher.teacher import Teacher

SEED, CLASSES = 0, 8
LEARNING_RATE = 0.02
CEILINGS = {"ceiling": 0.8, "ceiling_half_0": 0.8, "ceiling_half_1": 0.8}


@dataclass(frozen=True)
class Case:
    """How large everything is.

    Attributes
    ----------
    size, filters, batch
        Width and height of images [pixel]; filters of the first stage; images of a step.
    images_per_class
        Of the 8 classes of the training split; the validation split has a quarter.
    stimuli_per_object
        Of the 64 objects of the teacher.
    epochs
        Of the candidate's training.
    features
        (row, unit) of each layer of which an RDM is compared.
    rounds
        How often contestants take turns.
    """

    size: int
    filters: int
    batch: int
    images_per_class: int
    stimuli_per_object: int
    epochs: float
    features: tuple[tuple[int, int], ...]
    rounds: int = 5


FULL = Case(32, 16, 64, 160, 10, 1, ((3200, 4096), (5760, 4096)))
QUICK = Case(16, 4, 16, 12, 9, 0.5, ((640, 64), (700, 128)), rounds=2)


@dataclass(frozen=True)
class Inputs:
    """What the parts share: the case, an image folder, and its training split decoded."""

    case: Case
    images: Path
    pixels: np.ndarray
    labels: np.ndarray

    @property
    def premature(self) -> Premature:
        """The section ``premature``."""
        network = {"filters": self.case.filters, "cells_per_stage": 1, "stages": 3}
        return Premature.model_validate(
            {
                "data": {"kind": "simulated"},
                "image_size": self.case.size,
                "network": network,
                "epochs": self.case.epochs,
                "batch_size": self.case.batch,
                "learning_rate": LEARNING_RATE,
            }
        )

    def build_network(self) -> GenotypeNetwork:
        """A PNASNet-5 network with fresh weights."""
        skeleton = build_skeleton(self.premature, CLASSES)
        return build_network(PNASNET5, skeleton, torch.Generator().manual_seed(SEED))


def write_images(folder: Path, case: Case) -> Path:
    """Render ``train`` and ``val`` into an image folder; return the folder."""
    for split, number in (("train", case.images_per_class), ("val", case.images_per_class // 4)):
        simulate_classification_split(folder / split, SEED, split, number, case.size)
    return folder


def load_images(images: Path, decoded: Path, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The training split decoded, (image, y, x, rgb) uint8, and its labels, (image,)."""
    listing = load_image_folder(images / "train", "training", "data")
    decode_listing(listing, case.size, decoded)
    pixels, labels, _ = load_decoded(decoded)
    return np.array(pixels), labels


def build_teacher(case: Case) -> Teacher:
    """V4 and IT of the simulated ventral stream, without noise."""
    shown, table = simulate_stimuli(SEED, {"V3": case.stimuli_per_object}, case.size)
    simulated = simulate_responses(shown, table, SEED)
    images = np.repeat(shown[..., None], 3, axis=3)
    return Teacher(
        {
            name: _build_region(images, simulated.rates[:, simulated.regions == name])
            for name in REGIONS
        },
        {},
    )


def _build_region(images: np.ndarray, rates: np.ndarray) -> xr.Dataset:
    standardised = (rates - rates.mean(axis=0)) / rates.std(axis=0)
    return xr.Dataset(
        {
            "rdm": ("pair", calc_rdm(standardised)),
            "half": ("row_name", (np.arange(len(images)) % 2).astype(np.int8)),
            "images": (("stimulus", "y", "x", "rgb"), images),
            "row": ("stimulus", np.arange(len(images))),
        },
        attrs=CEILINGS
        | {"corrected_for_noise": 1, "distance": "correlation", "comparison": "spearman"},
    )


def draw_layer(folder: Path, n_rows: int, n_units: int) -> tuple[torch.Tensor, RankedRDMs]:
    """Features of a rectified layer, (row, unit) float32, and the ranked RDMs of two regions."""
    folder.mkdir()
    write_layer(folder, n_rows, n_units, len(REGIONS), SEED)
    rdms: Mapping[str, np.ndarray] = {name: np.load(folder / f"{name}.npy") for name in REGIONS}
    features = torch.from_numpy(np.load(folder / "features.npy"))
    return features, rank_rdms(rdms, np.load(folder / "half.npy"))
