"""Arrays of responses or an RDM in .npy, .npz, .mat or .h5, described by the names of its axes."""

from pathlib import Path

import numpy as np
import pandas as pd

from tgas_neuro.recordings.assembly import Recordings, build_assembly
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats.array_files import (
    ENDINGS,
    StoredArray,
    load_variable,
    open_variable,
)
from tgas_neuro.recordings.formats.hdf5_files import Unwritten
from tgas_neuro.recordings.missing import describe_missing, mark_missing
from tgas_neuro.recordings.published_rdms import read_rdms
from tgas_neuro.recordings.readers.array_axes import PART, get_sizes, order_axes
from tgas_neuro.recordings.readers.array_images import Images, open_images, read_stimuli
from tgas_neuro.recordings.readers.array_presentations import (
    leave_out_incomplete,
    list_slots,
    read_presentations,
)
from tgas_neuro.recordings.readers.cells import read_cells
from tgas_neuro.recordings.readers.labels import read_labels
from tgas_neuro.recordings.readers.options import ArraysOptions, LabelSource, ResponseArray
from tgas_neuro.recordings.stimuli import CEILING, RDM, USED_FOR
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
        stimuli, images = read_stimuli(listed, options, None)
        rdms = read_rdms(listed, options, options.rdm, len(stimuli))
        shown, notes, pictures = open_images(images, stimuli, options)
        return Recordings(stimuli, shown, rdms=rdms, notes=notes, pictures=pictures)
    given = "neither" if options.rdm is None else "responses and rdm"
    raise UserError(
        f"{dataset}.yaml: options: {given} of responses and rdm given; give the one that the files "
        "hold"
    )


def _read_responses(
    listed: ListedFiles, options: ArraysOptions, source: ResponseArray
) -> Recordings:
    notes: list[str] = []
    stimuli, images, rows, presentation, window = _read_presented(listed, options, source, notes)
    neuroid = _read_neuroids(listed, options, rows.shape[1])
    if options.ceiling_from is not None:
        repeated = options.model_copy(
            update={
                "responses": options.ceiling_from.responses,
                "stimuli": options.ceiling_from.stimuli,
                "presentations": options.ceiling_from.presentations,
            }
        )
        parts = _read_presented(listed, repeated, options.ceiling_from.responses, notes)
        stimuli, rows, presentation = _append_repeated(
            (stimuli, rows, presentation), (parts[0], parts[2], parts[3]), listed.dataset
        )
    rows, presentation, neuroid = leave_out_incomplete(
        listed.dataset, options, rows, (presentation, neuroid), notes
    )
    shown, found, pictures = open_images(images, stimuli, options)
    notes += found
    if both := sorted(set(presentation) & set(neuroid)):
        raise UserError(
            f"{listed.dataset}.yaml: options: label {both[0]!r} is given of presentations (or "
            "stimuli) and of neuroids; a label belongs to one: rename one of them"
        )
    attrs = {
        "unit": options.unit,
        "time_window_ms": _format_windows(window, neuroid["region"], listed.dataset),
    }
    assembly = build_assembly(rows, presentation, neuroid, attrs)
    return Recordings(stimuli, shown, assembly, notes=tuple(notes), pictures=pictures)


Presented = tuple[pd.DataFrame, np.ndarray, dict[str, np.ndarray]]


def _read_presented(
    listed: ListedFiles, options: ArraysOptions, source: ResponseArray, notes: list[str]
) -> tuple[pd.DataFrame, Images, np.ndarray, dict[str, np.ndarray], object]:
    """Stimuli, images, responses (presentation, neuroid), labels of presentations, window."""
    values: np.ndarray | StoredArray
    files = listed.find_group(source.file)
    path = files[0] if files else listed.find(source.file, ENDINGS, "options.responses")
    where = ": ".join([str(path), *filter(None, [source.variable])])
    unwritten = Unwritten(source.missing)
    if files:
        values, source = _stack_sites(files, source, unwritten), source.add_axis("neuroid")
    else:
        counted = None if source.spike_times else unwritten  # a time of a spike cannot be missing
        values = open_variable(path, source.variable, source.axes_as, counted)
    if unwritten.number:
        notes += unwritten.describe(where)
        where = unwritten.name(where)
    if isinstance(values, np.ndarray) and values.dtype == object:
        values, options = read_cells(values, source.axes, source.spike_times, options, where)
    elif source.spike_times:
        raise UserError(
            f"{where}: spike_times is for cells of a .mat file, this is an array of "
            f"{values.dtype}; leave it out, or name the variable with the times"
        )
    marked = source.missing is not None or "time_bin" in source.axes  # bins are combined
    if marked and isinstance(values, np.ndarray):
        number = -int((values != values).sum())
        values = mark_missing(values, source.missing, where, "options.responses.missing")
        number += int((values != values).sum())
        if source.missing is not None:
            notes.append(describe_missing(source.missing, number, values.size, where))
    responses, window = order_axes(values, source.axes, options, where, notes)
    sizes = get_sizes(values, source.axes, where)
    parts = {axis[len(PART) :]: size for axis, size in sizes.items() if axis.startswith(PART)}
    del values  # the file's own, often twice as large
    if responses.ndim == 3:
        stimuli, images = read_stimuli(listed, options, len(responses), parts)
        if options.presentations:
            raise UserError(
                f"{listed.dataset}.yaml: options.presentations is given, but responses.axes has no "
                "presentation; leave it out, or correct the axes"
            )
        rows, row, repetition = list_slots(responses, options, where, notes)
        presentation = {"repetition": repetition}
    else:
        stimuli, images = read_stimuli(listed, options, None)
        rows, row, presentation = read_presentations(
            listed, options, stimuli, responses, where, notes
        )
    presentation["stimulus_id"] = stimuli["stimulus_id"].to_numpy(dtype=str)[row]
    for label in SHOWN:
        if label in stimuli and label not in presentation:
            presentation[label] = stimuli[label].to_numpy()[row]
    return stimuli, images, rows, presentation, window


