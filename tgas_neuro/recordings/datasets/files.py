"""Files of a data set: found by name or ending, located, checked, copied from a mirror, fetched."""

import hashlib
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tgas_neuro.config.messages import suggest
from tgas_neuro.recordings.datasets.description import Description, Download, LocalFile
from tgas_neuro.recordings.formats.subprocess_probe import probe_hdf5
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import PartFile, calc_sha256, own_part


@dataclass(frozen=True)
class ListedFiles:
    """The files of a description, by name or by what they can hold.

    Attributes
    ----------
    dataset
        Name of the data set.
    paths
        Path of each file by its name.
    """

    dataset: str
    paths: dict[str, Path]

    def find_group(self, name: str | None) -> list[Path]:
        """Paths of the files that match the pattern called `name`; none where it is none."""
        return [path for one, path in self.paths.items() if name and one.startswith(f"{name}.")]

    def find(self, name: str | None, endings: tuple[str, ...], key: str) -> Path:
        """Path of the file called `name`, or of the only one with one of `endings`.

        `key` is the option that asks for it, for messages.
        """
        where = f"{self.dataset}.yaml: {key}"
        if name is not None:
            if name not in self.paths:
                raise UserError(
                    f"{where}: file: {name!r} is not listed under files"
                    f"{suggest(name, self.paths)}; there are: {', '.join(self.paths) or 'none'}"
                )
            return Path(self.paths[name])
        names = [
            name
            for name, path in self.paths.items()
            if name.lower().endswith(endings) or str(path).lower().endswith(endings)
        ]
        if len(names) != 1:
            raise UserError(
                f"{where}: file is missing and {len(names)} files end in {', '.join(endings)}; "
                f"name one of: {', '.join(names or self.paths) or 'none are listed under files'}"
            )
        return Path(self.paths[names[0]])


def locate_file(file: Download | LocalFile, folder: str | Path) -> Path:
    """Path of a file: the user's own as written (``~`` is the home), a download in `folder`."""
    if isinstance(file, LocalFile):
        return Path(file.path).expanduser()
    return Path(folder) / file.name


def check_planned_files(descriptions: Iterable[Description]) -> None:
    """Check before any work that all files of the user's are there and may be read.

    Raises
    ------
    UserError
        One line that names description, file and path.
    """
    for description in descriptions:
        for file in description.files:
            if isinstance(file, LocalFile):
                _find_local_file(file, description.name)


def _find_local_file(file: LocalFile, dataset: str) -> Path:
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
            f"{dataset}.yaml: {file.name}: path: {file.path!r} cannot be read "
            f"({error.strerror}); {way_out}; it is absolute or relative to {Path.cwd()}"
        ) from None
    return path


def match_downloads(descriptions: Iterable[Description]) -> str:
    """A regular expression for names of files to download, each behind its data set's folder.

    Nothing else matches: no file of the user's own is ever taken for the output of a rule.
    """
    found = [
        f"(?<=/{re.escape(description.name)}/){re.escape(file.name)}"
        for description in descriptions
        for file in description.files
        if isinstance(file, Download)
    ]
    return "|".join(found) or "(?!)"


def check_local_file(file: LocalFile, dataset: str) -> Path:
    """Check an entry with ``path`` as a whole: it is there, and is what its digests say.

    An HDF5 file (netCDF, NWB, MATLAB 7.3) without a digest is probed in a child process first (see
    `tgas_neuro.recordings.formats.subprocess_probe`).

    Raises
    ------
    UserError
        It is missing, has another digest, is damaged, or is a folder with a digest.
    """
    path = _find_local_file(file, dataset)
    given = file.get_digests()
    if path.is_dir():
        if given:
            raise UserError(
                f"{dataset}.yaml: {file.name}: {next(iter(given))}: {path} is a folder, which "
                "has none; remove the key, or give an archive"
            )
        return path
    for kind, digest in given.items():
        with path.open("rb") as content:
            found = hashlib.file_digest(content, kind).hexdigest()
        if found != digest:
            raise UserError(
                f"{path}: {kind} is {found}, {dataset}.yaml says {digest}; "
                "give the file that is meant, or correct the digest"
            )
    if not given:
        probe_hdf5(path)
    return path


