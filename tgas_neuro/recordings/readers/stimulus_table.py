"""A laboratory's table of stimuli and its images: read, matched with the responses."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd
import xarray as xr

from tgas_neuro.recordings.formats.archives import compose, read_members
from tgas_neuro.recordings.stimuli import convert_columns, read_table, validate_stimuli
from tgas_neuro.runtime.errors import UserError

OTHER_NAMES = {"stimulus_id": "image_id", "filename": "image_file_name"}  # of older BrainIO
METADATA = ("object_name", "category_name", "variation")


def load_stimulus_table(path: Path, degrees: float | None) -> pd.DataFrame:
    """Load a CSV of stimuli; the order of its rows becomes the order of RDMs.

    Parameters
    ----------
    path
        UTF-8, commas, one row per stimulus: ``stimulus_id`` (or ``image_id``), ``filename`` (or
        ``image_file_name``; the place inside the archive or folder), perhaps ``degrees`` and
        ``sha256`` of the image, and any metadata.
    degrees
        Width of the images in degrees of visual angle [deg]; None takes the column.

    Returns
    -------
    pandas.DataFrame
        As `validate_stimuli` wants it, and ``place``, where each image lies in its source.
        ``sha256`` is what the table says, "" where it says nothing.

    Raises
    ------
    UserError
        The file is no such table, or a value is missing, doubled or not allowed.
    """
    return build_stimulus_table(read_stimulus_table(path), degrees, str(path))


def read_stimulus_table(path: Path) -> pd.DataFrame:
    """Read a CSV of stimuli as it is, with names and digests as text."""
    return convert_columns(read_table(path), text=_TEXT)


_TEXT = ("stimulus_id", "image_id", "filename", "image_file_name", "sha256")


def build_stimulus_table(table: pd.DataFrame, degrees: float | None, where: str) -> pd.DataFrame:
    """Put a table of stimuli into the project's form (see `load_stimulus_table`)."""
    table = table.copy()
    for column, other in OTHER_NAMES.items():
        if column not in table and other in table:
            table[column] = table[other]
    if degrees is not None:
        table["degrees"] = float(degrees)
    elif "degrees" not in table and "stimulus_id" in table:
        raise UserError(
            f"{where}: column 'degrees' is missing (width of the images in degrees of visual "
            "angle); add it, or set options.degrees where it is the same for all"
        )
    # digests are computed when the images are written
    validate_stimuli(table.assign(sha256="-"), where)
    table["sha256"] = table["sha256"].fillna("") if "sha256" in table else ""
    table["place"] = table["filename"].astype(str)
    table["filename"] = flatten_names(table["place"], where)
    return table.reset_index(drop=True)


def flatten_names(places: Sequence[str], where: str) -> list[str]:
    """Plain file names for images that may lie in folders.

    The last part of each path, or, where that is not unique, all parts joined by "_".

    Raises
    ------
    UserError
        A path is absolute or leads out of its folder.
    """
    parts = []
    for place in places:
        path = PurePosixPath(str(place))
        if path.is_absolute() or ".." in path.parts or "\\" in str(place):
            raise UserError(
                f"{where}: filename {str(place)!r} leads out of the folder of images; write paths "
                "relative to it, with '/'"
            )
        parts.append(path.parts)
    plain = [names[-1] for names in parts]
    return plain if len(set(plain)) == len(plain) else ["_".join(names) for names in parts]


def find_relative_places(paths: Sequence[Path]) -> list[str]:
    """Paths relative to the folder that they share."""
    folder = os.path.commonpath([path.parent for path in paths])
    return [path.relative_to(folder).as_posix() for path in paths]


