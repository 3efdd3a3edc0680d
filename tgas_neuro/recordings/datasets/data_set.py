"""Find, fetch, read, check and convert a data set outside a run."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import xarray as xr

from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.datasets.description import (
    Description,
    expand_patterns,
    load_description,
)
from tgas_neuro.recordings.datasets.files import fetch_files
from tgas_neuro.recordings.ingest import RESULT_FILES, ingest_recordings
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import find_project

RAW = Path("neural_data/raw")  # where a run keeps downloads, too
DESCRIPTIONS = (Path("neural_data"), find_project() / "neural_data")
ENDINGS = (".yaml", ".yml")


def find_description(target: str | Path) -> Description:
    """The checked description of a data set.

    Parameters
    ----------
    target
        Its name, looked for in ``neural_data`` of the working directory and of the project; or
        the file of the description.

    Raises
    ------
    UserError
        There is no such data set or file, or the description has a mistake.
    """
    path = Path(target)
    if path.suffix not in ENDINGS:
        return load_description(str(target), DESCRIPTIONS)
    if not path.is_file():
        raise UserError(f"{path}: no such file; give the description of a data set, or its name")
    if path.suffix != ".yaml":
        raise UserError(f"{path}: a description ends in .yaml; rename it to {path.stem}.yaml")
    return load_description(path.stem, [path.parent])


def read_data_set(
    description: Description, folder: Path, mirror: Path | None = None
) -> Iterator[str]:
    """Fetch the files of a data set and write what a run would, to `folder`.

    Parameters
    ----------
    description
        From `find_description`.
    folder
        Receives ``assembly.nc`` (or ``rdm.nc``), ``stimuli.csv`` and ``stimuli/``.
    mirror
        A folder that is looked in before the internet.

    Yields
    ------
    problem
        One line each: every wrong file, or the first mistake in the content of the files.
    """
    raw, complete = RAW / description.name, True
    files: dict[str, Path] = {}
    for file in description.files:
        try:
            one = description.model_copy(update={"files": [file]})
            files |= fetch_files(one, raw, mirror)
        except UserError as error:
            complete = False
            yield str(error)
    if not complete:
        return
    try:
        ingest_recordings(description, files, folder)
    except UserError as error:
        yield str(error)


def list_regions(folders: Sequence[Path]) -> list[str]:
    """The regions of data sets that have been read, in the order of their sites."""
    found = [name for folder in folders for name in _load(folder)["region"].values.astype(str)]
    return list(dict.fromkeys(found))


def list_notes(folders: Sequence[Path]) -> tuple[str, ...]:
    """What was left out or converted when data sets were read, a line each."""
    notes: list[str] = []
    for dataset in map(_load, folders):
        for found in (dataset, *dataset.values()):
            notes += str(found.attrs.get("notes", "")).split("\n")
    return tuple(dict.fromkeys(filter(None, notes)))


def _load(folder: Path) -> xr.Dataset:
    return load_netcdf(next(folder / name for name in RESULT_FILES if (folder / name).is_file()))


BESIDE = ("stimuli.csv", "stimuli")


def convert_data_set(target: str | Path, out: Path, mirror: Path | None = None) -> str:
    """Read a data set and write it as an assembly.

    Parameters
    ----------
    target
        Name of the data set, or the file of its description.
    out
        The assembly, ``.nc``; ``stimuli.csv`` and ``stimuli/`` are written to its folder. Nothing
        that is there is overwritten.
    mirror
        A folder that is looked in before the internet.

    Returns
    -------
    str
        One line that says what was written.

    Raises
    ------
    UserError
        Something is there already, of the data set only an RDM was published, or it cannot be
        read.
    """
    description = find_description(target)
    sessions = list(expand_patterns(description).values())
    if len(sessions) > 1:
        raise UserError(
            f"{description.name}: {len(sessions)} sessions, an assembly each; convert them one by "
            "one, with the path of each in place of the pattern"
        )
    description = sessions[0]
    if description.provides != "responses":
        raise UserError(
            f"{description.name}: provides: {description.provides!r}: only an RDM was "
            "published, so there are no responses to convert; take another data set"
        )
    if out.suffix != ".nc":
        raise UserError(f"{out}: an assembly is a netCDF file; write {out.with_suffix('.nc')}")
    for path in (out, *(out.parent / name for name in BESIDE)):
        if path.exists():
            raise UserError(f"{path}: is there already; delete it, or write to another folder")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".convert-", dir=out.parent) as beside:
        for problem in read_data_set(description, Path(beside), mirror):
            raise UserError(problem)
        for name in BESIDE:
            (Path(beside) / name).rename(out.parent / name)
        (Path(beside) / "assembly.nc").rename(out)
    n_images = sum(1 for _ in (out.parent / "stimuli").iterdir())
    return f"{description.name}: wrote {out}, and beside it stimuli.csv and {n_images} images"
