"""Files in zip and tar archives and in folders: read in order, or unpacked whole; images."""

import io
import lzma
import os
import re
import secrets
import shutil
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

import numpy as np

from tgas_neuro.runtime.errors import UserError

# what zipfile, tarfile and the decompressors raise on damaged archives
BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    MemoryError,
)


ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm", ".pgm")


def read_members(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each file in a zip or tar archive, in the archive's order.

    Names are relative, with ``/``. Directories and what macOS adds (``__MACOSX``, ``._*``,
    ``.DS_Store``) are skipped.

    Raises
    ------
    UserError
        The archive is missing, broken or of another kind, or a member is absolute, leads out of
        the folder, or is a link or a device; the message names it.
    """
    for name, file in open_members(Path(path)):
        yield name, read_member(Path(path), file)


def read_member(path: Path, file: IO[bytes]) -> bytes:
    """Bytes of an open member; `path` is that of the archive, for messages."""
    try:
        return file.read()
    except BROKEN as error:
        raise _format_broken(path, error) from None


def unpack_archive(path: str | Path, destination: str | Path, inside: str | None = None) -> Path:
    """Unpack an archive to the folder `destination`, which appears whole or not at all.

    Parameters
    ----------
    path
        A zip, tar, tar.gz, tar.bz2 or tar.xz archive.
    destination
        The folder to make. One that exists is whole and is left as it is.
    inside
        Only what lies in this folder of the archive, at its top or in one top folder:
        "train" finds ``train/...`` and ``cifar10_subset/train/...``. `destination` then holds
        the content of that folder. None: everything.

    Raises
    ------
    UserError
        As `read_members`; or the folder is not in the archive, or is there more than once.
    """
    destination = Path(destination)
    if destination.is_dir():
        return destination
    destination.parent.mkdir(parents=True, exist_ok=True)
    beside = destination.with_name(f".{destination.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    wanted = PurePosixPath(inside or "").parts
    try:
        found: dict[str, Path] = {}
        tops: dict[str, None] = {}
        for name, file in open_members(Path(path)):
            parts = PurePosixPath(name).parts
            tops[parts[0]] = None
            skip = next((k for k in (0, 1) if parts[k : k + len(wanted)] == wanted), None)
            if skip is None or len(parts) <= skip + len(wanted):
                continue
            # one folder for each place where it was found: which is meant is known at the end
            top = "/".join(parts[:skip])
            place = found.setdefault(top, beside / str(len(found)))
            _write_member(path, name, file, place.joinpath(*parts[skip + len(wanted) :]))
        chosen = _choose_folder(path, inside, found, list(tops))
        _rename_folder(chosen, destination)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return destination


def _choose_folder(
    path: str | Path, inside: str | None, found: dict[str, Path], tops: list[str]
) -> Path:
    if "" in found:
        return found[""]
    if len(found) == 1:
        return next(iter(found.values()))
    listed = ", ".join(sorted(tops)[:10]) or "nothing"
    if not found:
        what = f"no files in a folder {inside!r}" if inside else "no files"
        raise UserError(f"{path}: {what}; at the top of the archive there are: {listed}")
    raise UserError(
        f"{path}: folder {inside!r} is there more than once, in {', '.join(sorted(found))}; "
        f"name one, as {next(iter(found))}/{inside}"
    )


def _write_member(path: str | Path, name: str, file: IO[bytes], place: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        target = place.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{path}: member {name!r} is there twice; make the archive again") from None
    with target:
        try:
            shutil.copyfileobj(file, target, 1 << 20)
        except BROKEN as error:
            raise _format_broken(path, error) from None


def _rename_folder(source: Path, destination: Path) -> None:
    try:
        source.rename(destination)
    except OSError:
        if not destination.is_dir():
            raise


def open_members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """Yield (checked name, open file) of each file, whatever the kind of archive."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; fetch the archive again")
    try:
        if zipfile.is_zipfile(path):
            yield from _open_zip(path)
        else:
            yield from _open_tar(path)
    except BROKEN as error:
        raise _format_broken(path, error) from None