def match_stimuli(
    assembly: xr.DataArray, stimuli: pd.DataFrame, where: str, leave_out: bool
) -> tuple[xr.DataArray, pd.DataFrame]:
    """Check that every response has its stimulus; give responses the metadata of the table.

    Parameters
    ----------
    assembly, stimuli
        Of one data set.
    where
        The stimulus table, for messages.
    leave_out
        Whether stimuli without responses are left out (BrainIO shares stimulus sets between data
        sets); their number becomes the attribute ``stimuli_without_responses``. Otherwise they
        are refused.

    Raises
    ------
    UserError
        A response has no stimulus, or a stimulus no response.
    """
    shown = assembly["stimulus_id"].values.astype(str)
    listed = pd.Index(stimuli["stimulus_id"].astype(str))
    rows = listed.get_indexer(shown)
    unknown, silent = sorted(set(shown[rows < 0])), ~listed.isin(shown)
    counts = f"the table has {len(listed)} stimuli, {len(set(shown))} have responses"
    if unknown:
        raise UserError(
            f"{where}: stimulus_id {str(unknown[0])!r} has responses but no row ({len(unknown)} "
            f"such); {counts}; add the rows or correct the identifiers"
        )
    if silent.any() and not leave_out:
        raise UserError(
            f"{where}: stimulus_id {listed[silent][0]!r} has no responses ({int(silent.sum())} "
            f"such); {counts}; remove the rows or add the responses"
        )
    for label in METADATA:
        if label in stimuli and label not in assembly.coords:
            values = stimuli[label].to_numpy()
            if values.dtype.kind == "O":
                values = stimuli[label].fillna("").to_numpy(dtype=str)
            assembly = assembly.assign_coords({label: ("presentation", values[rows])})
    if silent.any():
        assembly = assembly.assign_attrs(stimuli_without_responses=int(silent.sum()))
    return assembly, stimuli[~silent].reset_index(drop=True)


def read_images(
    source: Path, stimuli: pd.DataFrame, listed: pd.DataFrame | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (filename, bytes) of the image of each stimulus.

    Parameters
    ----------
    source
        A zip or tar archive, or a folder.
    stimuli
        With ``filename``, ``place`` (the path in the archive or folder) and ``sha256`` (checked
        where it is not empty). Names are compared in Unicode's composed form, as macOS writes
        decomposed ones; a file of an archive may lie in one more folder.
    listed
        The whole table, where `stimuli` leaves rows of it out: their images may be there.

    Raises
    ------
    UserError
        An image is missing, has another digest, or an archive's file belongs to no stimulus.
    """
    if source.is_dir():
        yield from _read_folder(source, stimuli)
    else:
        yield from _read_archive(source, stimuli, stimuli if listed is None else listed)


def _read_folder(folder: Path, stimuli: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    composed: dict[str, Path] = {}
    for row in stimuli[["stimulus_id", "filename", "place", "sha256"]].itertuples(index=False):
        path = folder / row.place
        if not path.is_file() and not composed:
            paths = (path for path in folder.rglob("*") if path.is_file())
            composed = {compose(path.relative_to(folder).as_posix()): path for path in paths}
        if not path.is_file():
            path = composed.get(compose(row.place), path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(
                f"{path}: image of stimulus_id {row.stimulus_id!r} cannot be read "
                f"({error.strerror}); put it there or correct its filename in the stimulus table"
            ) from None
        _check_digest(path, row.stimulus_id, row.sha256, content)
        yield row.filename, content


def _read_archive(
    archive: Path, stimuli: pd.DataFrame, listed: pd.DataFrame
) -> Iterator[tuple[str, bytes]]:
    wanted = {compose(row.place): row for row in stimuli.itertuples(index=False)}
    left_out = {compose(place) for place in listed["place"]} - set(wanted)
    missing = dict(wanted)
    for member, content in read_members(archive):
        # with the archive's own top folder or without
        names = [compose(member), "/".join(PurePosixPath(compose(member)).parts[1:])]
        name = next((name for name in names if name in wanted or name in left_out), None)
        if name is None:
            raise UserError(
                f"{archive}: file {member!r} belongs to no stimulus; the stimulus table names "
                f"{len(listed)} images; take it out, or add its row"
            )
        if name in left_out:
            continue
        if name not in missing:
            raise UserError(f"{archive}: image {member!r} is there twice; make the archive again")
        row = missing.pop(name)
        _check_digest(f"{archive}: {member}", row.stimulus_id, row.sha256, content)
        yield row.filename, content
    if missing:
        name, row = next(iter(missing.items()))
        raise UserError(
            f"{archive}: image {name!r} of stimulus_id {row.stimulus_id!r} is missing "
            f"({len(missing)} such); put it there or correct its filename in the stimulus table"
        )


def _check_digest(path: str | Path, stimulus_id: str, sha256: str, content: bytes) -> None:
    if not sha256:
        return
    found = hashlib.sha256(content).hexdigest()
    if found != sha256.strip().lower():
        raise UserError(
            f"{path}: sha256 of the image of stimulus_id {stimulus_id!r} is {found}, the stimulus "
            f"table says {sha256}; restore the image, or empty the column if it may have changed"
        )
