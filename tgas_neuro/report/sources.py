"""Where the files lie that a run was made from, by the ledger."""

from collections.abc import Iterable
from pathlib import Path

from tgas_neuro.runtime.ledger import load_entry

BEST_CELL = "results/best_cell.json"


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
