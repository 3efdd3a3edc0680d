"""Which file of a description is the assembly, which the stimulus table, which the images."""

from pathlib import Path
from typing import NamedTuple

from tgas_neuro.recordings.assembly import NETCDF
from tgas_neuro.recordings.formats.image_files import ARCHIVES
from tgas_neuro.runtime.errors import UserError

TABLE = (".csv",)
KINDS = {
    "assembly": (NETCDF, "an assembly"),
    "table": (TABLE, "a stimulus table"),
    "images": (ARCHIVES, "images"),
}


class SourceFiles(NamedTuple):
    """An assembly, its stimulus table and its images (an archive or a folder)."""

    assembly: Path
    table: Path
    images: Path


def find_source_files(description: dict, files: dict[str, Path]) -> SourceFiles:
    """Tell the files of a description apart by their endings; a folder is the images.

    Raises
    ------
    UserError
        There is none or more than one of a kind, one of no kind, or one does not exist.
    """
    where = f"{description['name']}.yaml: files"
    found: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for name, path in files.items():
        path = Path(path)
        if not path.exists():
            raise UserError(f"{where}: {name}: no such file or folder: {path}; correct the path")
        found[_tell_kind(path, name, where)].append(path)
    for kind, (endings, words) in KINDS.items():
        if len(found[kind]) != 1:
            listed = ", ".join(map(str, found[kind])) or "none"
            folder = " or a folder" if kind == "images" else ""
            raise UserError(
                f"{where}: this reader needs one file with {words} ({', '.join(endings)}{folder}), "
                f"there are {len(found[kind])}: {listed}; the files are: "
                f"{', '.join(files) or 'none'}"
            )
    return SourceFiles(*(found[kind][0] for kind in KINDS))


def _tell_kind(path: Path, name: str, where: str) -> str:
    if path.is_dir():
        return "images"
    for kind, (endings, _) in KINDS.items():
        if path.name.lower().endswith(endings) or name.lower().endswith(endings):
            return kind
    allowed = [ending for endings, _ in KINDS.values() for ending in endings]
    raise UserError(
        f"{where}: {name}: its ending does not say what {path.name!r} is; allowed are: "
        f"{', '.join(allowed)}, or a folder of images"
    )