def _stack_sites(files: list[Path], source: ResponseArray, unwritten: Unwritten) -> np.ndarray:
    """Arrays of a site each, side by side along a last axis; fewer repetitions are padded."""
    each = [load_variable(path, source.variable, unwritten=unwritten) for path in files]
    slots = source.axes.index("repetition") if "repetition" in source.axes else None
    most = max(values.shape[slots] for values in each) if slots is not None else 0
    padded: list[np.ndarray] = []
    for path, values in zip(files, each, strict=True):
        if values.ndim != len(source.axes) or values.dtype.kind not in "fiub":
            raise UserError(
                f"{path}: expected numbers of shape ({', '.join(source.axes)}) of one site, found "
                f"{values.shape} of {values.dtype}; correct options.responses.axes"
            )
        if slots is not None and values.shape[slots] < most:
            room = [(0, most - size if k == slots else 0) for k, size in enumerate(values.shape)]
            values = np.pad(values.astype(float), room, constant_values=np.nan)
        if padded and values.shape != padded[0].shape:
            raise UserError(
                f"{path}: shape {values.shape}, {files[0]} has {padded[0].shape}; the files of "
                "all sites have one shape, only repetitions may differ in number"
            )
        padded.append(values)
    return np.stack(padded, axis=-1)


def _append_repeated(first: Presented, repeated: Presented, dataset: str) -> Presented:
    """Append presentations of the same sites whose stimuli are there for the ceiling alone."""
    where = f"{dataset}.yaml: options.ceiling_from"
    if first[1].shape[1] != repeated[1].shape[1]:
        raise UserError(
            f"{where}.responses: {repeated[1].shape[1]} sites, options.responses has "
            f"{first[1].shape[1]}; both must be of the same sites in the same order"
        )
    tables = [
        table.assign(**{USED_FOR: purpose})
        for table, purpose in ((first[0], RDM), (repeated[0], CEILING))
    ]
    stimuli = pd.concat(tables, ignore_index=True)
    doubled = stimuli["stimulus_id"][stimuli["stimulus_id"].duplicated()]
    if len(doubled):
        raise UserError(
            f"{where}.stimuli: stimulus_id {doubled.iloc[0]!r} is in options.stimuli, too; a "
            "stimulus is a row of the RDM or there for the ceiling: leave it out of one"
        )
    labels = {
        label: np.concatenate(
            [part[2].get(label, np.full(len(part[1]), "")) for part in (first, repeated)]
        )
        for label in first[2] | repeated[2]
    }
    return stimuli, np.concatenate([first[1], repeated[1]]), labels


def _format_windows(window: object, regions: np.ndarray, dataset: str) -> object:
    """The window, in words where each region has its own."""
    if not isinstance(window, dict):
        return window
    there = list(dict.fromkeys(regions.tolist()))
    if set(there) != set(window):
        raise UserError(
            f"{dataset}.yaml: options.time_window_ms: has {', '.join(window)}, the regions are "
            f"{', '.join(there)}; give each region its window"
        )
    return ", ".join(f"{name} {window[name][0]:g} to {window[name][1]:g}" for name in there)


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
    group = listed.find_group(options.responses.file if options.responses else None)
    numbered = [f"{listed.dataset}_{number:03d}" for number in range(n_sites)]
    if group:  # called as their files, in the order of the numbers in these
        numbered = [path.stem for path in group]
        if len(set(numbered)) < len(numbered):
            numbered = [f"{path.parent.name}_{path.stem}" for path in group]
        ordered = {"table"} | {
            name for name, source in options.neuroids.items() if isinstance(source, LabelSource)
        }
        if [*map(str, group)] != sorted(map(str, group)) and ordered & set(options.neuroids):
            raise UserError(
                f"{listed.dataset}.yaml: options.neuroids: {', '.join(options.neuroids)}: the "
                f"order of the files is not clear ({group[0].name}, {group[1].name} ...), and "
                "labels follow it; write numbers of one length into their names"
            )
    labels.setdefault("neuroid_id", np.array(numbered))
    return labels
