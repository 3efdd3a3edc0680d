"""The assembly: recorded responses as a plain `xarray.DataArray`, and the check of its contract."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.formats.hdf5_files import check_file
from tgas_neuro.recordings.formats.netcdf_engine import check_netcdf_engine
from tgas_neuro.recordings.formats.subprocess_probe import probe_hdf5
from tgas_neuro.recordings.missing import find_unwritten, mark_unwritten
from tgas_neuro.recordings.values import find_wrong_values
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.runtime.ledger import was_compared

DIMS = ("presentation", "neuroid")
REQUIRED_COORDS = {
    "presentation": ("stimulus_id", "repetition"),
    "neuroid": ("neuroid_id", "region", "animal"),
}
NAMES = {"stimulus_id": "presentation", "neuroid_id": "neuroid"}
# A reliability of sites that the data set's authors published, in [-1, 1]; on ``neuroid``.
SITE_RELIABILITY = "site_reliability"
REQUIRED_ATTRS = (
    "dataset",
    "unit",
    "time_window_ms",
    "source",
    "license",
    "citation",
    "stimuli_digest",
    "tgas_neuro_version",
)


def build_assembly(
    responses: np.ndarray,
    presentation: dict[str, np.ndarray],
    neuroid: dict[str, np.ndarray],
    attrs: dict[str, object] | None = None,
) -> xr.DataArray:
    """Build an assembly from arrays.

    Parameters
    ----------
    responses
        (presentation, neuroid), for example spike counts or firing rates [Hz].
    presentation
        Coordinates along presentation; at least ``stimulus_id`` and ``repetition``.
    neuroid
        Coordinates along neuroid; at least ``neuroid_id``, ``region`` and ``animal``.
    attrs
        Where the data come from; the recordings stage adds what all data sets share.
    """
    coords = {name: ("presentation", np.asarray(values)) for name, values in presentation.items()}
    coords |= {name: ("neuroid", np.asarray(values)) for name, values in neuroid.items()}
    return xr.DataArray(
        np.asarray(responses, dtype=np.float32),
        dims=DIMS,
        coords=coords,
        attrs=dict(attrs or {}),
        name="response",
    )


def validate_assembly(
    assembly: xr.DataArray, name: str, stimuli: pd.DataFrame | None = None
) -> xr.DataArray:
    """Check the contract of an assembly and return it.

    Parameters
    ----------
    assembly
        `xarray.DataArray` named ``response``, dims ``("presentation", "neuroid")``, float32,
        finite; coordinates and attributes as in `REQUIRED_COORDS` and `REQUIRED_ATTRS`.
        Repetitions may differ in number between stimuli; a missing one is an absent row.
    name
        The file or data set, for messages.
    stimuli
        The stimulus table that belongs to it; when given, both must name the same stimuli.

    Raises
    ------
    UserError
        Naming what is wrong, where, and what was expected.
    """
    for problem in find_problems(assembly, name, stimuli):
        raise UserError(problem)
    return assembly


def find_problems(
    assembly: xr.DataArray, name: str, stimuli: pd.DataFrame | None = None
) -> Iterator[str]:
    """Yield everything that breaks the contract, one line each (see `validate_assembly`)."""
    yield from _find_wrong_form(assembly, name)
    if assembly.dims != DIMS or not all(assembly.shape):
        return
    yield from _find_wrong_coordinates(assembly, name)
    named = {dim: assembly.coords.get(coord) for coord, dim in NAMES.items()}
    if all(found is not None and found.dims == (dim,) for dim, found in named.items()):
        yield from find_wrong_values(assembly, name)
        if stimuli is not None:
            yield from _find_unmatched(assembly, stimuli, name)


def _find_wrong_form(assembly: xr.DataArray, name: str) -> Iterator[str]:
    if assembly.name != "response":
        yield f"{name}: the variable is named {assembly.name!r}, expected 'response'"
    if assembly.dims != DIMS:
        yield f"{name}: dims are {assembly.dims}, expected {DIMS}; transpose or rename them"
    if assembly.dtype != np.float32:
        yield f"{name}: dtype is {assembly.dtype}, expected float32; convert it"
    for dim, size in zip(assembly.dims, assembly.shape, strict=True):
        if size == 0:
            yield f"{name}: dimension {dim!r} is empty"
    required = ", ".join(REQUIRED_ATTRS)
    for attr in (one for one in REQUIRED_ATTRS if one not in assembly.attrs):
        yield f"{name}: attribute {attr!r} is missing; required are {required}"


def _find_wrong_coordinates(assembly: xr.DataArray, name: str) -> Iterator[str]:
    missing = set()
    for dim, required in REQUIRED_COORDS.items():
        for coord in required:
            if coord not in assembly.coords:
                missing.add(coord)
                have = [key for key, value in assembly.coords.items() if value.dims == (dim,)]
                yield (
                    f"{name}: coordinate {coord!r} on {dim!r} is missing; there are: "
                    f"{', '.join(map(str, have)) or 'none'}"
                )
            elif assembly.coords[coord].dims != (dim,):
                missing.add(coord)
                yield (
                    f"{name}: coordinate {coord!r} lies on {assembly.coords[coord].dims}, "
                    f"expected ({dim!r},)"
                )
    if not missing & {"stimulus_id", "repetition"}:
        keys = zip(assembly["stimulus_id"].values, assembly["repetition"].values, strict=True)
        yield from _find_doubled(name, "(stimulus_id, repetition)", list(keys))
    if "neuroid_id" not in missing:
        yield from _find_doubled(name, "neuroid_id", list(assembly["neuroid_id"].values))


def _find_doubled(name: str, what: str, keys: list) -> Iterator[str]:
    seen = set()
    for key in keys:
        if key in seen:
            shown = tuple(map(str, key)) if isinstance(key, tuple) else str(key)
            yield f"{name}: {what} {shown!r} appears more than once; it must be unique"
            return
        seen.add(key)


def _find_unmatched(assembly: xr.DataArray, stimuli: pd.DataFrame, name: str) -> Iterator[str]:
    shown = set(map(str, assembly["stimulus_id"].values))
    listed = set(map(str, stimuli["stimulus_id"]))
    for missing, where in ((shown - listed, "the stimulus table"), (listed - shown, "responses")):
        if missing:
            yield (
                f"{name}: stimulus {min(missing)!r} is missing from {where} ({len(missing)} such); "
                f"there are {len(listed)} stimuli in the table, {len(shown)} with responses"
            )


@dataclass(frozen=True)
class Recordings:
    """What a reader gives: one data set, before the recordings stage stamps and writes it.

    Attributes
    ----------
    stimuli
        Table with ``stimulus_id``, ``filename``, ``degrees`` [deg] and metadata; without
        ``sha256``, which is computed when the images are written.
    images
        Pairs (filename, bytes of the encoded image), lazily, in any order.
    assembly
        See `validate_assembly` (attrs ``unit`` and ``time_window_ms`` set by the reader), or
        None where only an RDM was published.
    rdms
        Where only RDMs were published: dims ``("region", "pair")``, float32, pairs of the rows
        of `stimuli` in scipy's `pdist` order; else None.
    noise_free
        Only for simulated recordings: the true mean responses, dims ("stimulus", "neuroid").
    notes
        What was left out or converted, with its count, one line each.
    pictures
        What is shown of images that can be shown in several ways.
    """

    stimuli: pd.DataFrame
    images: Iterable[tuple[str, bytes]]
    assembly: xr.DataArray | None = None
    rdms: xr.DataArray | None = None
    noise_free: xr.DataArray | None = None
    notes: tuple[str, ...] = ()
    pictures: Pictures = field(default_factory=Pictures)


def write_assembly(path: str | Path, assembly: xr.DataArray) -> None:
    """Write an assembly as one netCDF file, whole or not at all."""
    assembly = assembly.copy(deep=False)
    assembly.encoding = {}  # of a file that was read: it lists coordinates that may be gone
    with written_whole(path) as beside:
        sort_coordinates(assembly.to_dataset(name="response")).to_netcdf(
            beside, engine="netcdf4", encoding={"response": {"zlib": True, "complevel": 1}}
        )


def sort_coordinates(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset; xarray lists its coordinates in the file by name, not in the order of a set."""
    dataset = dataset.copy()
    labels = sorted(str(name) for name in dataset.coords if name not in dataset.dims)
    for variable in dataset.data_vars.values():
        names = [name for name in labels if {*dataset[name].dims} <= {*variable.dims}]
        variable.encoding |= {"coordinates": " ".join(names)} if names else {}
    return dataset


