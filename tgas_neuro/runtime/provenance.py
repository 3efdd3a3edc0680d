"""What makes a result: configuration, seed, versions and data; random numbers from the seed.

Each purpose has a generator of its own, seeded by a hash of (seed, purpose). Nothing seeds
globally: the draws of one part never depend on those of another.
"""

import datetime
import hashlib
import json
from importlib import metadata
from typing import TypedDict

import numpy as np

from tgas_neuro import RESULTS_VERSION, __version__


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A seed in [0, 2**63) for one purpose of a run.

    Parameters
    ----------
    seed
        The run's seed.
    purpose
        What the numbers are for, for example ``("propose", generation)``.
    """
    text = json.dumps([int(seed), *purpose], separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def derive_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A `numpy.random.Generator` for one purpose of a run (see `derive_seed`)."""
    return np.random.default_rng(derive_seed(seed, *purpose))


PACKAGES = ("torch", "torchvision", "numpy", "scipy", "xarray", "optuna", "snakemake")


class Provenance(TypedDict):
    """Version of the package and of its results, the run's seed, and digests by name."""

    tgas_neuro: str
    results_version: int
    seed: int
    digests: dict[str, str]


def build_provenance(seed: int, **digests: str) -> Provenance:
    """Describe what made a result.

    Parameters
    ----------
    seed
        The run's seed.
    digests
        Name to SHA-256 of a part of the configuration or of data.
    """
    return {
        "tgas_neuro": __version__,
        "results_version": RESULTS_VERSION,
        "seed": seed,
        "digests": dict(sorted(digests.items())),
    }


def list_versions() -> dict[str, str]:
    """Versions of the packages that numbers depend on, without importing them."""
    versions = {"tgas_neuro": __version__}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def get_time() -> str:
    """The time now in UTC, ISO 8601, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
