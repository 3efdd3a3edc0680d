"""The laboratory's ventral_neural_data.hdf5: all sites and images of Majaj, Hong et al. 2015."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tgas_neuro.recordings.assembly import Recordings, build_assembly
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats.archives import encode_png
from tgas_neuro.recordings.formats.hdf5_files import (
    Unwritten,
    get_dataset,
    list_blocks,
    open_hdf5,
    open_values,
    read_text,
    read_values,
)
from tgas_neuro.recordings.formats.hdf5_storage import get_object
from tgas_neuro.recordings.formats.pictures import check_pixels
from tgas_neuro.recordings.missing import drop_slots, number_repetitions, pack_repetitions
from tgas_neuro.recordings.readers.options import LabHdf5Options
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import h5py

REGIONS = {"V4": "neural_meta/V4_NEURONS", "IT": "neural_meta/IT_NEURONS"}
COLUMNS = {
    "object_name": "image_meta/object_name",
    "category_name": "image_meta/category",
    "variation": "image_meta/variation_level",
}
WINDOW_MS = [70, 170]


def read_lab_hdf5(dataset: str, options: LabHdf5Options, files: dict[str, Path]) -> Recordings:
    """Read the laboratory's file.

    It reads ``images`` (image, row, column), ``image_meta/{object_name, category,
    variation_level}`` (image), ``neural_meta/{V4_NEURONS, IT_NEURONS}`` (indices of sites),
    ``neural_meta/ANIMAL_INFO`` (site; text, bytes or whole numbers) and
    ``time_averaged/variation_level_{0,3,6}`` (trial, image of that level, site), mean rates of
    70-170 ms after onset. NaN marks a trial that a site does not have; of each image the trials
    that all sites have are kept (`pack_repetitions`).

    Parameters
    ----------
    dataset, options
        Name of the data set, and what its description says.
    files
        One file that ends in .hdf5 or .h5. It is read in blocks; all trials of 5,760 images and
        296 sites take 0.3 GB.

    Raises
    ------
    UserError
        The file is truncated or another one, lacks a part, or its parts do not fit together.
    """
    listed = ListedFiles(dataset, {key: Path(path) for key, path in files.items()})
    path = listed.find(None, (".hdf5", ".h5"), "files")
    unwritten = Unwritten()
    with open_hdf5(path) as file:
        stimuli = _read_stimuli(file, options.levels)
        images = get_dataset(file, "images", 3, "(image, row, column)")
        check_pixels(images.dtype, images.shape[1:], f"{path}: images")
        trials = [_get_trials(file, level, stimuli) for level in options.levels]
        sites = _read_sites(file, trials[0].shape[2], options.leave_out_sites)
        responses, counts = _read_trials(file, trials, sites, unwritten)
        row, repetition = number_repetitions(counts)
        check_trial_order(file, responses, row, stimuli, sites)
    rows = stimuli.pop("row").to_numpy()
    stimuli.insert(0, "stimulus_id", [f"{dataset}_{index:04d}" for index in rows])
    stimuli.insert(1, "filename", [f"image_{index:04d}.png" for index in rows])
    stimuli.insert(2, "degrees", options.degrees)
    coords = ["stimulus_id", *COLUMNS]
    assembly = build_assembly(
        responses,
        {coord: stimuli[coord].to_numpy(dtype=str)[row] for coord in coords}
        | {"repetition": repetition},
        {
            "neuroid_id": np.array([f"{dataset}_{index:03d}" for index in sites.index]),
            "region": sites["region"].to_numpy(dtype=str),
            "animal": sites["animal"].to_numpy(dtype=str),
        },
        {"unit": "firing rate, as the file has it", "time_window_ms": WINDOW_MS},
    )
    shown = _read_images(path, list(stimuli["filename"]), rows)
    return Recordings(stimuli, shown, assembly, notes=tuple(unwritten.describe(f"{path}: trials")))


def _read_stimuli(file: h5py.File, levels: Sequence[str]) -> pd.DataFrame:
    """Columns of `COLUMNS` and the file's ``row``, of the images of these levels, in turn."""
    n_images = get_dataset(file, "images", 3, "(image, row, column)").shape[0]
    table = pd.DataFrame({"row": np.arange(n_images)})
    for column, place in COLUMNS.items():
        dataset = get_dataset(file, place, 1, "(image,)")
        if len(dataset) != n_images:
            raise UserError(
                f"{file.filename}: {place} has {len(dataset)} entries, there are {n_images} images;"
                " both must be of the same images"
            )
        table[column] = read_text(dataset)
    there = sorted(set(table["variation"]))
    for level in levels:
        if level not in there:
            raise UserError(
                f"{file.filename}: image_meta/variation_level has no image of level {level!r}, "
                f"there are: {', '.join(there[:10])}; change options.levels"
            )
    parts = [table[table["variation"] == level] for level in levels]
    return pd.concat(parts, ignore_index=True)


