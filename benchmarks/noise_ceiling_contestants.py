"""Contestants of `noise_ceiling.py`: noise ceilings and site reliability of one data set."""

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from tgas_neuro.rdm import calc_noise_ceiling, calc_site_reliability
from tgas_neuro.rdm.repetitions import draw_split, index_repetitions, list_stimuli
from tgas_neuro.recordings.assembly import build_assembly

Run = Callable[[], dict[str, Any]]
SEED = 1  # of the splits


def simulate(stimuli: int, repetitions: int, sites: int) -> xr.DataArray:
    """Poisson counts of sites with shared structure, log-sd 0.8, mean rate about 1."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(stimuli, 6)) @ generator.normal(size=(6, sites)) / np.sqrt(6)
    counts = generator.poisson(np.repeat(np.exp(0.8 * hidden), repetitions, axis=0))
    identifiers = np.array([f"s{number:05d}" for number in range(stimuli)])
    return build_assembly(
        counts.astype(np.float32),
        {
            "stimulus_id": np.repeat(identifiers, repetitions),
            "repetition": np.tile(np.arange(repetitions), stimuli),
        },
        {
            "neuroid_id": np.array([f"n{number:04d}" for number in range(sites)]),
            "region": np.full(sites, "IT"),
            "animal": np.full(sites, "A"),
        },
    )


def prepare_ceiling(normalise: str, splits: int, **size: int) -> Run:
    """Ours: index, split, average, normalise, RDMs, Spearman, correction."""
    assembly = simulate(**size)

    def run() -> dict[str, Any]:
        ceiling = calc_noise_ceiling(
            assembly, splits, np.random.default_rng(SEED), normalise=normalise
        )
        return {"splits": ceiling.split_correlations, "ceiling": ceiling.ceiling}

    return run


def prepare_reliability(splits: int, **size: int) -> Run:
    """Ours: index, split, average, Pearson, Spearman-Brown."""
    assembly = simulate(**size)
    return lambda: {"sites": calc_site_reliability(assembly, splits, np.random.default_rng(SEED))}


def prepare_brainscore_ceiling(splits: int, **size: int) -> Run:
    """Brain-Score: its average of each half, its RDMMetric; the halves that we draw."""
    import brainscore_vision
    from brainscore_vision.benchmark_helpers.neural_common import average_repetition

    assembly = simulate(**size)
    theirs, metric = _convert(assembly), brainscore_vision.load_metric("rdm")
    stimuli = list_stimuli(assembly)
    indexed = index_repetitions(assembly, stimuli, np.arange(len(stimuli)))

    def run() -> dict[str, Any]:
        generator, found = np.random.default_rng(SEED), []
        for _ in range(splits):
            halves = [
                average_repetition(theirs[{"presentation": np.flatnonzero(half)}])
                for half in draw_split(indexed, generator)
            ]
            found.append(float(metric(*halves)))
        return {"splits": found}

    return run


def prepare_brainscore_reliability(**size: int) -> Run:
    """Brain-Score: its internal consistency, with ten splits of its own."""
    import brainscore_vision

    theirs = _convert(simulate(**size))
    metric = brainscore_vision.load_metric("internal_consistency")

    def run() -> dict[str, Any]:
        raw = metric(theirs).attrs["raw"].transpose("split", "neuroid").sortby("neuroid_id")
        return {"sites": raw.values.mean(axis=0), "spread": raw.values.std(axis=0, ddof=1)}

    return run


def _convert(assembly: xr.DataArray) -> Any:
    from brainscore_core.supported_data_standards.brainio.assemblies import (
        NeuronRecordingAssembly,
    )

    names = {"presentation": ("stimulus_id", "repetition"), "neuroid": ("neuroid_id", "region")}
    coords = {
        name: (dim, assembly[name].values) for dim, listed in names.items() for name in listed
    }
    coords["object_name"] = ("presentation", assembly["stimulus_id"].values)
    return NeuronRecordingAssembly(assembly.values, coords=coords, dims=assembly.dims)


CONTESTANTS = {
    "ceiling": prepare_ceiling,
    "reliability": prepare_reliability,
    "Brain-Score RDMMetric": prepare_brainscore_ceiling,
    "Brain-Score internal consistency": prepare_brainscore_reliability,
}
