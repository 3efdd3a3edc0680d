"""Image files of a stimulus table, taken one at a time from an archive or a folder."""

import hashlib
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from tgas_neuro.recordings.formats.archives import read_members
from tgas_neuro.runtime.errors import UserError


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
    composed: dict[str, Path] | None = None
    for row in stimuli[["stimulus_id", "filename", "place", "sha256"]].itertuples(index=False):
        path = folder / row.place
        if not path.is_file() and composed is None:
            paths = (path for path in folder.rglob("*") if path.is_file())
            composed = {_compose(path.relative_to(folder).as_posix()): path for path in paths}
        if not path.is_file():
            path = composed.get(_compose(row.place), path)
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
    wanted = {_compose(row.place): row for row in stimuli.itertuples(index=False)}
    left_out = {_compose(place) for place in listed["place"]} - set(wanted)
    missing = dict(wanted)
    for member, content in read_members(archive):
        # with the archive's own top folder or without
        names = [_compose(member), "/".join(PurePosixPath(_compose(member)).parts[1:])]
        name = next((name for name in names if name in wanted or name in left_out), None)
        if name is None:
            raise UserError(
                f"{archive}: file {member!r} belongs to no stimulus; the stimulus table names "
                f"{len(listed)} images; take it out, or add its row"
            )
        if name in left_out:
            continue
        if name not in missing:
            raise UserError(f"{archive}: image {member!r} is there twice; make the archive anew")
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


def _compose(name: str) -> str:
    return unicodedata.normalize("NFC", str(name))
