"""The ledger: what each result was made from, so that another file under its name is noticed.

A rule notes every file and folder that it writes in ``results/ledger/<path>.json``: the SHA-256 of
its bytes, and what the rule read. A rule that reads a result compares it with its entry first. The
entries form a chain from the recordings to ``best_cell.json``, which holds its root; `tgas verify`
walks it. The chain leaves out cost and dates: equal runs have equal roots.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tgas_neuro.runtime.errors import UserError, check_keys
from tgas_neuro.runtime.files import calc_digest, calc_sha256, read_json, write_json

LEDGER = Path("results/ledger")
MOST_COMPARED = 2**32  # bytes of a folder of images
VARYING = ("cost", "dates")  # keys of results that may differ between equal runs


@dataclass(frozen=True)
class State:
    """Size [bytes] and date [ns] of a file, of a folder their sums over all that it holds."""

    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Source:
    """A file or folder that a rule read.

    Attributes
    ----------
    digest
        SHA-256 of its bytes (see `calc_content_digest`).
    chain
        That of its entry; of what no rule has written, the digest.
    state
        Of what no rule has written, so that a change is looked for only where it differs.
    listing
        Whether the digest is of the names and sizes in a folder alone.
    """

    digest: str
    chain: str
    state: State | None = None
    listing: bool = False

    def has_changed(self, path: str) -> bool:
        """Whether a file or folder that no rule has written holds something else now."""
        if self.listing:
            return get_folders_state(path) != self.state and calc_listing(path) != self.digest
        return get_state(path) != self.state and calc_content_digest(path) != self.digest


@dataclass(frozen=True)
class Entry:
    """What the ledger says of a file or folder.

    Attributes
    ----------
    digest
        SHA-256 of its bytes.
    meaning
        The same, of JSON without the keys that may differ between equal runs.
    rule
        The rule that wrote it.
    params
        SHA-256 of the rule's params.
    sources
        Path to what the rule read there.
    """

    digest: str
    meaning: str
    rule: str
    params: str
    sources: dict[str, Source]

    @property
    def chain(self) -> str:
        """SHA-256 of what it means and of everything that it was made from."""
        return calc_digest({"meaning": self.meaning, "root": calc_root(self.sources)})

    @property
    def seal(self) -> str:
        """SHA-256 of the entry itself."""
        return calc_digest(asdict(self))


def calc_root(sources: Mapping[str, Source]) -> str:
    """SHA-256 of the paths and chains of what a rule read."""
    return calc_digest({path: source.chain for path, source in sources.items()})


def calc_content_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, or of the names and bytes of all files in a folder."""
    path = Path(path)
    if not path.is_dir():
        return calc_sha256(path)
    total = hashlib.sha256()
    for name, file in sorted((file.relative_to(path).as_posix(), file) for file in _walk(path)):
        total.update(f"{calc_sha256(file)} {name}\n".encode("utf-8", "surrogateescape"))
    return total.hexdigest()


def get_state(path: str | Path) -> State:
    """Size and date of a file, or of all that a folder holds."""
    path = Path(path)
    found = [file.stat() for file in (_walk(path) if path.is_dir() else [path])]
    dates = get_folders_state(path).mtime_ns + sum(one.st_mtime_ns for one in found)
    return State(sum(one.st_size for one in found), dates)


def calc_listing(folder: str | Path) -> str:
    """SHA-256 of the names and sizes of all files in a folder."""
    files = ((file.relative_to(folder).as_posix(), file) for file in _walk(Path(folder)))
    lines = [f"{file.stat().st_size} {name}\n" for name, file in sorted(files)]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def get_folders_state(folder: str | Path) -> State:
    """Number of the folders in a folder and the sum of their dates; a new image changes it."""
    dates = [Path(place).stat().st_mtime_ns for place, _, _ in os.walk(folder)]
    return State(len(dates), sum(dates))