def _get_trials(file: h5py.File, level: str, stimuli: pd.DataFrame) -> h5py.Dataset:
    place = f"time_averaged/variation_level_{level.removeprefix('V')}"
    trials = get_dataset(file, place, 3, "(trial, image, site)")
    n_images = int((stimuli["variation"] == level).sum())
    if trials.shape[1] != n_images or trials.dtype.kind not in "fiu":
        raise UserError(
            f"{file.filename}: {place} is {trials.shape} of {trials.dtype}, expected numbers of "
            f"shape (trial, image, site) with the {n_images} images of level {level}"
        )
    return trials


def _read_sites(file: h5py.File, n_sites: int, left_out: list[int]) -> pd.DataFrame:
    """Columns ``region`` and ``animal`` of the sites that belong to a region, by their index."""
    animals = read_text(get_dataset(file, "neural_meta/ANIMAL_INFO", 1, "(site,)"))
    if len(animals) != n_sites:
        raise UserError(
            f"{file.filename}: neural_meta/ANIMAL_INFO has {len(animals)} entries, the responses "
            f"have {n_sites} sites; expected one animal a site"
        )
    regions: dict[int, str] = {}
    for region, place in REGIONS.items():
        for index in _read_indices(file, place, n_sites):
            if index in regions:
                other = f"twice in {place}" if regions[index] == region else "in both regions"
                raise UserError(
                    f"{file.filename}: site {index} is {other}; a site belongs to one region"
                )
            regions[index] = region
    unknown = [index for index in left_out if index not in regions]
    if unknown:
        raise UserError(
            f"{file.filename}: options.leave_out_sites: {unknown[0]} is no site of V4 or IT; "
            f"there are {len(regions)}, up to {max(regions)}"
        )
    kept = sorted(set(regions) - set(left_out))
    if not kept:
        raise UserError(f"{file.filename}: options.leave_out_sites leaves no site; shorten it")
    return pd.DataFrame(
        {"region": [regions[index] for index in kept], "animal": animals[kept]}, index=kept
    )


def _read_indices(file: h5py.File, place: str, n_sites: int) -> list[int]:
    dataset = get_dataset(file, place, 1, "(site of the region,)")
    indices = read_values(dataset)
    if indices.dtype.kind not in "iu" or indices.min() < 0 or indices.max() >= n_sites:
        raise UserError(
            f"{file.filename}: {place} holds {indices.dtype} from {indices.min()} to "
            f"{indices.max()}, expected indices of sites from 0 to {n_sites - 1}"
        )
    return indices.tolist()


def _read_trials(
    file: h5py.File, trials: list[h5py.Dataset], sites: pd.DataFrame, unwritten: Unwritten
) -> tuple[np.ndarray, np.ndarray]:
    """Responses (presentation, site), float32, and the number of trials of each stimulus."""
    if len({dataset.shape[2] for dataset in trials}) > 1:
        shapes = ", ".join(f"{dataset.name} {dataset.shape}" for dataset in trials)
        raise UserError(f"{file.filename}: levels differ in their sites: {shapes}")
    n_rows = sum(dataset.shape[0] * dataset.shape[1] for dataset in trials)
    rows = np.empty((n_rows, len(sites)), dtype=np.float32)
    end, counts = 0, []
    for dataset in trials:
        n_trials, n_images, _ = dataset.shape
        read = open_values(dataset, unwritten)
        level = rows[end : end + n_trials * n_images].reshape(n_images, n_trials, len(sites))
        for trial, image, site in list_blocks(
            dataset.shape, dataset.chunks, dataset.dtype.itemsize
        ):
            # of the file's sites site.start ... site.stop, those of a region are kept
            kept = np.flatnonzero((sites.index >= site.start) & (sites.index < site.stop))
            if len(kept):
                block = read((trial, image, site))[:, :, sites.index[kept] - site.start]
                level[image, trial, kept[0] : kept[-1] + 1] = block.swapaxes(0, 1)
        counts.append(pack_repetitions(level))
        where = unwritten.name(f"{file.filename}: {dataset.name}")
        _check_counts(where, level, counts[-1], sites)
        end += len(drop_slots(level, counts[-1]))
    return rows[:end], np.concatenate(counts)


