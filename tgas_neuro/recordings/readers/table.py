"""The table of readers by name."""

from collections.abc import Callable
from pathlib import Path

from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.recordings.readers.arrays.arrays import read_arrays
from tgas_neuro.recordings.readers.assemblies.brainio import read_brainio
from tgas_neuro.recordings.readers.assemblies.brainscore import read_brainscore
from tgas_neuro.recordings.readers.assemblies.netcdf import read_netcdf
from tgas_neuro.recordings.readers.kriegeskorte2008_it import read_kriegeskorte2008_it
from tgas_neuro.recordings.readers.lab_hdf5.lab_hdf5 import read_lab_hdf5
from tgas_neuro.recordings.readers.nwb.nwb import read_nwb
from tgas_neuro.recordings.readers.simulated import read_simulated

READERS: dict[str, Callable[[dict, dict[str, Path]], Recordings]] = {
    "arrays": read_arrays,
    "brainio": read_brainio,
    "brainscore": read_brainscore,
    "kriegeskorte2008_it": read_kriegeskorte2008_it,
    "lab_hdf5": read_lab_hdf5,
    "netcdf": read_netcdf,
    "nwb": read_nwb,
    "simulated": read_simulated,
}
