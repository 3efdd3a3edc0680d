"""Reuse: a search begins with the candidates of older runs that were measured in the same way.

P and TG of a genotype depend on the teacher, the section ``premature`` (except rungs, which only
end some trainings) and its images, ``search.scoring``, ``search.seed`` (which the randomness of the
training is derived from, with the genotype) and RESULTS_VERSION. A run that differs in one of them
is refused. Strategy, space, guidance, alpha, layer choice and budget may differ, because rewards
are calculated from the records.
"""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from tgas_neuro.architecture.space import Space
from tgas_neuro.architecture.spaces import build_space, read_genotype
from tgas_neuro.config.search import OF_UNTRAINED, Search
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.provenance import Provenance, build_provenance
from tgas_neuro.search.candidate import find_excess
from tgas_neuro.search.history import is_member
from tgas_neuro.search.records import CandidateRecord, Reused, ReusedRun

# Digests of a record's provenance that have to be equal.
SAME = ("teacher", "premature", "scoring", "images")
# Other states were set by limits, rungs or the machine, and may be different here.
STATES = ("ok", "diverged")


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
                f"search.reuse: run {name!r} has no finished generation; let it continue, or "
                "remove it from the list"
            )
        if folder.name in folders:
            raise UserError(
                f"search.reuse: two runs are called {folder.name!r}: {folders[folder.name]} and "
                f"{folder}; the ids of their candidates need different names, so rename one"
            )
        folders[folder.name] = folder
    return list(folders.values())


def list_reused_files(folders: Sequence[Path], frozen: Path) -> dict[str, list[str]]:
    """Records of the generations that have finished, which `make_reused` reads.

    Parameters
    ----------
    folders
        Folders of the runs.
    frozen
        The file that `make_reused` writes. If it exists, the files are those that it names: an
        older run that continues does not change what was taken from it.
    """
    if frozen.is_file():
        reused: Reused = read_json(frozen)
        return {run["name"]: run["files"] for run in reused["runs"]}
    return {
        folder.name: [
            str(path)
            for generation in sorted(folder.glob("generation_*"))
            if (generation / "history.json").is_file()
            for path in sorted(generation.glob("candidate_*.json"))
        ]
        for folder in folders
    }


def make_reused(
    files: Mapping[str, Sequence[str]], search: Search, digests: Mapping[str, str]
) -> Reused:
    """Make ``reused.json``: the records of older runs that this one may take over.

    Parameters
    ----------
    files
        Run to its candidate records (see `list_reused_files`).
    search
        The section ``search`` of the configuration.
    digests
        Digests of this configuration, with those in `SAME`.

    Raises
    ------
    UserError
        A run was measured in another way; the message names the difference.
    """
    space = build_space(search)
    provenance = build_provenance(search.seed, **digests)
    runs: list[ReusedRun] = []
    records: list[CandidateRecord] = []
    known: set[str] = set()
    for name, paths in files.items():
        run: ReusedRun = {"name": name, "files": list(paths), "taken": 0, "left_out": {}}
        for path in paths:
            record: CandidateRecord = read_json(path)
            _refuse_other_measures(name, record["provenance"], provenance)
            reason = _find_reason(record, search, space, known)
            if reason is not None:
                run["left_out"][reason] = run["left_out"].get(reason, 0) + 1
                continue
            known.add(record["hash"])
            run["taken"] += 1
            complete = is_member(space, read_genotype(record["genotype"]))
            records.append({**record, "id": f"{name}/{record['id']}", "complete": complete})
        runs.append(run)
    return {"runs": runs, "records": records, "provenance": provenance}


def _refuse_other_measures(name: str, there: Provenance, here: Provenance) -> None:
    """Compare the provenance of a record with that of one made here."""
    differing = [key for key in SAME if there["digests"].get(key) != here["digests"][key]]
    names = {"scoring": "search.scoring", "images": "the images of premature.data"}
    what = [names.get(key, key) for key in differing]
    if there["seed"] != here["seed"]:
        what.append("search.seed")
    if there["results_version"] != here["results_version"]:
        what.append("the results version")
    if what:
        raise UserError(
            f"search.reuse: P and TG of run {name!r} were measured otherwise, {', '.join(what)} "
            "differ from this configuration; make them equal, or remove the run from the list"
        )


def _find_reason(
    record: CandidateRecord, search: Search, space: Space, known: set[str]
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
    if find_excess(record["complexity"], search.limits):
        return "beyond search.limits"
    if search.guidance in OF_UNTRAINED and record["state"] == "ok":
        return None if record["teacher_untrained"] else "without TG at epoch 0"
    return None


def describe_reused(content: Reused) -> list[str]:
    """A line for the user about each run: what was taken, and why others were left out."""
    lines = []
    for run in content["runs"]:
        left = ", ".join(f"{count} {reason}" for reason, count in run["left_out"].items())
        lines.append(
            f"reuse: {run['taken']} of {len(run['files'])} candidates of {run['name']}"
            + (f"; left out: {left}" if left else "")
        )
    return lines
