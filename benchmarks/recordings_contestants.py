"""Contestants of `recordings.py`: means over repetitions, and the laboratory's file."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import REQUIRED_ATTRS, build_assembly, validate_assembly
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.readers.lab_hdf5 import read_lab_hdf5

Run = Callable[[], dict[str, Any]]
DATA_SET = "majajhong2015_lab"
DESCRIPTIONS = Path(__file__).parents[1] / "neural_data"
LABELS = ("object_name", "category", "variation_level")
BLOCK = 4096  # presentations drawn at once
# coordinates of a presentation, as HvM's stimulus table names them; Brain-Score groups by all of
# them and by stimulus_id. In BrainIO's documentation that table has 18 columns
TEXTS = ("object_name", "category_name", "background_id", "image_file_name")
NUMBERS = ("variation", "size", "s", "tz", "ty", "rxy", "rxz", "ryz")
SEMANTIC = ("rxy_semantic", "rxz_semantic", "ryz_semantic")


def simulate(images: list[int], trials: list[int], sites: int) -> xr.DataArray:
    """Standard normal means and noise; presentations in mixed order, as they were recorded.

    `images` and `trials` are those of each level of variation.
    """
    generator = np.random.default_rng(0)
    counts = np.repeat(trials, images)
    stimulus = np.repeat(np.arange(len(counts)), counts)
    repetition = np.arange(len(stimulus)) - (np.cumsum(counts) - counts)[stimulus]
    order = generator.permutation(len(stimulus))
    stimulus, repetition = stimulus[order], repetition[order]
    responses = generator.standard_normal((len(counts), sites), dtype=np.float32)[stimulus]
    for start in range(0, len(responses), BLOCK):
        part = responses[start : start + BLOCK]
        part += generator.standard_normal(part.shape, dtype=np.float32)
    names = np.array([hashlib.sha1(b"%d" % number).hexdigest() for number in range(len(counts))])
    return build_assembly(
        responses,
        {"stimulus_id": names[stimulus], "repetition": repetition},
        {
            "neuroid_id": np.array([f"n{number:04d}" for number in range(sites)]),
            "region": np.full(sites, "IT"),
            "animal": np.full(sites, "A"),
        },
    )


def prepare_average(folder: str, name: str, dtype: str, listed: bool, **size: Any) -> Run:
    """Ours: index, average; unless `listed`, the stimuli are found in the assembly first."""
    import torch

    from tgas_neuro.rdm.repetitions import average_repetitions, index_repetitions, list_stimuli

    assembly, save = simulate(**size), _save_once(folder, name)
    known = list_stimuli(assembly)  # a teacher has them from its stimulus table

    def run() -> dict[str, Any]:
        stimuli = known if listed else list_stimuli(assembly)
        row = np.arange(len(stimuli))
        indexed = index_repetitions(assembly, stimuli, row, getattr(torch, dtype))
        means = average_repetitions(indexed)
        return save(means.numpy)

    return run


def prepare_brainscore_average(folder: str, name: str, coords: list[str], **size: Any) -> Run:
    """Brain-Score: `average_repetition`, which groups by these coordinates and stimulus_id."""
    from brainscore_core.supported_data_standards.brainio.assemblies import (
        NeuronRecordingAssembly,
    )
    from brainscore_vision.benchmark_helpers.neural_common import average_repetition

    assembly, save = simulate(**size), _save_once(folder, name)
    shown = assembly["stimulus_id"].values
    stimuli, number = np.unique(shown, return_inverse=True)
    generator = np.random.default_rng(1)
    labels = {"stimulus_id": shown.astype(object), "repetition": assembly["repetition"].values}
    for coord in coords:
        texts = coord in TEXTS
        each = stimuli.astype(object) if texts else generator.standard_normal(len(stimuli))
        labels[coord] = each[number]
    theirs = NeuronRecordingAssembly(
        assembly.values,
        coords={key: ("presentation", values) for key, values in labels.items()}
        | {key: ("neuroid", assembly[key].values) for key in ("neuroid_id", "region")},
        dims=assembly.dims,
    )

    def run() -> dict[str, Any]:
        means = average_repetition(theirs)
        return save(lambda: means.transpose("presentation", "neuroid").sortby("stimulus_id").values)

    return run


def prepare_loop(folder: str, name: str, **size: Any) -> Run:
    """The oracle of the means: a loop over stimuli, float64."""
    assembly, save = simulate(**size), _save_once(folder, name)

    def run() -> dict[str, Any]:
        shown, responses = assembly["stimulus_id"].values, assembly.values
        means = [
            responses[shown == stimulus].mean(axis=0, dtype=np.float64)
            for stimulus in np.unique(shown)
        ]
        return save(lambda: np.stack(means))

    return run


def prepare_reading(folder: str, name: str, path: str) -> Run:
    """Ours: read, stamp, validate; the images wait until they are written."""
    description, save = load_description(DATA_SET, [DESCRIPTIONS]), _save_once(folder, name)
    options = description.read_options()
    stamp = {attr: getattr(description, attr, "made") for attr in REQUIRED_ATTRS}

    def run() -> dict[str, Any]:
        recordings = read_lab_hdf5(DATA_SET, options, {Path(path).name: Path(path)})
        assembly = recordings.assembly.assign_attrs(stamp | recordings.assembly.attrs)
        validate_assembly(assembly, DATA_SET, recordings.stimuli)
        return save(lambda: assembly.values)

    return run


def prepare_plain_reading(folder: str, name: str, path: str) -> Run:
    """h5py, numpy and pandas: a table with the same rows and labels; nothing is checked."""
    description, save = load_description(DATA_SET, [DESCRIPTIONS]), _save_once(folder, name)

    def run() -> dict[str, Any]:
        parts, rows = [], []
        with h5py.File(path) as file:
            table = pd.DataFrame({key: file[f"image_meta/{key}"].asstr()[()] for key in LABELS})
            for level in description.options["levels"]:
                trials = file[f"time_averaged/variation_level_{level[1:]}"][()]
                n_trials, n_images, n_sites = trials.shape
                parts.append(trials.swapaxes(0, 1).reshape(-1, n_sites))
                images = np.flatnonzero(table["variation_level"] == level)
                each = {"repetition": np.tile(np.arange(n_trials), n_images)}
                rows.append(pd.DataFrame(each, index=np.repeat(images, n_trials)))
            animals = file["neural_meta/ANIMAL_INFO"].asstr()[()]
        presentations = pd.MultiIndex.from_frame(pd.concat(rows).join(table).reset_index())
        frame = pd.DataFrame(np.concatenate(parts), index=presentations, columns=animals)
        return save(lambda: frame.values)

    return run


def _save_once(folder: str, name: str) -> Callable[[Callable[[], np.ndarray]], dict[str, Any]]:
    """Keep the values of the first run, the warm-up, as a file; as JSON they would take memory.

    Beside them the highest resident memory of the whole process [10^6 bytes], inputs included.
    """
    path = Path(folder, f"{name}.npy")

    def save(get: Callable[[], np.ndarray]) -> dict[str, Any]:
        if path.exists():
            return {}
        peak = _read_peak()
        np.save(path, get())
        return {"process_mb": peak}

    return save


def _read_peak() -> float | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6


CONTESTANTS = {
    "average": prepare_average,
    "Brain-Score": prepare_brainscore_average,
    "loop": prepare_loop,
    "reading": prepare_reading,
    "plain reading": prepare_plain_reading,
}
