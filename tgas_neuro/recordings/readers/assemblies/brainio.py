"""BrainIO files on this computer: an assembly (netCDF), its stimulus set (CSV) and its images."""

from pathlib import Path

from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.recordings.datasets.description import check_options
from tgas_neuro.recordings.datasets.source_files import find_source_files
from tgas_neuro.recordings.readers.assemblies.convert_source import convert_assembly
from tgas_neuro.recordings.readers.assemblies.netcdf_source import open_netcdf_source
from tgas_neuro.recordings.readers.assemblies.stimulus_images import read_images
from tgas_neuro.recordings.readers.assemblies.stimulus_table import (
    load_stimulus_table,
    match_stimuli,
)


def read_brainio(description: dict, files: dict[str, Path]) -> Recordings:
    """Read what BrainIO packages as ``assy_*.nc``, ``stimulus_*.csv`` and ``stimulus_*.zip``.

    The netCDF file is read with xarray alone: BrainIO's own loader makes a MultiIndex of all
    coordinates, which costs more memory than the responses. Old names (``image_id``,
    ``image_file_name``, ``subject``, ``arr``) are understood; where ``repetition`` is missing,
    the presentations of a stimulus are numbered in their order. Stimuli without responses are
    left out, as BrainIO shares stimulus sets between data sets.

    Parameters
    ----------
    description
        Its options are those of `tgas_neuro.recordings.readers.reader_options` for ``brainio``.
    files
        By name: one ``.nc``, one ``.csv``, and an archive or folder of images. Their SHA-1 or
        SHA-256, where the description gives one, is checked before.

    Raises
    ------
    UserError
        A file is missing, damaged or another one, or the three do not belong together.
    """
    options = check_options(description, "brainio")
    paths = find_source_files(description, files)
    with open_netcdf_source(paths.assembly) as source:
        assembly = convert_assembly(source, options)
    listed = load_stimulus_table(paths.table, options.get("degrees"))
    assembly, stimuli = match_stimuli(assembly, listed, str(paths.table), leave_out=True)
    images = read_images(paths.images, stimuli, listed)
    return Recordings(stimuli.drop(columns=["place", "sha256"]), images, assembly)
