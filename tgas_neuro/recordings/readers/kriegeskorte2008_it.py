"""Monkey IT of Kriegeskorte et al. 2008: the published RDM of 92 object images."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.recordings.formats.archives import encode_images
from tgas_neuro.recordings.formats.mat5_files import load_mat_variables
from tgas_neuro.recordings.readers.options import Kriegeskorte2008ItOptions
from tgas_neuro.runtime.errors import UserError

VARIABLES = ("stimuli_92objs", "RDMs_mIT_hIT_fig1")
MONKEY_RDM = "mIT_674neurons"
N_STIMULI = 92
IMAGE_SHAPE = (175, 175, 3)
FLAGS = ("human", "face", "animal", "natural")
CATEGORIES = {
    "human bodypart": {"human": 1, "face": 0, "animal": 1, "natural": 1},
    "human face": {"human": 1, "face": 1, "animal": 1, "natural": 1},
    "nonhuman bodypart": {"human": 0, "face": 0, "animal": 1, "natural": 1},
    "nonhuman face": {"human": 0, "face": 1, "animal": 1, "natural": 1},
    "natural inanimate": {"human": 0, "face": 0, "animal": 0, "natural": 1},
    "artificial inanimate": {"human": 0, "face": 0, "animal": 0, "natural": 0},
}


def read_kriegeskorte2008_it(
    dataset: str, options: Kriegeskorte2008ItOptions, files: dict[str, Path]
) -> Recordings:
    """Read the supplemental .mat: 92 images with categories, and the RDM of monkey IT.

    The RDM is 1 - Pearson correlation over 674 neurons of two animals, condensed to 4186 pairs
    as MATLAB's ``pdist`` and ``squareform`` order them: below the diagonal, column by column.
    An RDM is symmetric: this is the part above the diagonal row by row, which is scipy's order, and
    the vector is taken as it is. (The human RDM of the file is not used.)

    Raises
    ------
    UserError
        The file is missing, truncated or another one.
    """
    path = _find_mat(dataset, files)
    content = _load_mat(path)
    stimuli = _read_stimuli(path, content["stimuli_92objs"])
    pixels = stimuli.pop("pixels")
    table = pd.DataFrame(stimuli)
    number = [f"{index + 1:02d}" for index in range(len(table))]
    table.insert(0, "stimulus_id", [f"{dataset}_{text}" for text in number])
    table.insert(1, "filename", [f"stimulus_{text}.png" for text in number])
    table.insert(2, "degrees", options.degrees)
    rdm = _read_monkey_rdm(path, content["RDMs_mIT_hIT_fig1"])
    rdms = xr.DataArray(
        rdm[np.newaxis],
        dims=("region", "pair"),
        coords={"region": ["IT"]},
        attrs={
            "unit": "1 - Pearson correlation",
            "time_window_ms": "not stated in the file",
            "animal": "two animals pooled",
            "n_sites": 674,
        },
        name="rdm",
    )
    return Recordings(table, encode_images(list(table["filename"]), pixels), rdms=rdms)


def _find_mat(dataset: str, files: dict[str, Path]) -> Path:
    names = [name for name in files if name.endswith(".mat")]
    if len(names) != 1:
        raise UserError(
            f"{dataset}.yaml: files: {len(names)} files end in .mat, this reader needs "
            f"one; there are: {', '.join(files) or 'none'}"
        )
    return Path(files[names[0]])


def _load_mat(path: Path) -> dict:
    content = load_mat_variables(path)
    missing = [name for name in VARIABLES if name not in content]
    if missing:
        found = ", ".join(name for name in content if not name.startswith("__")) or "none"
        raise UserError(
            f"{path}: variable {missing[0]!r} is missing, there are: {found}; "
            "expected Kriegeskorte_Neuron2008_supplementalData.mat"
        )
    return content


def _read_stimuli(path: Path, stimuli: np.ndarray) -> dict[str, list]:
    """Columns ``category_name``, the four flags as 0 or 1, and ``pixels`` (row, column, RGB)."""
    fields = stimuli.dtype.names or ()
    missing = [field for field in ("category", *FLAGS, "image") if field not in fields]
    if missing or stimuli.size != N_STIMULI:
        what = f"field {missing[0]!r} missing" if missing else f"{stimuli.size} stimuli"
        raise UserError(f"{path}: stimuli_92objs: {what}, expected {N_STIMULI} with all fields")
    columns: dict[str, list] = {name: [] for name in ("category_name", *FLAGS, "pixels")}
    for index, entry in enumerate(stimuli.ravel()):
        category = str(np.ravel(entry["category"])[0])
        flags = {flag: int(np.ravel(entry[flag])[0]) for flag in FLAGS}
        if CATEGORIES.get(category) != flags:
            raise UserError(
                f"{path}: stimulus {index + 1}: category {category!r} with flags {flags}, expected "
                f"one of {', '.join(CATEGORIES)} with its own flags"
            )
        image = entry["image"]
        if image.shape != IMAGE_SHAPE or image.dtype != np.uint8:
            raise UserError(
                f"{path}: stimulus {index + 1}: image is {image.shape} of {image.dtype}, "
                f"expected {IMAGE_SHAPE} of uint8"
            )
        columns["category_name"].append(category)
        columns["pixels"].append(image)
        for flag in FLAGS:
            columns[flag].append(flags[flag])
    return columns


def _read_monkey_rdm(path: Path, rdms: np.ndarray) -> np.ndarray:
    n_pairs = N_STIMULI * (N_STIMULI - 1) // 2
    if not {"name", "RDM"} <= set(rdms.dtype.names or ()):
        raise UserError(f"{path}: RDMs_mIT_hIT_fig1 has no fields 'name' and 'RDM'")
    named = {str(np.ravel(entry["name"])[0]): np.ravel(entry["RDM"]) for entry in rdms.ravel()}
    if MONKEY_RDM not in named:
        raise UserError(f"{path}: no RDM named {MONKEY_RDM!r}; there are: {', '.join(named)}")
    rdm = named[MONKEY_RDM]
    if rdm.shape != (n_pairs,):
        raise UserError(f"{path}: RDM {MONKEY_RDM!r} has {rdm.size} pairs, expected {n_pairs}")
    return rdm.astype(np.float32)
