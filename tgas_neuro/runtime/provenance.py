"""Provenance: which configuration, seed, versions and data made a result."""

import datetime
from importlib import metadata
from typing import TypedDict

from tgas_neuro import RESULTS_VERSION, __version__

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
