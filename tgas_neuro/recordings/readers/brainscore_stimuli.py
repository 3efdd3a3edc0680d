"""Stimuli of a Brain-Score data set: their width, and images that the user has on this computer."""

import contextlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from tgas_neuro.recordings.formats.archives import open_members
from tgas_neuro.recordings.readers.options import BrainscoreOptions
from tgas_neuro.recordings.readers.stimulus_table import (
    OTHER_NAMES,
    build_stimulus_table,
    find_relative_places,
    read_stimulus_table,
)
from tgas_neuro.runtime.errors import UserError

# Width of the stimuli [deg] in Brain-Score's own benchmarks, and where brainscore_vision 2.4.2
# states it, under its folder benchmarks. The assemblies themselves do not hold it. A name that ends
# with "." or "_" stands for all data sets whose names begin with it.
WIDTHS = {
    "Allen2022_fmri_": (8.4, "allen2022_fmri/benchmark.py:28"),
    "Allen2022_fmri_surface_": (8.4, "allen2022_fmri_surface/benchmark.py:28"),
    "Cadena2017": (2, "cadena2017/benchmark.py:6"),
    "Coggan2024_fMRI": (9, "coggan2024_fMRI/benchmark.py:181"),
    "Cowley2026.": (11.2, "cowley2026/benchmark.py:8"),
    "FreemanZiemba2013": (4, "freemanziemba2013/benchmarks/benchmark.py:8"),
    "FreemanZiemba2013.": (4, "freemanziemba2013/benchmarks/benchmark.py:8"),
    "Gifford2022_": (7, "gifford2022/benchmark.py:20"),
    "Hebart2023_fmri_": (10, "hebart2023_fmri/benchmark.py:20"),
    "Igustibagus2024": (8, "igustibagus2024/domain_transfer_neural.py:9"),
    "Kar2019": (8, "kar2019/benchmark.py:28"),
    "Li2026": (11, "li2026/benchmark.py:10"),
    "Li2026.": (11, "li2026/benchmark.py:10"),
    "MajajHong2015": (8, "majajhong2015/benchmark.py:7"),
    "MajajHong2015.": (8, "majajhong2015/benchmark.py:7"),
    "Papale2025_": (18, "papale2025/benchmark.py:25"),
    "Rajalingham2020": (8, "rajalingham2020/benchmark.py:7"),
    "Sanghavi2020": (8, "sanghavi2020/benchmarks/sanghavi2020_benchmark.py:8"),
    "SanghaviJozwik2020": (8, "sanghavi2020/benchmarks/sanghavijozwik2020_benchmark.py:8"),
    "SanghaviMurty2020": (5, "sanghavi2020/benchmarks/sanghavimurty2020_benchmark.py:8"),
    "Zerbe2026_fmri_": (9.2, "laion_fmri/benchmark.py:70"),
}


def find_width(identifier: str) -> tuple[float, str] | None:
    """Width of the stimuli [deg] in Brain-Score's benchmark of a data set, and its source."""
    for name, found in sorted(WIDTHS.items(), reverse=True):  # longer names first
        if identifier == name or (name[-1] in "._" and identifier.startswith(name)):
            return found
    return None


