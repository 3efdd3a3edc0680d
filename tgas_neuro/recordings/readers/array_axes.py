"""Arrays with named axes, brought into one order: trials by site, or the pairs of an RDM."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from scipy.spatial.distance import squareform

from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats.array_files import ENDINGS, StoredArray, load_variable
from tgas_neuro.recordings.readers.options import ArraysOptions, EvenBins, RdmArray
from tgas_neuro.recordings.readers.time_bins import (
    Window,
    check_counts,
    choose_window,
    combine_blocks,
    format_window,
)
from tgas_neuro.recordings.sentinels import describe_missing, mark_missing
from tgas_neuro.runtime.errors import UserError

FORMS = (
    ("presentation", "neuroid"),
    ("stimulus", "neuroid"),
    ("stimulus", "repetition", "neuroid"),
)
PART = "stimulus."  # beginning of an axis that is one of several of the stimuli
ALLOWED = "; ".join(" x ".join(form) for form in FORMS)


def order_axes(
    values: np.ndarray | StoredArray,
    axes: Sequence[str],
    options: ArraysOptions,
    where: str,
    notes: list[str],
) -> tuple[np.ndarray, object]:
    """Responses as (presentation, neuroid) or (stimulus, repetition, neuroid), and their window.

    Parameters
    ----------
    values
        As the file has them, of any type; a `StoredArray` is read in blocks.
    axes
        What its axes are: one of `FORMS` in any order, and perhaps ``time_bin``. The stimuli may
        have several axes ``stimulus.<label>``; the last of them changes fastest.
    options
        ``counts``, ``time_window_ms`` [ms], and where given ``time_bins_ms`` and ``window_ms``.
    where
        File and variable, for messages.
    notes
        Taken on: how many responses of a `StoredArray` are read as missing.

    Returns
    -------
    tuple
        Responses, float32, a copy; and ``time_window_ms``: start and stop [ms], or words.

    Raises
    ------
    UserError
        The axes are not those of the array, counts are negative or not whole, or the time bins
        do not make up the window.
    """
    parts = [axis for axis in axes if axis.startswith(PART)]
    plain = {"stimulus" if axis in parts else axis for axis in axes} - {"time_bin"}
    form = next((form for form in FORMS if {*form} == plain), None)
    if form is None or ("stimulus" in axes and parts):
        raise UserError(
            f"{where}: options.responses.axes: {axes} is not one of: {ALLOWED}; in any order, "
            "time_bin may be added, and stimulus may be several axes stimulus.<label>"
        )
    sizes = get_sizes(values, axes, where)
    if parts:
        form = (*parts, *form[1:])
    if isinstance(values, StoredArray):
        responses, window = _order_blocks(values, axes, form, options, where, notes)
    else:
        if options.counts:
            check_counts(values, where)
        values, window = _combine_bins(values, axes, options, where)
        left = [axis for axis in axes if axis != "time_bin"]
        values = values.transpose([left.index(axis) for axis in form])
        with np.errstate(over="ignore"):  # what is too large becomes infinite: refused later
            responses = np.array(values, dtype=np.float32, order="C")
    if "presentation" in axes:
        return responses, window
    return responses.reshape(-1, sizes.get("repetition", 1), sizes["neuroid"]), window


def get_sizes(values: np.ndarray | StoredArray, axes: Sequence[str], where: str) -> dict[str, int]:
    """Size of each axis of an array of numbers, as it is shown.

    Raises
    ------
    UserError
        The array has other axes, other content, or is empty.
    """
    reverse = isinstance(values, StoredArray) and values.is_reversed
    shape = values.shape[::-1] if reverse else values.shape
    if len(shape) != len(axes) or values.dtype.kind not in "fiub" or 0 in shape:
        raise UserError(
            f"{where}: expected numbers of shape ({', '.join(axes)}), found {shape} of "
            f"{values.dtype}; correct options.responses.axes or the array"
        )
    return dict(zip(axes, shape, strict=True))


def _order_blocks(
    stored: StoredArray,
    axes: Sequence[str],
    form: Sequence[str],
    options: ArraysOptions,
    where: str,
    notes: list[str],
) -> tuple[np.ndarray, object]:
    """What `order_axes` returns, of an array that stays in its file."""
    axes = [*axes][::-1] if stored.is_reversed else [*axes]
    sizes = dict(zip(axes, stored.shape, strict=True))
    combined, edges = _choose_bins(sizes, options, where)
    responses = np.empty([sizes[axis] for axis in form], dtype=np.float32)
    order = [form.index(axis) for axis in axes if axis != "time_bin"]

    missing = options.responses.missing if options.responses else None
    key, number, size = "options.responses.missing", 0, 0

    def prepare(block: np.ndarray, first: tuple[int, ...]) -> np.ndarray:
        nonlocal number, size
        size += block.size
        if missing is not None and (absent := np.isclose(block, missing, rtol=1e-6, atol=0)).any():
            number += int(absent.sum())
            block = mark_missing(block, missing, where, key)
        elif missing is None and combined:
            mark_missing(block, None, where, key)
        if options.counts and stored.is_reversed:
            check_counts(block.T, where, first[::-1])
        elif options.counts:
            check_counts(block, where, first)
        return block

    axis = axes.index("time_bin") if combined else None
    combine_blocks(stored, responses.transpose(order), axis, combined, prepare)
    if missing is not None and number:
        notes.append(describe_missing(missing, number, size, where))
    elif missing is not None:
        raise UserError(
            f"{where}: {key}: {missing:g}, but no response is {missing:g}; leave it out"
        )
    return responses, edges


def _combine_bins(
    values: np.ndarray, axes: Sequence[str], options: ArraysOptions, where: str
) -> tuple[np.ndarray, object]:
    """Responses without the axis ``time_bin``, and their window."""
    window, edges = _choose_bins(dict(zip(axes, values.shape, strict=True)), options, where)
    if window is None:
        return values, edges
    axis = axes.index("time_bin")
    chosen = np.take(values, window.index, axis=axis)
    return np.tensordot(chosen, window.weights, axes=(axis, 0)), edges


def _choose_bins(
    sizes: Mapping[str, int], options: ArraysOptions, where: str
) -> tuple[Window | None, object]:
    """The time bins to combine, if there is such an axis, and the window of the responses."""
    stated, wanted, bins = options.time_window_ms, options.window_ms, options.time_bins_ms
    if "time_bin" not in sizes:
        if bins is not None:
            raise UserError(
                f"{where}: options.time_bins_ms is given, but responses.axes has no time_bin; "
                "name that axis, or write time_window_ms"
            )
        if not isinstance(stated, list) and wanted is not None:
            raise UserError(
                f"{where}: options.window_ms: {format_window(*wanted)} cannot be taken, the "
                f"responses have one time window ({stated}); leave window_ms out"
            )
        if wanted is not None and isinstance(stated, list):
            choose_window(stated[:1], stated[1:], wanted, options.counts, where)
        return None, stated
    size = sizes["time_bin"]
    if isinstance(bins, EvenBins):
        edges = [bins.start + k * bins.width for k in range(size + 1)]
        bins = [list(pair) for pair in itertools.pairwise(edges)]
    if bins is None or len(bins) != size:
        raise UserError(
            f"{where}: options.time_bins_ms: {len(bins or [])} time bins, axis time_bin has "
            f"{size}; give start and stop of each, or {{start: ..., width: ...}}"
        )
    starts, stops = zip(*bins, strict=True)
    window = choose_window(starts, stops, wanted, options.counts, where)
    return window, window.edges


RDM_FORMS = (("pair",), ("row", "column"), ("region", "pair"), ("region", "row", "column"))


def read_rdms(
    listed: ListedFiles, options: ArraysOptions, source: RdmArray, n_stimuli: int
) -> xr.DataArray:
    """RDMs of a data set.

    Parameters
    ----------
    listed
        The description's files.
    options
        ``rdm`` (file, variable, axes), ``regions``, ``unit`` and ``time_window_ms``. The axes
        are one of `RDM_FORMS` in any order; pairs are in the order of scipy's and MATLAB's
        `pdist`, or as ``rdm.order`` says. A square RDM must be symmetric with zeros or NaN on its
        diagonal.
    n_stimuli
        Stimuli that there are images of, in the order of the rows.

    Returns
    -------
    xarray.DataArray
        Dims ``("region", "pair")``, float32.

    Raises
    ------
    UserError
        The array has another form, or belongs to another number of stimuli or regions.
    """
    regions = options.regions
    path = listed.find(source.file, ENDINGS, "options.rdm")
    where = ": ".join([str(path), *filter(None, [source.variable])])
    values = load_variable(path, source.variable, source.axes_as)
    axes = [*map(str, source.axes)]
    form = next((form for form in RDM_FORMS if set(form) == set(axes)), None)
    if form is None:
        raise UserError(
            f"{where}: options.rdm.axes: {axes} is not one of: "
            f"{'; '.join(' x '.join(form) for form in RDM_FORMS)}"
        )
    if form == ("pair",):
        values = np.squeeze(values)  # MATLAB has no vectors, only rows and columns
    if values.ndim != len(axes) or values.dtype.kind not in "fiu":
        raise UserError(
            f"{where}: expected numbers of shape ({', '.join(axes)}), found {values.shape} of "
            f"{values.dtype}; correct options.rdm.axes or the array"
        )
    values = values.transpose([axes.index(axis) for axis in form])
    rdms = values if form[0] == "region" else values[np.newaxis]
    if not regions or len(regions) != len(rdms):
        raise UserError(
            f"{listed.dataset}.yaml: options.regions: {regions or 'missing'}, the file has "
            f"{len(rdms)} RDMs; name the region of each"
        )
    if form[-1] == "column":
        if source.order is not None:
            raise UserError(
                f"{where}: options.rdm.order: {source.order!r} is of pairs, but the RDM is square; "
                "leave it out"
            )
        rdms = np.stack([_condense(rdm, where) for rdm in rdms])
    expected = n_stimuli * (n_stimuli - 1) // 2
    if rdms.shape[1] != expected:
        raise UserError(
            f"{where}: the RDM has {rdms.shape[1]} pairs, the {n_stimuli} images make {expected}; "
            "both must be of the same stimuli"
        )
    if source.order == "lower":
        rdms = np.stack([_reorder_lower(rdm, n_stimuli) for rdm in rdms])
    return xr.DataArray(
        rdms.astype(np.float32),
        dims=("region", "pair"),
        coords={"region": regions},
        attrs={"unit": options.unit, "time_window_ms": options.time_window_ms},
        name="rdm",
    )


def _reorder_lower(pairs: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Pairs in `pdist`'s order, from those of the lower triangle row by row."""
    square = np.zeros((n_stimuli, n_stimuli), dtype=pairs.dtype)
    square[np.tril_indices(n_stimuli, -1)] = pairs
    return square.T[np.triu_indices(n_stimuli, 1)]


def _condense(rdm: np.ndarray, where: str) -> np.ndarray:
    if rdm.shape[0] != rdm.shape[1]:
        raise UserError(f"{where}: an RDM is square, this one is {rdm.shape}; correct the axes")
    largest = np.nanmax(np.abs(rdm), initial=0)
    if not np.allclose(rdm, rdm.T, atol=1e-6 * largest, equal_nan=True):
        raise UserError(
            f"{where}: the RDM is not symmetric; a published RDM is: give the other variable, or "
            "average it with its transpose"
        )
    no_diagonal = np.isnan(np.diag(rdm)).all()  # some programs mark it so
    if not no_diagonal and not np.allclose(np.diag(rdm), 0, atol=1e-6 * largest):
        raise UserError(
            f"{where}: the RDM's diagonal is not zero ({np.diag(rdm)[0]:.4g}); give "
            "dissimilarities, not similarities"
        )
    return squareform(rdm, checks=False)