def _walk(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        # not what programs leave there, as .DS_Store and Snakemake's date of a folder
        yield from (Path(place, name) for name in names if name[0] != ".")


def _calc_meaning(path: str | Path, digest: str) -> str:
    if Path(path).suffix != ".json" or not Path(path).is_file():
        return digest
    return calc_digest(_drop_varying(json.loads(Path(path).read_text(encoding="utf-8"))))


def _drop_varying(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _drop_varying(one) for key, one in content.items() if key not in VARYING}
    return [_drop_varying(one) for one in content] if isinstance(content, list) else content


def find_entry(path: str | Path, folder: Path = Path()) -> Path | None:
    """Where the entry of a path lies in the ledger of a run's folder; None of one outside."""
    inside = Path(os.path.normpath(path))
    if inside.is_absolute() or ".." in inside.parts:
        return None
    return folder / LEDGER / f"{inside}.json"


def load_entry(path: str | Path, folder: Path = Path()) -> Entry | None:
    """The entry of a path; None without one: no rule has written it, or an earlier version did.

    Raises
    ------
    UserError
        The entry is damaged.
    """
    place = find_entry(path, folder)
    if place is None or not place.is_file():
        return None
    way_out = f"to have both made again: rm -r '{path}' '{place}'"
    try:
        content = read_json(place)
        check_keys(content, str(place), (*(field.name for field in fields(Entry)), "seal"))
        sources = {
            name: Source(**{**one, "state": one["state"] and State(**one["state"])})
            for name, one in content["sources"].items()
        }
        seal = content.pop("seal")
        entry = Entry(**{**content, "sources": sources})
        sound = entry.seal == seal
    except (UserError, TypeError, AttributeError, KeyError, ValueError):
        sound = False
    if not sound:
        raise UserError(f"{place}: this entry of the ledger is damaged; {way_out}")
    return entry


def write_entry(
    path: str | Path,
    rule: str,
    params: str = "",
    sources: Mapping[str, Source] = MappingProxyType({}),
) -> None:
    """Note in the ledger what a file or folder holds and was made from."""
    place = find_entry(path)
    if place is not None:
        digest = calc_content_digest(path)
        entry = Entry(digest, _calc_meaning(path, digest), rule, params, dict(sources))
        write_json(place, asdict(entry) | {"seal": entry.seal})


def forget_entry(path: str | Path) -> None:
    """Take a file or folder that is no more out of the ledger."""
    place = find_entry(path)
    if place is not None:
        place.unlink(missing_ok=True)


_whole: dict[Path, State] = {}  # of what this process has compared


def is_whole(path: str | Path) -> bool:
    """Whether a result holds what was written, as far as the ledger knows it."""
    try:
        check_source(path)
    except UserError:
        return False
    return True


def check_source(path: str | Path) -> Source:
    """What a rule is about to read, compared with the ledger.

    Raises
    ------
    UserError
        It holds something else than the rule wrote that made it.
    """
    before = get_state(path)
    found, entry = calc_content_digest(path), load_entry(path)
    if entry is None:
        return Source(found, found, before)
    if found != entry.digest:
        raise UserError(
            f"{path}: was changed after the rule {entry.rule} wrote it (sha256 {found}, expected "
            f"{entry.digest}); to have it made again: rm -r '{path}'"
        )
    _whole[Path(path).resolve()] = before
    return Source(found, entry.chain)


def was_compared(path: str | Path) -> bool:
    """Whether `check_source` has found a file whole in this process, and it is the same now."""
    return _whole.get(Path(path).resolve()) == get_state(path)


@contextmanager
def noted(
    job: Any,
    outputs: Iterable[str] | None = None,
    known: dict[str, Source] | None = None,
    folders: Iterable[str] = (),
) -> Iterator[str]:
    """Check what a rule reads, and note what it has written.

    Parameters
    ----------
    job
        The object ``snakemake`` of the rule's script: ``rule``, ``input``, ``output``, ``params``.
    outputs
        Which of its outputs are written, None for all.
    known
        What the job reads if it is checked already, else an empty dictionary that is filled.
    folders
        Folders of the user's images that it reads as well; of large ones only names and sizes.

    Yields
    ------
    root
        SHA-256 of the paths and chains of all that it reads.

    Raises
    ------
    UserError
        Something that it reads is not what was written.
    """
    sources = {} if known is None else known
    if not sources:
        sources |= {str(path): check_source(path) for path in dict.fromkeys(job.input)}
    sources |= {folder: _note_folder(folder) for folder in filter(os.path.isdir, folders)}
    yield calc_root(sources)
    params = calc_params_digest(dict(job.params.items()))
    for path in job.output if outputs is None else outputs:
        write_entry(path, job.rule, params, sources)


def _note_folder(folder: str) -> Source:
    state = get_state(folder)
    if state.size > MOST_COMPARED:
        listed = calc_listing(folder)
        return Source(listed, listed, get_folders_state(folder), listing=True)
    found = calc_content_digest(folder)
    return Source(found, found, state)


def calc_params_digest(params: Mapping[str, Any]) -> str:
    """SHA-256 of a rule's params."""
    return calc_digest({name: repr(value) for name, value in params.items()})