def _open_zip(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            name = _check_name(path, member.filename)
            if not name or member.is_dir() or _is_clutter(name):
                continue
            if kind not in (0, stat.S_IFREG):
                raise UserError(_format_kind(path, name))
            with archive.open(member) as file:
                yield name, file


def _open_tar(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            name = _check_name(path, member.name)
            if member.isdir() or not name or _is_clutter(name):
                continue
            if not member.isfile():
                raise UserError(_format_kind(path, name))
            with cast(IO[bytes], archive.extractfile(member)) as file:  # it is a regular file
                yield name, file
        # gzip, bzip2 and xz compare their checksum at the end, behind the last member
        while archive.fileobj is not None and archive.fileobj.read(1 << 20):
            pass


def _check_name(path: Path, name: str) -> str:
    """The name without ``./``; one that leads out of its folder is refused."""
    parts = PurePosixPath(name).parts
    outside = name.startswith("/") or ".." in parts or "\\" in name or re.match("[A-Za-z]:", name)
    if outside or "\0" in name:
        raise UserError(
            f"{path}: member {name!r} leads out of the archive's folder; "
            "do not use this archive, fetch it from where you trust it"
        )
    return "/".join(parts)


def _is_clutter(name: str) -> bool:
    parts = name.split("/")
    return "__MACOSX" in parts or parts[-1].startswith("._") or parts[-1] == ".DS_Store"


def _format_kind(path: Path, name: str) -> str:
    return (
        f"{path}: member {name!r} is a link or a device, only files and folders are allowed; "
        "make the archive again without it"
    )


def _format_broken(path: str | Path, error: Exception) -> UserError:
    if isinstance(error, OSError) and error.errno is not None:  # the disk, not the format
        return UserError(f"{path}: cannot be read or unpacked ({error}); check rights and space")
    return UserError(
        f"{path}: not a readable zip or tar archive ({type(error).__name__}: {error}); "
        "it may be truncated: delete it to have it fetched again"
    )


def read_image_files(
    path: str | Path, wanted: Collection[str] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Yield (plain file name, bytes) of each image of a folder or of a zip or tar archive.

    Names are without folders; files whose ending is not that of an image are skipped. With
    `wanted`, only images of these names are read; of others two may have the same name. Letters
    may be composed in one and decomposed in the other (Unicode NFC and NFD).

    Raises
    ------
    UserError
        The archive is missing or broken, or two folders hold an image of the same name.
    """
    seen: dict[str, str] = {}
    listed = None if wanted is None else {compose(name): name for name in wanted}
    for member, read in _open_images(Path(path)):
        name = member.rsplit("/", 1)[-1]
        if listed is not None:
            if compose(name) not in listed:
                continue
            name = listed[compose(name)]
        if name in seen:
            raise UserError(
                f"{path}: image {name!r} is there twice, as {seen[name]} and {member}; rename one"
            )
        seen[name] = member
        yield name, read()


def compose(name: str) -> str:
    """A name with composed letters (Unicode NFC); file names from macOS have decomposed ones."""
    return unicodedata.normalize("NFC", name)


def count_image_files(path: str | Path) -> Counter[str]:
    """Plain names of the images of a folder or an archive, and how often each is there."""
    return Counter(member.rsplit("/", 1)[-1] for member, _ in _open_images(Path(path)))


def _open_images(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name inside the folder or archive of each image, and what reads it before the next one."""
    if path.is_dir():
        for found in sorted(path.rglob("*")):
            member = found.relative_to(path).as_posix()
            hidden = found.name.startswith(".")
            if member.lower().endswith(ENDINGS) and not hidden and found.is_file():
                yield member, found.read_bytes
        return
    for name, file in open_members(path):
        if name.lower().endswith(ENDINGS):
            yield name, partial(read_member, path, file)


def encode_png(pixels: np.ndarray) -> bytes:
    """Bytes of a PNG file of (row, column) grey or (row, column, 3 or 4) colour values, uint8."""
    from PIL import Image  # planning needs no pictures

    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, format="png")
    return file.getvalue()


def encode_images(
    filenames: Iterable[str], images: Iterable[np.ndarray]
) -> Iterator[tuple[str, bytes]]:
    """Yield (filename, bytes of the PNG file), one at a time (see `encode_png`)."""
    for filename, pixels in zip(filenames, images, strict=True):
        yield filename, encode_png(pixels)
