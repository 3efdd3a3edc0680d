"""Write the page of runs: gather their facts, build it, and write it whole."""

from collections.abc import Sequence
from pathlib import Path

from tgas_neuro.report.explorer import Explorer, build_explorer
from tgas_neuro.report.facts import Facts
from tgas_neuro.report.gather import gather_facts
from tgas_neuro.report.page import build_page
from tgas_neuro.report.sources import Places
from tgas_neuro.runtime.changes import find_root
from tgas_neuro.runtime.files import written_whole


def write_report(
    folders: Sequence[Path], path: str | Path, places: Places | None = None
) -> list[Facts]:
    """Write the page of runs, and return their facts.

    Parameters
    ----------
    folders
        Of the searches, ``results/search/<run>``.
    path
        The page.
    places
        Of the one run, where its files are; None finds those of each run by its ledger.

    Raises
    ------
    UserError
        Nothing has been proposed in a run, or a file holds something else than was written.
    """
    facts = [gather_facts(folder, places) for folder in folders]
    explorers = [_find_explorer(one, folder) for one, folder in zip(facts, folders, strict=True)]
    page = build_page(facts, explorers)
    with written_whole(path) as beside:
        beside.write_text(page, encoding="utf-8")
    return facts


def _find_explorer(facts: Facts, folder: Path) -> Explorer | None:
    if facts.teacher is None:
        return None
    rdms = find_root(folder) / facts.final.folder / "rdms.nc" if facts.final else None
    return build_explorer(facts.teacher.path, rdms)
