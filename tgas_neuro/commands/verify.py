"""`verify`: see whether a result is still what it was made from, back to recordings and images.

Compares every file and folder behind it with what was noted when it was written and read. Nothing
is written.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

from tgas_neuro.commands.terminal import Answer, add_forms, print_answer
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import (
    Source,
    calc_content_digest,
    calc_listing,
    calc_root,
    load_entry,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "result",
        nargs="?",
        default=Path("results/best_cell.json"),
        type=Path,
        help="a file or folder below results/ (default: results/best_cell.json)",
    )
    add_forms(parser)


@dataclass(frozen=True)
class Link:
    """A file or folder behind a result, and what is wrong with it, "" where it holds."""

    path: str
    made_by: str
    wrong: str


def run(arguments: argparse.Namespace) -> int:
    """Print each link; 1 if one does not hold."""
    result = arguments.result
    if not result.exists():
        raise UserError(f"{result}: no such file; name a file or folder below results/")
    folder, path = split_run(result)
    links = sorted(walk_chain(folder, path), key=lambda link: link.path)
    broken = sum(bool(link.wrong) for link in links)

    def describe() -> str:
        lines = [
            f"{'WRONG' if link.wrong else 'ok   '}  {link.path}  ({link.wrong or _origin(link)})"
            for link in links
        ]
        kept = f"{broken} of {len(links)} links of its chain do not hold"
        kept = kept if broken else f"all {len(links)} links of its chain hold"
        return "\n".join([*lines, f"{result}: {kept}"])  # a line each, however long a path is

    columns = [field.name for field in fields(Link)]
    print_answer(arguments, Answer([vars(link) for link in links], columns, describe))
    return int(broken > 0)


def _origin(link: Link) -> str:
    return f"by {link.made_by}" if link.made_by else "given"


def split_run(result: Path) -> tuple[Path, str]:
    """The folder of the run that a result lies in, and its path there."""
    parts = result.absolute().parts
    if "results" not in parts[:-1]:
        raise UserError(
            f"{result}: does not lie below a folder results; name what a run has written"
        )
    place = len(parts) - 1 - parts[::-1].index("results", 1)
    return Path(*parts[:place]), "/".join(parts[place:])


def walk_chain(folder: Path, result: str) -> Iterator[Link]:
    """Every link of the chain of a result, each once.

    Parameters
    ----------
    folder
        The run's folder.
    result
        Path of the result in it.
    """
    known: set[str] = set()
    left = [result]
    while left:
        path = left.pop()
        if path in known:
            continue
        known.add(path)
        try:
            entry = load_entry(path, folder)
        except UserError as error:
            yield Link(path, "", str(error))
            continue
        if entry is None:
            if path == result:
                yield Link(path, "", "the ledger has no entry of it: an earlier version made it")
            continue
        yield Link(path, entry.rule, _find_wrong(folder, path, entry.digest))
        left += filter(None, [_find_beside(folder, path)])
        if path == result == "results/best_cell.json":
            wrong = _find_wrong_root(folder / path, calc_root(entry.sources))
            if wrong:
                yield Link(f"{path}: digests.chain", entry.rule, wrong)
        for name, source in entry.sources.items():
            if source.state is not None:
                if name not in known:
                    known.add(name)
                    yield Link(name, "", _find_wrong_source(folder, name, source))
                continue
            left.append(name)
            try:
                made = load_entry(name, folder)
            except UserError:
                continue  # told where it comes up itself
            if made is None or (made.digest != source.digest and made.chain != source.chain):
                why = "was made again since" if made else "has no entry in the ledger any more"
                yield Link(f"{path} <- {name}", entry.rule, f"{name} {why}")


def _find_beside(folder: Path, path: str) -> str | None:
    """A file that the rule of a result noted beside it, and that nothing else was made from.

    Of a candidate its weights, of a final training its job. They may be deleted.
    """
    place = Path(path)
    beside = place.parent / "work" / "job.json"
    if place.name.startswith("candidate_"):
        name = f"{place.parent.name}{place.stem}.pt"
        name = name.replace("generation_", "g").replace("candidate_", "_c")
        beside = place.parents[1] / "weights" / name
    elif place.name != "metrics.json":
        return None
    return beside.as_posix() if (folder / beside).is_file() else None


def _find_wrong(folder: Path, path: str, digest: str) -> str:
    place = folder / path
    if not place.exists():
        return "is not there"
    found = calc_content_digest(place)
    return "" if found == digest else f"holds something else: sha256 {found}, expected {digest}"


def _find_wrong_source(folder: Path, path: str, source: Source) -> str:
    place = folder / path
    if source.listing and place.is_dir():
        same = calc_listing(place) == source.digest
        return "" if same else "holds other files than before"
    return _find_wrong(folder, path, source.digest)


def _find_wrong_root(path: Path, root: str) -> str:
    try:
        named = read_json(path)["digests"]["chain"]
    except (UserError, KeyError, TypeError):
        return "is not named in the file"
    return "" if named == root else f"is {named}, the ledger says {root}"
