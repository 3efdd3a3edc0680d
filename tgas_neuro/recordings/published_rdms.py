"""RDMs of data sets whose responses were not published: read, checked, and kept in a file."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy.spatial.distance import squareform

from tgas_neuro.recordings.assembly import REQUIRED_ATTRS, load_netcdf, sort_coordinates
from tgas_neuro.recordings.datasets.files import ListedFiles
from tgas_neuro.recordings.formats.array_files import ENDINGS, load_variable
from tgas_neuro.recordings.missing import find_sentinel
from tgas_neuro.recordings.readers.options import ArraysOptions, RdmArray
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import written_whole

REQUIRED_COORDS = {"region": ("region",), "stimulus_id": ("stimulus",)}


def build_rdm_dataset(rdms: xr.DataArray, stimulus_ids: list[str], attrs: dict) -> xr.Dataset:
    """Put RDMs, their stimuli and where they come from into one dataset (see `validate_rdms`).

    Parameters
    ----------
    rdms
        Dims ``("region", "pair")`` with the coordinate ``region``; pairs of `stimulus_ids` in
        scipy's `pdist` order.
    stimulus_ids
        Identifiers in the order of the RDM's rows.
    attrs
        Attributes of the dataset; those of `rdms` come first.
    """
    return xr.Dataset(
        {"rdm": (("region", "pair"), np.asarray(rdms.values, dtype=np.float32))},
        coords={
            "region": ("region", np.asarray(rdms["region"].values, dtype=str)),
            "stimulus_id": ("stimulus", np.asarray(stimulus_ids, dtype=str)),
        },
        attrs=dict(rdms.attrs) | attrs,
    )


def validate_rdms(
    dataset: xr.Dataset, name: str, stimuli: pd.DataFrame | None = None
) -> xr.Dataset:
    """Check published RDMs and return them.

    Parameters
    ----------
    dataset
        Variable ``rdm`` (region, pair), float32, finite; coordinates ``region`` and
        ``stimulus_id`` (stimulus), both unique; n(n-1)/2 pairs for n stimuli; the attributes of
        `tgas_neuro.recordings.assembly.REQUIRED_ATTRS`.
    name
        The file or data set, for messages.
    stimuli
        The stimulus table that belongs to it; when given, its rows must be the RDM's rows.

    Raises
    ------
    UserError
        Naming what is wrong, where, and what was expected.
    """
    if "rdm" not in dataset:
        there = ", ".join(map(str, dataset)) or "none"
        raise UserError(f"{name}: variable 'rdm' is missing; there are: {there}")
    rdm = dataset["rdm"]
    if rdm.dims != ("region", "pair") or rdm.dtype != np.float32:
        raise UserError(
            f"{name}: rdm is {rdm.dtype} with dims {rdm.dims}, expected float32 with "
            "('region', 'pair')"
        )
    missing = [attr for attr in REQUIRED_ATTRS if attr not in dataset.attrs]
    if missing:
        raise UserError(
            f"{name}: attribute {missing[0]!r} is missing; required are {', '.join(REQUIRED_ATTRS)}"
        )
    for coord, dims in REQUIRED_COORDS.items():
        _check_labels(dataset, coord, dims, name)
    _check_values(rdm, dataset.sizes["stimulus"], name)
    if stimuli is not None:
        _check_stimuli(dataset, list(map(str, stimuli["stimulus_id"])), name)
    return dataset


def _check_labels(dataset: xr.Dataset, coord: str, dims: tuple[str, ...], name: str) -> None:
    if coord not in dataset.coords or dataset[coord].dims != dims:
        raise UserError(f"{name}: coordinate {coord!r} on {dims[0]!r} is missing")
    labels = list(map(str, dataset[coord].values))
    doubled = [label for index, label in enumerate(labels) if label in labels[:index]]
    if doubled:
        raise UserError(f"{name}: {coord} {doubled[0]!r} appears more than once; it must be unique")
    if not labels or "" in labels:
        raise UserError(f"{name}: {coord} is empty; every {dims[0]} needs a name")


def _check_values(rdm: xr.DataArray, n_stimuli: int, name: str) -> None:
    expected = n_stimuli * (n_stimuli - 1) // 2
    if rdm.sizes["pair"] != expected:
        raise UserError(
            f"{name}: the RDM has {rdm.sizes['pair']} pairs, {n_stimuli} stimuli make {expected}"
        )
    for region, values in zip(rdm["region"].values, rdm.values, strict=True):
        bad = ~np.isfinite(values)
        if bad.any():
            raise UserError(
                f"{name}: RDM of region {str(region)!r}: pair {int(bad.argmax())} is "
                f"{values[bad][0]} ({int(bad.sum())} such values); all must be finite"
            )
        mark = find_sentinel(values)
        if mark is not None:
            raise UserError(
                f"{name}: RDM of region {str(region)!r}: {mark.number} pairs are {mark.value:g}, "
                f"all others from {mark.low:g} to {mark.high:g}; leave out stimuli without "
                "dissimilarities"
            )
        if values.size == 0 or values.min() == values.max():
            raise UserError(
                f"{name}: RDM of region {str(region)!r}: all pairs have the same dissimilarity, "
                "so nothing can be compared with it"
            )


def _check_stimuli(dataset: xr.Dataset, listed: list[str], name: str) -> None:
    shown = list(map(str, dataset["stimulus_id"].values))
    if shown == listed:
        return
    row = next(
        (row for row, pair in enumerate(zip(shown, listed, strict=False)) if pair[0] != pair[1]),
        min(len(shown), len(listed)),
    )
    raise UserError(
        f"{name}: row {row} of the RDM is stimulus {_get(shown, row)}, of the stimulus table "
        f"{_get(listed, row)}; both must list the same stimuli in the same order, they have "
        f"{len(shown)} and {len(listed)}"
    )


def _get(labels: list[str], row: int) -> str:
    return repr(labels[row]) if row < len(labels) else "missing"


def write_rdms(path: str | Path, dataset: xr.Dataset) -> None:
    """Write published RDMs as one netCDF file, whole or not at all."""
    with written_whole(path) as beside:
        sort_coordinates(dataset).to_netcdf(beside, engine="netcdf4")


def load_rdms(path: str | Path) -> xr.Dataset:
    """Load published RDMs and check them (see `validate_rdms`)."""
    return validate_rdms(load_netcdf(path), str(path))


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
