"""Reuse: the candidates of older runs as a beginning, where they were measured in the same way.

What a genotype's P and TG follow from is the teacher, the section ``premature`` (but for rungs,
which only end some trainings) and the images that it names, ``search.scoring``, ``search.seed``
(the training's randomness follows from it and the genotype) and RESULTS_VERSION. A run that differs
in one of them is refused. Strategy, space, guidance, alpha, layer choice and budget may be
different: rewards are calculated anew from the records.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.space import Space, build_space
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, build_entry, is_member

# Digests of a record's provenance that have to be the same.
SAME = ("teacher", "premature", "scoring", "images")
# Other states than these were set by limits, rungs or the machine, and may end otherwise here.
STATES = ("ok", "diverged")
LIMITED = ("params", "macs")  # keys of search.limits that do not depend on the machine


def find_reused_folders(names: Sequence[str], runs: str | Path = "results/search") -> list[Path]:
    """Folders of the runs in ``search.reuse``: names of folders in `runs`, or paths.

    Raises
    ------
    UserError
        There is no such folder, or no generation in it has finished.
    """
    folders: dict[str, Path] = {}
    for name in names:
        folder = Path(runs, name) if Path(runs, name).is_dir() else Path(name)
        if not folder.is_dir():
            there = sorted(path.name for path in Path(runs).glob("*") if path.is_dir())
            near = difflib.get_close_matches(name, there, 3) or there
            known = f"did you mean {', '.join(near)}" if near else f"there is none in {runs}"
            raise UserError(f"search.reuse: no run {name!r}; {known}")
        if not (folder / "generation_000" / "history.json").is_file():
            raise UserError(
                f"search.reuse: run {name!r} has no finished generation; let it go on, or take it "
                "out of the list"
            )
        if folder.name in folders:
            raise UserError(
                f"search.reuse: two runs are called {folder.name!r}: {folders[folder.name]} and "
                f"{folder}; candidates are told apart by it, so rename one"
            )
        folders[folder.name] = folder
    return list(folders.values())


def list_reused_files(folders: Sequence[Path], frozen: Path) -> list[str]:
    """Records of the generations that have finished: what `make_reused` reads.

    Parameters
    ----------
    folders
        Of the runs.
    frozen
        What `make_reused` wrote before, if it did: then the files are those that it names, so that
        a run that goes on does not change what was learned from it.
    """
    if frozen.is_file():
        return [path for run in read_json(frozen)["runs"] for path in run["files"]]
    return [
        str(path)
        for folder in folders
        for history in sorted(folder.glob("generation_*/history.json"))
        for path in sorted(history.parent.glob("candidate_*.json"))
    ]


def make_reused(
    files: Sequence[Path], search: Mapping[str, Any], digests: Mapping[str, str]
) -> dict[str, Any]:
    """Make ``reused.json``: the records of older runs that this one may take over.

    Parameters
    ----------
    files
        Candidate records, run by run (see `list_reused_files`).
    search
        The section ``search`` of the configuration.
    digests
        Digests of this configuration, with those in `SAME`.

    Returns
    -------
    reused
        JSON content: ``runs``, each with its ``name``, ``files``, how many candidates were
        ``taken``, and ``left_out``: why, to how many. ``records``: as in their files, ids with the
        name of their run before them.

    Raises
    ------
    UserError
        A run was measured in another way; the message says in what it differs.
    """
    space, known = build_space(search), set()
    provenance = build_provenance(search["seed"], **digests)
    runs: dict[str, dict[str, Any]] = {}
    records = []
    for path in files:
        name = path.parents[1].name
        run = runs.setdefault(name, {"name": name, "files": [], "taken": 0, "left_out": {}})
        run["files"].append(str(path))
        record = read_json(path)
        _refuse_other_measures(name, record["provenance"], provenance)
        reason = _find_reason(record, search, space, known)
        if reason is not None:
            run["left_out"][reason] = run["left_out"].get(reason, 0) + 1
            continue
        known.add(record["hash"])
        run["taken"] += 1
        complete = is_member(space, read_genotype(record["genotype"]))
        records.append(record | {"id": f"{name}/{record['id']}", "complete": complete})
    return {
        "runs": list(runs.values()),
        "records": records,
        "provenance": provenance,
    }


def _refuse_other_measures(name: str, there: Mapping[str, Any], here: Mapping[str, Any]) -> None:
    """Compare the provenance of a record with that of one made here."""
    differing = [key for key in SAME if there["digests"].get(key) != here["digests"][key]]
    names = {"scoring": "search.scoring", "images": "the images of premature.data"}
    what = [names.get(key, key) for key in differing]
    for key, told in (("seed", "search.seed"), ("results_version", "the results version")):
        what += [told] if there[key] != here[key] else []
    if what:
        raise UserError(
            f"search.reuse: P and TG of run {name!r} were measured otherwise, {', '.join(what)} "
            "differ from this configuration; make them the same, or take the run out of the list"
        )


def _find_reason(
    record: Mapping[str, Any], search: Mapping[str, Any], space: Space, known: set[str]
) -> str | None:
    """Why a record is left out; None for one that is taken."""
    if record["original"] is not None:
        return "duplicate"
    if record["state"] not in STATES:
        return record["state"]
    if space.get_stage(read_genotype(record["genotype"])) is None:
        return "of another space"
    if record["hash"] in known:
        return "known from a run before"
    limits, complexity = search["limits"], record["complexity"]
    if any(limits[key] is not None and complexity[key] > limits[key] for key in LIMITED):
        return "beyond search.limits"
    if search["guidance"] == "tg_epoch0" and record["state"] == "ok":
        return None if record["teacher_untrained"] else "without TG at epoch 0"
    return None


def load_reused(path: Path | None, rating: Rating) -> list[Entry]:
    """The entries of a ``reused.json`` under this run's rating; none without the file."""
    if path is None:
        return []
    return [build_entry(record, rating, {}) for record in read_json(path)["records"]]


def describe_reused(content: Mapping[str, Any]) -> list[str]:
    """A line for the user about each run: what was taken, what was left out and why."""
    lines = []
    for run in content["runs"]:
        left = ", ".join(f"{count} {reason}" for reason, count in run["left_out"].items())
        lines.append(
            f"reuse: {run['taken']} of {len(run['files'])} candidates of {run['name']}"
            + (f"; left out: {left}" if left else "")
        )
    return lines