def load_assembly(path: str | Path) -> xr.DataArray:
    """Load an assembly from netCDF and check it (see `validate_assembly`)."""
    dataset = load_netcdf(path)
    if "response" not in dataset:
        raise UserError(
            f"{path}: variable 'response' is missing; there are: {', '.join(map(str, dataset))}"
        )
    return validate_assembly(dataset["response"], str(path))


def load_netcdf(path: str | Path, group: str | None = None, drop: Iterable[str] = ()) -> xr.Dataset:
    """Load a netCDF file (or one group of it) into memory; a broken one is a `UserError`.

    Variables named in `drop` are not read. Numbers that were never written are NaN, which ``notes``
    counts; the result of a rule is compared with the ledger instead.
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; run the stage that makes it again")
    check_netcdf_engine()
    if not (own := was_compared(path)):
        probe_hdf5(path)
        check_file(path)
    try:
        with xr.open_dataset(path, group=group, engine="netcdf4", drop_variables=[*drop]) as found:
            return found.load() if own else _mark_unwritten(found.load(), Path(path), group)
    except (OSError, RuntimeError, ValueError, KeyError, AttributeError) as error:
        raise UserError(
            f"{path}: not a readable netCDF file ({error}); it may be truncated: "
            "delete it to have it made again"
        ) from None


def _mark_unwritten(dataset: xr.Dataset, path: Path, group: str | None) -> xr.Dataset:
    for name, absent in find_unwritten(path, dataset.variables, group).items():
        found = dataset[name]
        values, count = mark_unwritten(found.values, absent, f"{path}: {name}")
        notes = "\n".join([*filter(None, [dataset.attrs.get("notes")]), count])
        dataset = dataset.assign({name: found.copy(data=values).assign_attrs(notes=notes)})
        dataset.attrs["notes"] = notes
    return dataset
