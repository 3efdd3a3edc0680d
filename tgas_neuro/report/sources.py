"""Where the files lie that a search was made from, and what was made from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tgas_neuro.overview.runs import list_finals
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import load_entry
from tgas_neuro.search.runs import Run

BEST_CELL = "results/best_cell.json"


@dataclass(frozen=True)
class Places:
    """Files beside the folder of a search; None where they are not known.

    Attributes
    ----------
    teacher, classes
        ``teacher.nc``, and ``classes.json`` of the decoded images, which its candidates read.
    final
        Folder of the final training.
    notes
        What was left out, a line each.
    """

    teacher: Path | None
    classes: Path | None
    final: Path | None
    notes: tuple[str, ...] = ()


def find_places(root: Path, run: Run) -> Places:
    """Find them by the ledger of the run, whose folder is `root`."""
    records = run.records.values()
    final, notes = find_final(root, run.name)
    return Places(
        find_source(root, records, "teacher.nc"),
        find_source(root, records, "classes.json"),
        final,
        notes,
    )


def find_source(root: Path, results: Iterable[Path], name: str) -> Path | None:
    """The file of this name that the first of the results was made from; None if it is not known.

    Parameters
    ----------
    root
        The folder of the run.
    results
        Files below it, such as the records of candidates.
    name
        For example ``teacher.nc``.
    """
    for result in results:
        entry = load_entry(result.relative_to(root), root)
        for source in entry.sources if entry else ():
            if Path(source).name == name:
                return root / source
    return None


def find_final(root: Path, run: str) -> tuple[Path | None, tuple[str, ...]]:
    """The folder of the final training of a search, None while there is none.

    Of several, with other settings of the section ``final``, it is that of ``best_cell.json``, or
    the newest; a line names the others.
    """
    finals = list_finals(root / "results/search" / run, skip_damaged=False)
    found = [root / "results/final" / name for name in finals]
    chosen = next((folder for folder in found if is_named(root, folder)), next(iter(found), None))
    others = sorted(folder.name for folder in found if folder != chosen)
    if not others:
        return chosen, ()
    line = f"This search has {len(found)} final trainings; not shown: {', '.join(others)}."
    return chosen, (line,)


def is_named(root: Path, final: Path) -> bool:
    """Whether ``best_cell.json`` is of this final training."""
    path = root / BEST_CELL
    if not path.is_file():
        return False
    files = read_json(path).get("files", {})
    return bool(files.get("metrics") == f"results/final/{final.name}/metrics.json")
