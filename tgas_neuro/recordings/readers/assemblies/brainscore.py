"""Any data set of brainscore_vision by its identifier, with its stimulus set."""

from importlib import metadata
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.recordings.datasets.description import check_options
from tgas_neuro.recordings.readers.assemblies.brainscore_data import (
    import_brainscore,
    load_brainscore,
    run_brainscore,
)
from tgas_neuro.recordings.readers.assemblies.convert_source import convert_assembly
from tgas_neuro.recordings.readers.assemblies.source_assembly import SourceAssembly
from tgas_neuro.recordings.readers.assemblies.source_labels import PRESENTATION
from tgas_neuro.recordings.readers.assemblies.stimulus_images import read_images
from tgas_neuro.recordings.readers.assemblies.stimulus_table import (
    build_stimulus_table,
    find_relative_places,
    match_stimuli,
)
from tgas_neuro.runtime.errors import UserError

RAW = Path("neural_data/raw")
DEGREES = 8.0  # [deg], of HvM and most sets in Brain-Score; a column ``degrees`` comes first


def read_brainscore(description: dict, files: dict[str, Path]) -> Recordings:
    """Load a data set with `brainscore_vision.load_dataset` and make it the project's.

    Brain-Score downloads to ``neural_data/raw/<dataset>`` under the working directory, unless the
    environment's ``BRAINIO_HOME`` names another folder. Stimuli without responses are left out.

    Parameters
    ----------
    description
        Its options are those of `tgas_neuro.recordings.readers.reader_options` for ``brainscore``.
    files
        Empty: Brain-Score fetches by itself.

    Raises
    ------
    UserError
        The identifier is unknown or private, there is no network, or what came is no recordings.
    """
    options = check_options(description, "brainscore")
    name, identifier = f"{description['name']}.yaml", options["identifier"]
    if files:
        raise UserError(
            f"{name}: files: {', '.join(files)}: reader 'brainscore' fetches by itself; write "
            "files: [], or use reader 'brainio' for local files"
        )
    brainscore = import_brainscore(RAW / description["name"])
    loaded = load_brainscore(brainscore, "data", identifier, f"{name}: options.identifier")
    source = _describe_source(loaded, f"{name}: {identifier}", options)
    assembly = convert_assembly(source, options).assign_attrs(
        brainscore_identifier=identifier, brainscore_vision=metadata.version("brainscore_vision")
    )
    stimulus_set = _find_stimulus_set(brainscore, loaded, options, name)
    where = f"{name}: stimulus set {getattr(stimulus_set, 'identifier', f'of {identifier}')}"
    listed, folder = _build_table(stimulus_set, options.get("degrees"), where)
    assembly, stimuli = match_stimuli(assembly, listed, where, leave_out=True)
    images = read_images(folder, stimuli)
    return Recordings(stimuli.drop(columns=["place", "sha256"]), images, assembly)


def _describe_source(loaded: object, where: str, options: dict) -> SourceAssembly:
    """Labels out of Brain-Score's MultiIndex, of presentations only those that are used."""
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

    if not isinstance(loaded, xr.DataArray):
        raise UserError(
            f"{where}: it is a {type(loaded).__name__}, not an assembly of responses; choose "
            "another options.identifier"
        )
    used = {*PRESENTATION, *(other for others in PRESENTATION.values() for other in others)}
    labels = {
        str(label): (dims, np.asarray(values))
        for label, dims, values in walk_coords(loaded)
        if dims != ("presentation",) or label in used
    }

    def load(part: xr.Variable) -> np.ndarray:
        return run_brainscore(lambda: _to_numbers(part), where)

    return SourceAssembly(where, loaded.variable, labels, loaded.attrs, load)


def _to_numbers(part: xr.Variable) -> np.ndarray:
    """Read a part of the responses; Brain-Score leaves them on disk until then."""
    return np.asarray(part)


def _find_stimulus_set(brainscore, loaded: xr.DataArray, options: dict, name: str) -> pd.DataFrame:
    """The one of the options, else the one that comes with the data set."""
    found = None if options.get("stimulus_set") else loaded.attrs.get("stimulus_set")
    if found is None:
        identifier = options.get("stimulus_set") or loaded.attrs.get("stimulus_set_identifier")
        if not identifier:
            raise UserError(
                f"{name}: {options['identifier']} does not say which stimulus set it belongs to; "
                "set options.stimulus_set"
            )
        key = f"{name}: options.stimulus_set"
        found = load_brainscore(brainscore, "stimulus_set", str(identifier), key)
    if not isinstance(found, pd.DataFrame) or not getattr(found, "stimulus_paths", None):
        raise UserError(
            f"{name}: the stimulus set of {options['identifier']} is a {type(found).__name__} "
            "without paths of images (stimulus_paths); set options.stimulus_set to another"
        )
    return found


def _build_table(
    stimulus_set: pd.DataFrame, degrees: float | None, where: str
) -> tuple[pd.DataFrame, Path]:
    """The stimulus table, and the folder in which its places lie."""
    paths = {str(key): Path(path) for key, path in stimulus_set.stimulus_paths.items()}
    table = pd.DataFrame(stimulus_set).reset_index(drop=True)
    id_column = "stimulus_id" if "stimulus_id" in table else "image_id"
    if id_column not in table:
        raise UserError(f"{where}: column 'stimulus_id' is missing; use another stimulus set")
    ids = [str(stimulus_id) for stimulus_id in table[id_column]]
    absent = [stimulus_id for stimulus_id in ids if stimulus_id not in paths]
    if absent or not ids:
        raise UserError(
            f"{where}: stimulus_id {absent[0] if absent else None!r} has no path of an image "
            f"({len(absent)} such, {len(paths)} have one); set options.stimulus_set to another"
        )
    chosen = [paths[stimulus_id].absolute() for stimulus_id in ids]
    places = find_relative_places(chosen)
    table = table.assign(stimulus_id=ids, filename=places).drop(columns="sha256", errors="ignore")
    if degrees is None and "degrees" not in table:
        degrees = DEGREES
    folder = Path(str(chosen[0]).removesuffix(places[0]))
    return build_stimulus_table(table, degrees, where), folder
