"""The user's own files of a data set: they stay where they are, and are checked before use."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from tgas_neuro.recordings.datasets.description import DIGESTS
from tgas_neuro.recordings.formats.hdf5_probe import probe_hdf5
from tgas_neuro.runtime.errors import UserError


def locate_file(file: dict, folder: str | Path) -> Path:
    """Where an entry of ``files`` lies: the user's own as written (``~`` is the home), or `folder`.

    Parameters
    ----------
    file
        With ``path``, or to be downloaded.
    folder
        Where the data set's downloads are kept.
    """
    return Path(file["path"]).expanduser() if "path" in file else Path(folder) / file["name"]


def check_planned_files(descriptions: Iterable[dict]) -> None:
    """Check before any work that all files of the user's are there and may be read.

    Raises
    ------
    UserError
        One line that names description, file and path.
    """
    for description in descriptions:
        for file in description["files"]:
            if "path" in file:
                _find_local_file(file, description["name"])


def _find_local_file(file: dict, dataset: str) -> Path:
    path = locate_file(file, "")
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        else:
            path.open("rb").close()
    except OSError as error:
        denied = isinstance(error, PermissionError)
        way_out = "allow it to be read" if denied else "correct it or bring the file there"
        raise UserError(
            f"{dataset}.yaml: {file['name']}: path: {file['path']!r} cannot be read "
            f"({error.strerror}); {way_out}; it is absolute or relative to {Path.cwd()}"
        ) from None
    return path


def match_downloads(descriptions: Iterable[dict]) -> str:
    """A regular expression for names of files to download, each behind its data set's folder.

    Nothing else matches, so that no file of the user's is ever taken for the output of a rule.
    """
    found = [
        f"(?<=/{re.escape(description['name'])}/){re.escape(file['name'])}"
        for description in descriptions
        for file in description["files"]
        if "path" not in file
    ]
    return "|".join(found) or "(?!)"


def check_local_file(file: dict, dataset: str) -> Path:
    """Check an entry with ``path`` as a whole: it is there, and is what its digests say.

    A file without a digest that is HDF5 (netCDF, NWB, MATLAB 7.3) is opened by another process
    first (see `tgas_neuro.recordings.formats.hdf5_probe`), since damage can take down the library.

    Raises
    ------
    UserError
        It is missing, has another digest, is damaged, or is a folder with a digest.
    """
    path = _find_local_file(file, dataset)
    given = [kind for kind in DIGESTS if kind in file]
    if path.is_dir():
        if given:
            raise UserError(
                f"{dataset}.yaml: {file['name']}: {given[0]}: {path} is a folder, which has none; "
                "remove the key, or give an archive"
            )
        return path
    for kind in given:
        with path.open("rb") as content:
            found = hashlib.file_digest(content, kind).hexdigest()
        if found != file[kind]:
            raise UserError(
                f"{path}: {kind} is {found}, {dataset}.yaml says {file[kind]}; "
                "give the file that is meant, or correct the digest"
            )
    if not given:
        probe_hdf5(path)
    return path
