"""Whether xarray reads netCDF files at all: a file is not to blame where it cannot."""

import platform
from functools import cache

import xarray as xr
from xarray.backends import plugins

from tgas_neuro.runtime.errors import MachineError


@cache
def check_netcdf_engine() -> None:
    """Raise `MachineError` if xarray does not find netCDF4.

    xarray before 2022.6 finds none of its engines on Python 3.12 and later.
    """
    try:
        found = "netcdf4" in plugins.list_engines()
    except AttributeError:
        found = False
    if not found:
        raise MachineError(
            f"xarray {xr.__version__} cannot read netCDF files on Python "
            f"{platform.python_version()}: it does not find netCDF4; install xarray 2022.6 or "
            "later and netCDF4, or use Python 3.11"
        )