def add_width(
    table: pd.DataFrame, options: BrainscoreOptions, where: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Put the table into the project's form, with a width for each stimulus.

    It is that of ``options.degrees``, else the table's column ``degrees``, else that of
    Brain-Score's benchmark (`WIDTHS`), which is noted.

    Raises
    ------
    UserError
        Nobody states the width.
    """
    degrees, notes = options.degrees, tuple[str, ...]()
    if degrees is None and "degrees" not in table:
        found = find_width(options.identifier)
        if found is None:
            raise UserError(
                f"{where}: options.degrees is missing: neither the stimulus set nor a benchmark of "
                f"Brain-Score states the width of the stimuli of {options.identifier} in degrees "
                "of visual angle; look it up in the data set's paper"
            )
        degrees, source = found
        notes = (
            f"stimuli are {degrees:g} degrees wide, as in Brain-Score's benchmark "
            f"(brainscore_vision/benchmarks/{source}); options.degrees changes it",
        )
    return build_stimulus_table(table, degrees, where), notes


def read_stimulus_set(stimulus_set: pd.DataFrame, where: str) -> tuple[pd.DataFrame, Path]:
    """Read the table of Brain-Score's stimulus set, and the folder in which its places lie."""
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
    return table, Path(str(chosen[0]).removesuffix(places[0]))


def list_local_images(
    options: BrainscoreOptions, files: dict[str, Path], name: str
) -> tuple[pd.DataFrame, Path] | None:
    """List images that the description names in place of Brain-Score's.

    Returns
    -------
    table, source
        ``stimulus_id``, ``filename`` (the place in `source`) and what the table of
        ``options.stimuli`` says; without one, a file is the stimulus of its name without folders
        and ending. `source` is the folder or archive. None where ``options.images`` is not set.

    Raises
    ------
    UserError
        A file is listed and not used, or not listed and used; two images have one name.
    """
    wanted = {"images": options.images, "stimuli": options.stimuli}
    for key, file in wanted.items():
        if file is not None and file not in files:
            raise UserError(
                f"{name}: options.{key}: {file!r} is not listed under files, which has: "
                f"{', '.join(files) or 'none'}; add it there"
            )
    unused = [file for file in files if file not in wanted.values()]
    if unused:
        raise UserError(
            f"{name}: files: {', '.join(unused)}: reader 'brainscore' fetches by itself; write "
            "files: [], name your own images in options.images, or use reader 'brainio' for "
            "local files"
        )
    if options.images is None:
        if options.stimuli is not None:
            raise UserError(
                f"{name}: options.stimuli: {options.stimuli!r} is the table of your own images; "
                "name them in options.images, or leave it out"
            )
        return None
    source = files[options.images]
    if options.stimuli is not None:
        table = read_stimulus_table(files[options.stimuli])
        for column, other in OTHER_NAMES.items():
            if column not in table and other in table:
                table = table.rename(columns={other: column})
            if column not in table:
                raise UserError(
                    f"{name}: options.stimuli: {files[options.stimuli]}: column {column!r} is "
                    f"missing; there are: {', '.join(map(str, table))}"
                )
        return table, source
    places = list(_list_places(source))
    table = pd.DataFrame({"filename": places})
    table["stimulus_id"] = [PurePosixPath(place).stem for place in places]
    doubled = table["stimulus_id"].duplicated(keep=False)
    if not places or doubled.any():
        one, two = [*table["filename"][doubled], None, None][:2]
        raise UserError(
            f"{name}: options.images: {source}: "
            + (
                f"{one!r} and {two!r} would both be stimulus {PurePosixPath(str(one)).stem!r}; "
                "name a table with stimulus_id and filename in options.stimuli"
                if places
                else "holds no files; put the images there"
            )
        )
    return table, source


def check_shown(table: pd.DataFrame, shown: np.ndarray, where: str) -> None:
    """Raise `UserError` unless each stimulus that was shown has an image of the user's."""
    absent = sorted(set(shown) - set(table["stimulus_id"].astype(str)))
    if absent:
        raise UserError(
            f"{where}: there is no image of stimulus_id {str(absent[0])!r} ({len(absent)} of "
            f"{len(set(shown))} such), for example {absent[0]}.jpg; put it there, or name a table "
            "with stimulus_id and filename in options.stimuli"
        )


def _list_places(source: Path) -> Iterator[str]:
    if not source.is_dir():
        for name, _ in open_members(source):
            yield name
        return
    for path in sorted(source.rglob("*")):
        place = path.relative_to(source)
        if path.is_file() and not any(part.startswith(".") for part in place.parts):
            yield place.as_posix()


@contextlib.contextmanager
def local_stimulus_sets(
    brainscore: ModuleType, identifier: str, table: pd.DataFrame
) -> Iterator[None]:
    """Let Brain-Score take `table` for the stimulus sets of a data set, which it would fetch.

    Its data sets load their stimulus set with the responses, so that a private one fails although
    the responses are public. Its plugin is imported already; else it would register them again.
    """
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    own = StimulusSet(table[["stimulus_id"]].copy())
    own.identifier = f"{identifier}: local images"
    owner = brainscore.data_registry[identifier].__module__
    registry: Any = brainscore.stimulus_set_registry
    replaced = {key: load for key, load in registry.items() if load.__module__ == owner}
    registry.update(dict.fromkeys(replaced, lambda: own))
    try:
        yield
    finally:
        registry.update(replaced)


def describe_versions(identifier: str) -> dict[str, str]:
    """Attributes that say where an assembly comes from."""
    return {
        "brainscore_identifier": identifier,
        "brainscore_vision": metadata.version("brainscore_vision"),
    }
