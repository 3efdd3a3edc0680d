"""Arrays with named axes, brought into one order: trials by site, or the pairs of an RDM."""

import itertools
from collections.abc import Sequence

import numpy as np
import xarray as xr
from scipy.spatial.distance import squareform

from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats.array_files import ENDINGS, load_variable
from tgas_neuro.recordings.readers.options import ArraysOptions, EvenBins, RdmArray
from tgas_neuro.recordings.readers.repetition_slots import (
    drop_slots,
    number_repetitions,
    pack_repetitions,
)
from tgas_neuro.recordings.readers.time_bins import choose_window, format_window
from tgas_neuro.runtime.errors import UserError

FORMS = (
    ("presentation", "neuroid"),
    ("stimulus", "neuroid"),
    ("stimulus", "repetition", "neuroid"),
)
ALLOWED = "; ".join(" x ".join(form) for form in FORMS)


def order_axes(
    values: np.ndarray, axes: Sequence[str], options: ArraysOptions, where: str
) -> tuple[np.ndarray, object]:
    """Responses as (presentation, neuroid) or (stimulus, repetition, neuroid), and their window.

    Parameters
    ----------
    values
        As the file has them, of any type.
    axes
        What its axes are: one of `FORMS` in any order, and perhaps ``time_bin``.
    options
        ``counts``, ``time_window_ms`` [ms], and where given ``time_bins_ms`` and ``window_ms``.
    where
        File and variable, for messages.

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
    form = next((form for form in FORMS if {*form} == {*axes} - {"time_bin"}), None)
    if form is None:
        raise UserError(
            f"{where}: options.responses.axes: {axes} is not one of: {ALLOWED}; in any order, "
            "time_bin may be added"
        )
    if values.ndim != len(axes) or values.dtype.kind not in "fiub" or values.size == 0:
        raise UserError(
            f"{where}: expected numbers of shape ({', '.join(axes)}), found {values.shape} of "
            f"{values.dtype}; correct options.responses.axes or the array"
        )
    if options.counts:
        check_counts(values, where)
    values, window = _combine_bins(values, axes, options, where)
    axes = [axis for axis in axes if axis != "time_bin"]
    values = values.transpose([axes.index(axis) for axis in form])
    if form == ("stimulus", "neuroid"):
        values = values[:, np.newaxis]
    with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused later
        return np.array(values, dtype=np.float32, order="C"), window


def check_counts(values: np.ndarray, where: str) -> None:
    """Refuse counts that are negative or not whole; NaN is allowed."""
    with np.errstate(invalid="ignore"):
        bad = (values < 0) | (values % 1 != 0) & ~np.isnan(values)
    if bad.any():
        place = tuple(map(int, np.argwhere(bad)[0]))
        raise UserError(
            f"{where}: value {values[place]} at {place} ({int(bad.sum())} such): spike counts must "
            "be whole numbers from 0; set options.counts: false if these are rates"
        )


def _combine_bins(
    values: np.ndarray, axes: Sequence[str], options: ArraysOptions, where: str
) -> tuple[np.ndarray, object]:
    """Responses without the axis ``time_bin``, and their window."""
    stated, wanted, bins = options.time_window_ms, options.window_ms, options.time_bins_ms
    if "time_bin" not in axes:
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
        return values, stated
    axis = axes.index("time_bin")
    size = values.shape[axis]
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
    chosen = np.take(values, window.index, axis=axis)
    return np.tensordot(chosen, window.weights, axes=(axis, 0)), window.edges


def list_presentations(
    responses: np.ndarray, simultaneous: bool, where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of trials in slots: (presentation, neuroid), and stimulus and repetition of each.

    Parameters
    ----------
    responses
        (stimulus, repetition, neuroid); NaN marks a slot without a trial. Changed.
    simultaneous
        Whether sites share their slots; if not, each site's trials are moved together, and the
        fewest that a site has of a stimulus are kept.
    where
        The file, for messages.

    Raises
    ------
    UserError
        Sites that share slots differ in them, or a stimulus has no trial.
    """
    if simultaneous:
        missing = np.isnan(responses)
        differing = missing != missing[..., :1]
        if differing.any():
            stimulus, slot, site = map(int, np.argwhere(differing)[0])
            raise UserError(
                f"{where}: neuroid {site} and neuroid 0 differ in whether stimulus {stimulus} has "
                f"repetition {slot} (NaN, counted from 0); sites recorded at once share their "
                "repetitions: set options.simultaneous: false if they were not"
            )
    counts = pack_repetitions(responses)
    if not counts.all():
        stimulus = int(counts.argmin())
        dead = np.isnan(responses[stimulus]).all(axis=0)
        raise UserError(
            f"{where}: stimulus {stimulus} (counted from 0) has no repetition of neuroid "
            f"{int(dead.argmax())} ({int((counts == 0).sum())} such stimuli); leave the stimuli or "
            "the site out of the file"
        )
    return drop_slots(responses, counts), *number_repetitions(counts)


def drop_empty(responses: np.ndarray, where: str) -> np.ndarray:
    """Which presentations (presentation,) hold responses; one of only NaN was not made."""
    kept = ~np.isnan(responses).all(axis=1)
    if not kept.any():
        raise UserError(f"{where}: every response is NaN; this is another variable or file")
    return kept


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
    values, axes = load_variable(path, source.variable), [*map(str, source.axes)]
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
