"""Arrays of responses or an RDM in .npy, .npz, .mat or .h5, described by the names of its axes."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from tgas_neuro.recordings.assembly import Recordings, build_assembly
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats import ARCHIVES
from tgas_neuro.recordings.formats.array_files import ENDINGS, load_variable
from tgas_neuro.recordings.formats.image_files import (
    check_pixels,
    encode_images,
    list_image_files,
    read_image_files,
)
from tgas_neuro.recordings.readers.array_axes import (
    drop_empty,
    list_presentations,
    order_axes,
    read_rdms,
)
from tgas_neuro.recordings.readers.labels import read_labels
from tgas_neuro.recordings.readers.options import ArraysOptions, ResponseArray
from tgas_neuro.runtime.errors import UserError

SHOWN = ("object_name", "category_name", "variation")


def read_arrays(dataset: str, options: ArraysOptions, files: dict[str, Path]) -> Recordings:
    """Read an array of responses, or a published RDM, with its labels and images.

    ``options.responses.axes`` names the axes in the array's order: ``presentation`` and
    ``neuroid``; or ``stimulus``, ``neuroid`` and perhaps ``repetition``, where NaN marks unused
    slots; ``time_bin`` may be added. Labels come from constants, arrays, columns of CSV files or
    patterns. By default a stimulus has the name of its image, the images are in alphabetical
    order, sites are numbered, and the repetitions of presentations are counted in their order.

    Parameters
    ----------
    dataset
        Name of the data set, for identifiers and messages.
    options
        Of its description.
    files
        The arrays, the CSV tables, and the images: an archive, a folder, or an array.

    Raises
    ------
    UserError
        A file is damaged, an array has another shape than its axes and labels say, or responses,
        stimuli and images do not belong together.
    """
    listed = ListedFiles(dataset, {name: Path(path) for name, path in files.items()})
    if options.responses is not None and options.rdm is None:
        return _read_responses(listed, options, options.responses)
    if options.rdm is not None and options.responses is None:
        stimuli, images = _read_stimuli(listed, options, None)
        rdms = read_rdms(listed, options, options.rdm, len(stimuli))
        return Recordings(stimuli, images, rdms=rdms)
    given = "neither" if options.rdm is None else "responses and rdm"
    raise UserError(
        f"{dataset}.yaml: options: {given} of responses and rdm given; give the one that the files "
        "hold"
    )


def _read_responses(
    listed: ListedFiles, options: ArraysOptions, source: ResponseArray
) -> Recordings:
    path = listed.find(source.file, ENDINGS, "options.responses")
    where = ": ".join([str(path), *filter(None, [source.variable])])
    values = load_variable(path, source.variable)
    responses, window = order_axes(values, source.axes, options, where)
    if responses.ndim == 3:
        stimuli, images = _read_stimuli(listed, options, len(responses))
        if options.presentations:
            raise UserError(
                f"{listed.dataset}.yaml: options.presentations is given, but responses.axes has no "
                "presentation; leave it out, or correct the axes"
            )
        rows, row, repetition = list_presentations(responses, options.simultaneous, where)
        presentation = {"repetition": repetition}
    else:
        stimuli, images = _read_stimuli(listed, options, None)
        kept = drop_empty(responses, where)
        row, presentation = _read_presentations(listed, options, stimuli, kept)
        rows = responses if kept.all() else responses[kept]
    presentation["stimulus_id"] = stimuli["stimulus_id"].to_numpy(dtype=str)[row]
    for label in SHOWN:
        if label in stimuli and label not in presentation:
            presentation[label] = stimuli[label].to_numpy()[row]
    neuroid = _read_neuroids(listed, options, rows.shape[1])
    both = sorted(set(presentation) & set(neuroid))
    if both:
        raise UserError(
            f"{listed.dataset}.yaml: options: label {both[0]!r} is given of presentations (or "
            "stimuli) and of neuroids; a label belongs to one: rename one of them"
        )
    attrs = {"unit": options.unit, "time_window_ms": window}
    return Recordings(stimuli, images, build_assembly(rows, presentation, neuroid, attrs))


def _read_stimuli(
    listed: ListedFiles, options: ArraysOptions, length: int | None
) -> tuple[pd.DataFrame, Iterable[tuple[str, bytes]]]:
    """The stimulus table and the images; `length` stimuli, or as many as there are images."""
    source = options.images
    if source.variable is not None or (source.file or "").lower().endswith(ENDINGS):
        return _read_pixels(listed, options, length)
    path = _find_images(listed, source.file)
    names = {name for name, _ in read_image_files(path)}
    labels = options.stimuli
    known = {"filename", "table"} & set(labels)
    filenames = [] if known else list_image_files(path)
    n_images = len(names)
    table = read_labels(listed, "stimuli", labels, length or n_images, "stimulus")
    if "filename" not in table:
        filenames = filenames or list_image_files(path)
        if len(filenames) != (length or n_images):
            raise UserError(
                f"{path}: holds {n_images} images, the responses have {length} stimuli; both must "
                "be of the same stimuli: correct the axes or the files"
            )
        table["filename"] = np.array(filenames)
    wanted = set(table["filename"].tolist())
    missing, further = sorted(wanted - names), sorted(names - wanted)
    if missing or further:
        what = f"{missing[0]} is missing" if missing else f"{further[0]} belongs to no stimulus"
        raise UserError(
            f"{path}: {what}; it holds {n_images} images, there are {len(wanted)} stimuli: both "
            "must be of the same stimuli"
        )
    return _complete_table(table, options), read_image_files(path)


def _find_images(listed: ListedFiles, name: str | None) -> Path:
    folders = [key for key, path in listed.paths.items() if path.is_dir()]
    if name is None and len(folders) == 1:
        return listed.paths[folders[0]]
    return listed.find(name, ARCHIVES, "options.images")


def _read_pixels(
    listed: ListedFiles, options: ArraysOptions, length: int | None
) -> tuple[pd.DataFrame, Iterator[tuple[str, bytes]]]:
    source = options.images
    path = listed.find(source.file, ENDINGS, "options.images")
    pixels = load_variable(path, source.variable)
    where = f"{path}: {source.variable or 'images'}"
    check_pixels(pixels.dtype, pixels.shape[1:], where)
    if length not in (None, len(pixels)):
        raise UserError(
            f"{where}: {len(pixels)} images along its first axis, the responses have {length} "
            "stimuli; both must be of the same stimuli: correct the axes or the files"
        )
    table = read_labels(listed, "stimuli", options.stimuli, len(pixels), "stimulus")
    numbered = [f"image_{number:04d}.png" for number in range(1, len(pixels) + 1)]
    table.setdefault("filename", np.array(numbered))
    filenames = table["filename"].tolist()
    images = encode_images(filenames, pixels)
    return _complete_table(table, options), images


def _complete_table(table: dict[str, np.ndarray], options: ArraysOptions) -> pd.DataFrame:
    """The stimulus table: identifiers default to the file names without their endings."""
    stems = [name.rsplit(".", 1)[0] for name in table["filename"].tolist()]
    first = {
        "stimulus_id": table.pop("stimulus_id", np.array(stems)),
        "filename": table.pop("filename"),
        "degrees": table.pop("degrees", options.degrees),
    }
    return pd.DataFrame(first | table)


def _read_presentations(
    listed: ListedFiles, options: ArraysOptions, stimuli: pd.DataFrame, kept: np.ndarray
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Row of the stimulus table and labels of each presentation that was made."""
    labels = read_labels(listed, "presentations", options.presentations, len(kept), "presentation")
    where = f"{listed.dataset}.yaml: options.presentations"
    if "stimulus_id" not in labels:
        raise UserError(
            f"{where}: stimulus_id is missing; say which stimulus each presentation shows, as "
            "stimulus_id: {variable: ...}"
        )
    labels = {label: values[kept] for label, values in labels.items()}
    shown = labels.pop("stimulus_id")
    index = pd.Index(stimuli["stimulus_id"])
    if index.has_duplicates:
        doubled = index[index.duplicated()][0]
        raise UserError(f"{listed.dataset}.yaml: stimulus_id {doubled!r} is there twice; rename it")
    row = index.get_indexer(shown)
    if (row < 0).any():
        raise UserError(
            f"{where}: stimulus_id {str(shown[row < 0][0])!r} is no stimulus "
            f"({int((row < 0).sum())} such presentations); there are {len(index)}, as "
            f"{index[0]!r}: give options.stimuli.stimulus_id the same names"
        )
    if "repetition" not in labels:
        labels["repetition"] = pd.Series(row).groupby(row).cumcount().to_numpy()
    return row, labels


def _read_neuroids(
    listed: ListedFiles, options: ArraysOptions, n_sites: int
) -> dict[str, np.ndarray]:
    labels = read_labels(listed, "neuroids", options.neuroids, n_sites, "neuroid")
    for label in ("region", "animal"):
        if label not in labels:
            raise UserError(
                f"{listed.dataset}.yaml: options.neuroids: {label} is missing; name it, as "
                f"{label}: {'IT' if label == 'region' else 'monkey_a'}, or say where it is"
            )
    numbered = [f"{listed.dataset}_{number:03d}" for number in range(n_sites)]
    labels.setdefault("neuroid_id", np.array(numbered))
    return labels
