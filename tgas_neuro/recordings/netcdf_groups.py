"""Many groups of one netCDF file, which is opened once for all."""

from collections.abc import Iterable
from pathlib import Path

import netCDF4
import xarray as xr

from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.formats.netcdf_engine import check_netcdf_engine
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.ledger import was_compared


def load_netcdf_groups(
    path: str | Path, groups: Iterable[str], drop: Iterable[str] = ()
) -> dict[str, xr.Dataset]:
    """Load groups into memory, each as `load_netcdf` loads it.

    To open a file is to read the names and shapes in all of its groups, so that opening it for each
    of a hundred groups takes longer than their contents. A file that no rule has written is opened
    for each, because its checks are.
    """
    if not was_compared(path):
        return {name: load_netcdf(path, name, drop) for name in groups}
    check_netcdf_engine()
    try:
        with netCDF4.Dataset(path) as file:
            stores = {name: xr.backends.NetCDF4DataStore(file[name]) for name in groups}
            return {
                name: xr.open_dataset(store, drop_variables=list(drop)).load()
                for name, store in stores.items()
            }
    except (OSError, RuntimeError, ValueError, LookupError, AttributeError) as error:
        raise UserError(
            f"{path}: not a readable netCDF file ({error}); it may be truncated: delete it to have "
            "it made again"
        ) from None
