"""Macaque V4 of Cowley et al. 2023: spike counts of one session and its images."""

from pathlib import Path

import numpy as np
import pandas as pd

from tgas_neuro.errors import UserError
from tgas_neuro.recordings.archives import read_members
from tgas_neuro.recordings.assembly import Recordings, build_assembly
from tgas_neuro.recordings.description import check_options


def read_cowley2023_v4(description: dict, files: dict[str, Path]) -> Recordings:
    """Read one session: an .npy of spike counts and a .zip of images.

    The array is (neuron, image, repetition slot); NaN fills the slots that an image did not use,
    which are the same for all neurons recorded at once. Image i (``image%04d.jpg``, from 1)
    belongs to column i - 1 (the source's readme.txt).

    Raises
    ------
    UserError
        A file is missing, truncated or another one, or the two do not belong together.
    """
    options = check_options(description, "cowley2023_v4")
    counts_path = _find_file(description, files, ".npy")
    archive_path = _find_file(description, files, ".zip")
    counts = load_counts(counts_path)
    present = ~np.isnan(counts[0])  # (image, slot)
    n_neurons, n_images = counts.shape[:2]
    filenames = [f"image{index + 1:04d}.jpg" for index in range(n_images)]
    images = dict(read_members(archive_path))
    _check_images(archive_path, counts_path, images, filenames)

    prefix = f"{description['name']}_{options['session']}"
    stimulus_ids = np.array([f"{prefix}_{name.removesuffix('.jpg')}" for name in filenames])
    image, slot = np.nonzero(present)
    repetition = (np.cumsum(present, axis=1) - 1)[image, slot]
    neuron_prefix = f"{description['name']}_{options['animal']}_{options['session']}"
    assembly = build_assembly(
        counts[:, image, slot].T,
        {"stimulus_id": stimulus_ids[image], "repetition": repetition},
        {
            "neuroid_id": [f"{neuron_prefix}_{index:02d}" for index in range(n_neurons)],
            "region": ["V4"] * n_neurons,
            "animal": [options["animal"]] * n_neurons,
        },
        {"unit": "spikes", "time_window_ms": "100 ms wide, onset not stated by the source"},
    )
    stimuli = pd.DataFrame(
        {"stimulus_id": stimulus_ids, "filename": filenames, "degrees": float(options["degrees"])}
    )
    return Recordings(stimuli, list(images.items()), assembly)


def load_counts(path: Path) -> np.ndarray:
    """Spike counts (neuron, image, repetition slot), float64, NaN in slots that were not used."""
    try:
        counts = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(
            f"{path}: not a readable .npy array ({error}); it may be truncated: "
            "delete it to have it fetched again"
        ) from None
    if not isinstance(counts, np.ndarray) or counts.ndim != 3 or counts.dtype.kind not in "fiu":
        found = f"{getattr(counts, 'shape', '?')} of {getattr(counts, 'dtype', type(counts))}"
        raise UserError(
            f"{path}: expected numbers of shape (neuron, image, repetition slot), found {found}; "
            "use a file of the source's folder responses_raw"
        )
    counts = counts.astype(np.float64, copy=False)
    missing = np.isnan(counts)
    if (missing != missing[:1]).any():
        neuron, image, slot = np.argwhere(missing != missing[:1])[0]
        raise UserError(
            f"{path}: neuron {neuron} and neuron 0 differ in whether image {image + 1} has "
            f"repetition slot {slot}; neurons recorded at once share their repetitions"
        )
    empty = missing[0].all(axis=1)
    if empty.any():
        raise UserError(
            f"{path}: image {int(empty.argmax()) + 1} has no repetition ({int(empty.sum())} such)"
        )
    valid = counts[~missing]
    if (valid < 0).any() or (valid % 1 != 0).any():
        raise UserError(f"{path}: spike counts must be whole numbers from 0; this is another file")
    return counts


def _find_file(description: dict, files: dict[str, Path], ending: str) -> Path:
    names = [name for name in files if name.endswith(ending)]
    if len(names) != 1:
        raise UserError(
            f"{description['name']}.yaml: files: {len(names)} files end in {ending}, this reader "
            f"needs one (and one of .npy and .zip each); there are: {', '.join(files) or 'none'}"
        )
    return Path(files[names[0]])


def _check_images(
    archive: Path, counts: Path, images: dict[str, bytes], filenames: list[str]
) -> None:
    missing = [name for name in filenames if name not in images]
    further = [name for name in images if name not in set(filenames)]
    if missing or further:
        what = f"{missing[0]} is missing" if missing else f"{further[0]} belongs to no column"
        raise UserError(
            f"{archive}: {what}; it holds {len(images)} images, {counts.name} has responses to "
            f"{len(filenames)}: both files must be of the same session"
        )