def _check_counts(where: str, level: np.ndarray, counts: np.ndarray, sites: pd.DataFrame) -> None:
    if counts.all():
        return
    image = int(counts.argmin())
    site = int(sites.index[np.isnan(level[image]).all(axis=0).argmax()])
    raise UserError(
        f"{where}: site {site} has no trial of image {image} "
        f"({int((counts == 0).sum())} such images); leave the site out in "
        "options.leave_out_sites, or the level in options.levels"
    )


def _read_images(path: Path, filenames: list[str], rows: np.ndarray) -> Iterator[tuple[str, bytes]]:
    """Yield (filename, PNG) of the images, one at a time, read in blocks of whole chunks."""
    names = dict(zip(rows.tolist(), filenames, strict=True))
    with open_hdf5(path) as file:
        images = get_dataset(file, "images", 3, "(image, row, column)")
        read = open_values(images)
        n_images, *form = images.shape
        step = max(1, (16 << 20) // max(1, int(np.prod(form))))
        if images.chunks:
            step = max(1, step // images.chunks[0]) * images.chunks[0]
        for start in range(0, n_images, step):
            if any(index in names for index in range(start, start + step)):
                block = read((slice(start, start + step),))
                for index, pixels in enumerate(block, start=start):
                    if index in names:
                        yield names[index], encode_png(pixels)


MEANS = "time_averaged_trial_averaged"
LEAST_CORRELATION = 0.5


def check_trial_order(
    file: h5py.File,
    responses: np.ndarray,
    row: np.ndarray,
    stimuli: pd.DataFrame,
    sites: pd.DataFrame,
) -> None:
    """Check that trials and images of the laboratory's file are in the same order.

    The file does not say which image a column of ``variation_level_3`` belongs to; the reader
    assumes the images of that level in the order of ``images``. If so, the mean over trials
    correlates with ``time_averaged_trial_averaged`` (image, site) by nearly 1 over images, and
    otherwise by nearly 0. The median over sites must reach 0.5.

    Parameters
    ----------
    file, responses, row
        The open file; (presentation, site), stimulus after stimulus; and the row of `stimuli` of
        each presentation, ascending.
    stimuli, sites
        With ``row`` in the file and ``variation``; and with the file's sites as index.

    Raises
    ------
    UserError
        The means are of other images or sites, or the order is another one.
    """
    means = get_object(file, MEANS)
    if means is None:
        return
    shape: tuple[int, ...] = getattr(means, "shape", ())
    wanted = (file["images"].shape[0], sites.index[-1] + 1)
    if len(shape) != 2 or shape[0] != wanted[0] or shape[1] < wanted[1]:
        raise UserError(
            f"{file.filename}: {MEANS} has shape {shape}, expected (image, site) of "
            f"{wanted[0]} images and at least {wanted[1]} sites"
        )
    starts = np.searchsorted(row, np.arange(len(stimuli)))
    # in float32: a cast would hold all responses twice more, and r needs no more digits
    sums = np.add.reduceat(responses, starts, axis=0)
    averaged = sums / np.bincount(row)[:, np.newaxis]
    expected = read_values(means, Unwritten())[stimuli["row"].to_numpy()][:, sites.index]
    for level, members in stimuli.groupby("variation").indices.items():
        found = calc_median_correlation(averaged[members], expected[members])
        if found < LEAST_CORRELATION:
            raise UserError(
                f"{file.filename}: level {level}: means over trials and {MEANS} correlate by "
                f"{found:.2f} (median over sites, over images), expected about 1; the trials are "
                "in another order than the images: put them in the order of image_meta"
            )


def calc_median_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Median over sites of Pearson's r over images; both (image, site).

    Sites that are constant or not finite are left out; 1.0 for fewer than three images or no site.
    """
    if len(one) < 3:
        return 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        one, other = one - one.mean(axis=0), other - other.mean(axis=0)
        r = (one * other).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    r = r[np.isfinite(r)]
    return float(np.median(r)) if r.size else 1.0
