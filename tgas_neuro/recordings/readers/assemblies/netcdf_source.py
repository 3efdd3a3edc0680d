"""An assembly in a netCDF file, opened without reading its responses."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xarray as xr

from tgas_neuro.recordings.readers.assemblies.source_assembly import SourceAssembly
from tgas_neuro.runtime.errors import UserError

# what damaged files made netCDF4, HDF5 and xarray raise
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
        The file is damaged or of another kind, or the responses cannot be told.
    """
    try:
        # decode_times: a label that is called "days since ..." is not needed as a date
        dataset = xr.open_dataset(path, engine="netcdf4", decode_times=False)
    except BROKEN as error:
        raise _word_broken(path, error) from None
    with dataset:
        name = _find_responses(path, dataset, variable)

        def load(part: xr.Variable) -> np.ndarray:
            try:
                return np.asarray(part)
            except BROKEN as error:
                raise _word_broken(path, error) from None

        labels = {
            str(label): (values.dims, load(values))
            for label, values in dataset.variables.items()
            if label != name and len(values.dims) <= 1
        }
        attrs = dict(dataset.attrs) | dict(dataset[name].attrs)
        yield SourceAssembly(str(path), dataset[name].variable, labels, attrs, load)


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


def _word_broken(path: Path, error: Exception) -> UserError:
    return UserError(
        f"{path}: not a readable netCDF file ({type(error).__name__}: {error}); it may be "
        "truncated or of another kind: fetch or make it again"
    )