def fetch_files(
    description: Description, folder: str | Path, mirror: str | Path | None = None
) -> dict[str, Path]:
    """Fetch every file of a data set (see `fetch_file`); the user's own are checked, not copied.

    Parameters
    ----------
    description
        From `tgas_neuro.recordings.datasets.description.load_description`.
    folder
        Where this data set's downloads are kept, for example ``neural_data/raw/<dataset>``.
    mirror
        A folder looked in before the internet; there the files lie as ``<dataset>/<name>``.

    Returns
    -------
    dict[str, Path]
        Path of each file by its name in the description.

    Raises
    ------
    UserError
        A file cannot be had, or is not the one that the description means.
    """
    paths = {}
    for file in description.files:
        if isinstance(file, LocalFile):
            paths[file.name] = check_local_file(file, description.name)
        else:
            paths[file.name] = fetch_download(file, description.name, folder, mirror)
    return paths


def fetch_download(
    file: Download, dataset: str, folder: str | Path, mirror: str | Path | None = None
) -> Path:
    """Fetch one file of a data set (see `fetch_files`), unless it is there already."""
    path, name = Path(folder) / file.name, f"{dataset}/{file.name}"
    if has_digest(path, file.sha256):
        return path
    mirrored = _find_in_mirror(mirror, name)
    if mirrored is not None:
        return _copy_from_mirror(mirrored, path, file.sha256)
    from tgas_neuro.recordings.datasets.download import fetch_file  # planning needs no requests

    return fetch_file(file.url, path, file.sha256, mirror=mirror, mirror_name=name, size=file.size)


def has_digest(path: Path, sha256: str) -> bool:
    """Whether a file is there and has this SHA-256."""
    return path.is_file() and calc_sha256(path) == sha256


@contextmanager
def receiving(destination: Path) -> Iterator[PartFile]:
    """`own_part` in a folder that is made; where it cannot be written, a line says so."""
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with own_part(destination) as part:
            yield part
    except OSError as error:
        raise UserError(
            f"{destination}: cannot be written ({error.strerror or error}); "
            "check the folder and the space left"
        ) from None


def publish_part(part: PartFile, destination: Path, sha256: str) -> None:
    """Give a whole part its final name, unless another process did so with what it took over."""
    try:
        part.publish(destination)
    except FileNotFoundError:
        if not has_digest(destination, sha256):
            raise UserError(
                f"{destination}: its unfinished part was taken over by another process while this "
                "one was asleep; run it again"
            ) from None


def _find_in_mirror(mirror: str | Path | None, name: str) -> Path | None:
    if mirror is None:
        return None
    folder = Path(mirror).expanduser()
    if not folder.is_dir():
        raise UserError(f"mirror: {str(mirror)!r} is not a folder; correct it, or null for none")
    path = folder / name
    return path if path.is_file() else None


def _copy_from_mirror(source: Path, destination: Path, sha256: str) -> Path:
    with receiving(destination) as part:
        part.clear()
        try:
            with source.open("rb") as file:
                shutil.copyfileobj(file, part.file, 1 << 20)
        except PermissionError:
            part.clear()
            raise UserError(f"{source}: the mirror's file may not be read; allow it") from None
        found = part.calc_sha256()
        if found != sha256:
            part.clear()
            raise UserError(
                f"{source}: the mirror's file has sha256 {found}, expected {sha256}; "
                "replace it, or delete it to have it downloaded"
            )
        publish_part(part, destination, sha256)
    return destination


def check_files(description: Description, files: dict[str, Path]) -> None:
    """Check that files which lie there already, however they came, are those of the description.

    Raises
    ------
    UserError
        A file is missing or has another digest; it is left as it is. Of the user's own files also
        what `tgas_neuro.recordings.datasets.files.check_local_file` finds.
    """
    for file in description.files:
        if isinstance(file, LocalFile):
            check_local_file(file, description.name)
            continue
        path = files.get(file.name)
        if path is None or not path.is_file():
            raise UserError(f"{file.name} of {description.name}: no such file; fetch it again")
        found = calc_sha256(path)
        if found != file.sha256:
            raise UserError(
                f"{path}: sha256 is {found}, the description of {description.name} says "
                f"{file.sha256}; delete the file to have it fetched again, or correct the digest"
            )
