"""Your own recordings: an assembly in the project's form, its stimulus table and its images."""

from pathlib import Path

from tgas_neuro.recordings.assembly import DIMS, REQUIRED_COORDS, Recordings
from tgas_neuro.recordings.datasets.description import check_options
from tgas_neuro.recordings.datasets.source_files import find_source_files
from tgas_neuro.recordings.readers.assemblies.convert_source import NOT_STATED, convert_assembly
from tgas_neuro.recordings.readers.assemblies.netcdf_source import open_netcdf_source
from tgas_neuro.recordings.readers.assemblies.source_assembly import SourceAssembly
from tgas_neuro.recordings.readers.assemblies.stimulus_images import read_images
from tgas_neuro.recordings.readers.assemblies.stimulus_table import (
    load_stimulus_table,
    match_stimuli,
)
from tgas_neuro.runtime.errors import UserError


def read_netcdf(description: dict, files: dict[str, Path]) -> Recordings:
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
    options = check_options(description, "netcdf")
    paths = find_source_files(description, files)
    with open_netcdf_source(paths.assembly, "response") as source:
        _check_contract(source, options)
        assembly = convert_assembly(source, options)
    listed = load_stimulus_table(paths.table, options.get("degrees"))
    assembly, stimuli = match_stimuli(assembly, listed, str(paths.table), leave_out=False)
    images = read_images(paths.images, stimuli)
    return Recordings(stimuli.drop(columns=["place", "sha256"]), images, assembly)


def _check_contract(source: SourceAssembly, options: dict) -> None:
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
        if attr not in source.attrs and options.get(option) is None:
            example = "'spikes'" if attr == "unit" else f"[70, 170] (or {NOT_STATED!r})"
            lacking[f"attribute {attr!r}"] = f"response.attrs[{attr!r}] = {example}"
    if lacking:
        raise UserError(
            f"{source.where}: {', '.join(lacking)} missing; add with xarray: "
            f"{'; '.join(lacking.values())}"
        )
