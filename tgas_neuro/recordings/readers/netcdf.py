"""Assemblies in netCDF files, ours and BrainIO's, with their stimulus table and images."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.recordings.assembly import DIMS, REQUIRED_COORDS, Recordings
from tgas_neuro.recordings.formats import ARCHIVES, NETCDF
from tgas_neuro.recordings.formats.hdf5_files import check_file
from tgas_neuro.recordings.formats.netcdf_engine import check_netcdf_engine
from tgas_neuro.recordings.missing import find_unwritten, mark_unwritten, refuse_unwritten
from tgas_neuro.recordings.readers.convert_source import NOT_STATED, convert_assembly
from tgas_neuro.recordings.readers.options import BrainioOptions, NetcdfOptions
from tgas_neuro.recordings.readers.source_assembly import SourceAssembly
from tgas_neuro.recordings.readers.stimulus_table import (
    load_stimulus_table,
    match_stimuli,
    read_images,
)
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import refuse_open_elsewhere

TABLE = (".csv",)
KINDS = {
    "assembly": (NETCDF, "an assembly"),
    "table": (TABLE, "a stimulus table"),
    "images": (ARCHIVES, "images"),
}


class SourceFiles(NamedTuple):
    """An assembly, its stimulus table and its images (an archive or a folder)."""

    assembly: Path
    table: Path
    images: Path


def find_source_files(dataset: str, files: dict[str, Path]) -> SourceFiles:
    """Tell the files of a data set apart by their endings; a folder holds the images.

    Raises
    ------
    UserError
        There is none or more than one of a kind, one of no kind, or one does not exist.
    """
    where = f"{dataset}.yaml: files"
    found: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for name, path in files.items():
        path = Path(path)
        if not path.exists():
            raise UserError(f"{where}: {name}: no such file or folder: {path}; correct the path")
        found[_find_kind(path, name, where)].append(path)
    for kind, (endings, words) in KINDS.items():
        if len(found[kind]) != 1:
            listed = ", ".join(map(str, found[kind])) or "none"
            folder = " or a folder" if kind == "images" else ""
            raise UserError(
                f"{where}: this reader needs one file with {words} ({', '.join(endings)}{folder}), "
                f"there are {len(found[kind])}: {listed}; the files are: "
                f"{', '.join(files) or 'none'}"
            )
    return SourceFiles(*(found[kind][0] for kind in KINDS))


def _find_kind(path: Path, name: str, where: str) -> str:
    if path.is_dir():
        return "images"
    for kind, (endings, _) in KINDS.items():
        if path.name.lower().endswith(endings) or name.lower().endswith(endings):
            return kind
    allowed = [ending for endings, _ in KINDS.values() for ending in endings]
    raise UserError(
        f"{where}: {name}: its ending does not say what {path.name!r} is; allowed are: "
        f"{', '.join(allowed)}, or a folder of images"
    )


def read_netcdf(dataset: str, options: NetcdfOptions, files: dict[str, Path]) -> Recordings:
    """Read an assembly file as `tgas_neuro.recordings.assembly.write_assembly` writes it.

    Three files: the assembly (``.nc``), the stimulus table (``.csv``, see `load_stimulus_table`)
    and the images (an archive or a folder). The assembly's variable ``response`` has the dims
    ``presentation`` and ``neuroid`` (in either order), any type of real numbers, and the
    coordinates of `REQUIRED_COORDS`; attributes ``unit`` and ``time_window_ms``, or the options
    ``unit`` and ``window_ms``. The other attributes come from the description.

    Raises
    ------
    UserError
        What is missing and what to add, or what is wrong, in one line.
    """
    paths = find_source_files(dataset, files)
    with open_netcdf_source(paths.assembly, "response") as source:
        _check_contract(source, options)
        assembly = convert_assembly(source, options)
    listed = load_stimulus_table(paths.table, options.degrees)
    assembly, stimuli = match_stimuli(assembly, listed, str(paths.table), leave_out=False)
    images = read_images(paths.images, stimuli)
    stimuli = stimuli.drop(columns=["place", "sha256"])
    pictures = options.pictures or Pictures()
    return Recordings(stimuli, images, assembly, notes=source.notes, pictures=pictures)


def _check_contract(source: SourceAssembly, options: NetcdfOptions) -> None:
    """Name at once all that the file lacks, with how it is added."""
    if set(source.responses.dims) != set(DIMS):
        raise UserError(
            f"{source.where}: dims of response are {source.responses.dims}, expected {DIMS}; "
            "rename or average the others, or use reader 'brainio', which knows time bins"
        )
    lacking = {
        f"coordinate {label!r} on {dim!r}": f"response.coords[{label!r}] = ({dim!r}, [...])"
        for dim, labels in REQUIRED_COORDS.items()
        for label in labels
        if label not in source.labels
    }
    for attr, option in (("unit", "unit"), ("time_window_ms", "window_ms")):
        if attr not in source.attrs and getattr(options, option) is None:
            example = "'spikes'" if attr == "unit" else f"[70, 170] (or {NOT_STATED!r})"
            lacking[f"attribute {attr!r}"] = f"response.attrs[{attr!r}] = {example}"
    if lacking:
        raise UserError(
            f"{source.where}: {', '.join(lacking)} missing; add with xarray: "
            f"{'; '.join(lacking.values())}"
        )


def read_brainio(dataset: str, options: BrainioOptions, files: dict[str, Path]) -> Recordings:
    """Read what BrainIO packages as ``assy_*.nc``, ``stimulus_*.csv`` and ``stimulus_*.zip``.

    The netCDF file is read with xarray alone: BrainIO's own loader makes a MultiIndex of all
    coordinates, which costs more memory than the responses. Old names (``image_id``,
    ``image_file_name``, ``subject``, ``arr``) are understood; where ``repetition`` is missing,
    the presentations of a stimulus are numbered in their order. Stimuli without responses are
    left out, as BrainIO shares stimulus sets between data sets.

    Parameters
    ----------
    dataset
        Name of the data set, for messages.
    options
        Of its description.
    files
        By name: one ``.nc``, one ``.csv``, and an archive or folder of images. Their SHA-1 or
        SHA-256, where the description gives one, is checked before.

    Raises
    ------
    UserError
        A file is missing, damaged or another one, or the three do not belong together.
    """
    paths = find_source_files(dataset, files)
    with open_netcdf_source(paths.assembly) as source:
        assembly = convert_assembly(source, options)
    listed = load_stimulus_table(paths.table, options.degrees)
    assembly, stimuli = match_stimuli(assembly, listed, str(paths.table), leave_out=True)
    images = read_images(paths.images, stimuli, listed)
    stimuli = stimuli.drop(columns=["place", "sha256"])
    pictures = options.pictures or Pictures()
    return Recordings(stimuli, images, assembly, notes=source.notes, pictures=pictures)


# what netCDF4, HDF5 and xarray raise on damaged files
BROKEN = (
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    MemoryError,
)


@contextmanager
def open_netcdf_source(path: Path, variable: str | None = None) -> Iterator[SourceAssembly]:
    """Open an assembly in a netCDF file; every one-dimensional variable counts as a label.

    Parameters
    ----------
    path
        netCDF4 or netCDF3, as the project (`write_assembly`) or BrainIO writes it.
    variable
        Name of the responses; None: the only variable with a dim ``presentation``,
        ``neuroid`` or ``event`` and more than labels have, as BrainIO does not fix the name.

    Raises
    ------
    UserError
        The file is damaged or of another kind, points to other files, or several variables could
        be the responses; a part of a label was never written.
    """
    refuse_open_elsewhere(path)
    check_file(path)
    check_netcdf_engine()
    try:
        # decode_times: a label that is called "days since ..." is not needed as a date
        dataset = xr.open_dataset(path, engine="netcdf4", decode_times=False)
    except BROKEN as error:
        raise _format_broken(path, error) from None
    with dataset:
        name = _find_responses(path, dataset, variable)

        def load(part: xr.Variable) -> np.ndarray:
            try:
                return np.asarray(part)
            except BROKEN as error:
                raise _format_broken(path, error) from None

        labels = {
            str(label): (values.dims, load(values))
            for label, values in dataset.variables.items()
            if label != name and len(values.dims) <= 1
        }
        attrs = dict(dataset.attrs) | dict(dataset[name].attrs)
        where, responses, notes = str(path), dataset[name].variable, []
        for label, absent in find_unwritten(path, dataset.variables).items():
            if label == name:  # rare, so it may be in memory as a whole
                values, where = mark_unwritten(load(responses), absent, f"{path}: {name}")
                responses = xr.Variable(responses.dims, values)
                notes.append(f"{where} and are read as missing")
            elif label in labels and absent.all():
                del labels[label]
                notes.append(f"{path}: {label} was never written and is left out")
            elif label in labels and not np.isnan(_as_numbers(labels[label][1][absent])).all():
                raise refuse_unwritten(absent, f"{path}: {label}")
        yield SourceAssembly(where, responses, labels, attrs, load, tuple(notes))


def _as_numbers(values: np.ndarray) -> np.ndarray:
    """Numbers as they are, zeros for others."""
    return values if values.dtype.kind == "f" else np.zeros(values.shape)


def _find_responses(path: Path, dataset: xr.Dataset, variable: str | None) -> str:
    there = [str(name) for name in dataset.data_vars]
    if variable is not None:
        if variable not in there:
            raise UserError(
                f"{path}: variable {variable!r} is missing; there are: "
                f"{', '.join(there) or 'none'}; name the responses {variable!r}"
            )
        return variable
    large = [name for name in there if dataset[name].ndim > 1]
    if not large and "event" in dataset.dims:
        raise UserError(
            f"{path}: it holds events (dim 'event', {dataset.sizes['event']} of them), such as "
            "spike times, not a response to each presentation; count spikes in a window first, "
            "as reader 'nwb' does"
        )
    if len(large) != 1:
        raise UserError(
            f"{path}: {len(large)} variables could be the responses: {', '.join(large) or 'none'} "
            f"(of {', '.join(there) or 'none'}); keep one with dims presentation and neuroid"
        )
    return large[0]


def _format_broken(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: not a readable netCDF file ({type(error).__name__}: {error}); it may be "
        "truncated or of another kind: fetch or make it again"
    )
