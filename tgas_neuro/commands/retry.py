"""`retry`: take back candidates that a limit or the machine ended; `tgas retry --state timeout`.

Their records are moved aside, and so is what was made from them: histories, later generations that
learned from those, and the best. The next run makes all of it again.
"""

import argparse
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tgas_neuro.commands.terminal import Answer, add_forms, add_run, print_answer, show_lines
from tgas_neuro.commands.unlock import refuse_live_run
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.candidate.kept import KEPT
from tgas_neuro.search.history import describe_states
from tgas_neuro.search.records import CandidateRecord, Proposals
from tgas_neuro.search.runs import find_run

STATES = ("timeout", "out_of_memory", "crashed")  # which may be others on a healthy machine
RETRIED = "retried"  # folder of a run: what was moved aside, a numbered folder for each call
NAMED = 8  # candidates at most in the message


@dataclass(frozen=True)
class TakenBack:
    """What has to be made again.

    Attributes
    ----------
    states
        State to the number of records that are taken back.
    ended
        Ids of those candidates to their states.
    repeated
        Generations that learned from them, and the number of their other candidates.
    paths
        Files and folders, in the order in which they are moved: the results before what they were
        made from, so that after a kill nothing is left that was made from a record that is gone.
    """

    states: dict[str, int]
    ended: dict[str, str]
    repeated: tuple[list[str], int]
    paths: list[Path]

    @property
    def names(self) -> list[str]:
        """Ids of those candidates."""
        return list(self.ended)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run(parser)
    parser.add_argument(
        "--state",
        default=",".join(STATES),
        metavar="STATES",
        help=f"one or several of {','.join(STATES)} (default: all of them)",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument(
        "--host",
        metavar="NAME",
        help="the machine that the run was started on, if you know that no Snakemake runs there",
    )
    add_forms(parser)


def run(arguments: argparse.Namespace) -> None:
    """Move the records and what depends on them aside, and say in one line what was done."""
    states = [name.strip() for name in arguments.state.split(",")]
    for state in states:
        check_choice("--state", state, STATES)
    folder = find_run(arguments.run)
    if not arguments.dry_run:
        refuse_live_run(folder.resolve().parents[2], arguments.host)
    found = find_taken_back(folder, states)
    aside = find_aside(folder)
    if found.names:
        refuse_reused(folder, found.paths)
        if not arguments.dry_run:
            move_aside(folder, found.paths, aside)

    def say() -> str:
        if found.names:
            return show_lines(describe(folder, found, aside, arguments.dry_run))
        nothing = f"no candidate is {' or '.join(states)}, nothing to take back"
        return show_lines(f"run {folder.name}: {nothing}")

    rows = [{"candidate": name, "state": state} for name, state in found.ended.items()]
    content = {
        "run": folder.name,
        "dry_run": arguments.dry_run,
        "taken_back": found.ended,
        "repeated_generations": found.repeated[0],
        "repeated_candidates": found.repeated[1],
        "files": [str(path) for path in found.paths],
        "moved_to": str(aside) if found.names else None,
    }
    print_answer(arguments, Answer(rows, ["candidate", "state"], say, content))


def find_taken_back(folder: Path, states: Sequence[str]) -> TakenBack:
    """Find the records in these states, and everything that was made from them.

    Parameters
    ----------
    folder
        Folder of the run.
    states
        Some of `STATES`.
    """
    generations = sorted(folder.glob("generation_*"))
    files = [path for place in generations for path in sorted(place.glob("candidate_*.json"))]
    records = {path: _read_record(path) for path in [*files, *folder.glob(f"{KEPT}/*.json")]}
    wanted = {path: content for path, content in records.items() if content["state"] in states}
    if not wanted:
        return TakenBack({}, {}, ([], 0), [])
    first = min(_get_generation(folder, content) for content in wanted.values())
    later = [place for place in generations if _has_learned(place, first)]
    histories = [g / "history.json" for g in generations if g >= first and g not in later]
    moved = {
        path: content
        for path, content in records.items()
        if path in wanted or _get_generation(folder, content) in later
    }
    paths = [
        *_find_result(folder),
        folder / "best.json",
        *reversed(histories),
        *reversed(later),
        *(folder / "weights" / f"{content['id']}.pt" for content in moved.values()),
        *(path for path in moved if path.parent not in later),
    ]
    ended: dict[str, str] = {
        content["id"]: content["state"]
        for content in sorted(wanted.values(), key=lambda content: content["id"])
    }
    counts = list(ended.values())
    return TakenBack(
        {state: counts.count(state) for state in states if state in counts},
        ended,
        (
            [place.name for place in later],
            len({content["id"] for content in moved.values()} - set(ended)),
        ),
        [path for path in dict.fromkeys(paths) if path.exists()],
    )


def _read_record(path: Path) -> CandidateRecord:
    return read_json(path)


def _get_generation(folder: Path, record: CandidateRecord) -> Path:
    """The generation of a candidate, wherever its record lies."""
    return folder / f"generation_{record['id'][1:4]}"


def _has_learned(generation: Path, first: Path) -> bool:
    """Whether the history that a generation's proposals saw contains the generation `first`."""
    if generation <= first:
        return False
    if not (generation / "proposals.json").is_file():
        return True
    proposals: Proposals = read_json(generation / "proposals.json")
    reused = generation.parent / "reused.json"
    seen = proposals["history_seen"] - (
        len(read_json(reused)["records"]) if reused.is_file() else 0
    )
    before = [
        len(read_json(path)["proposals"])
        for path in generation.parent.glob("generation_*/proposals.json")
        if path.parent < first
    ]
    return seen > sum(before)


def _find_result(folder: Path) -> list[Path]:
    """``best_cell.json`` of the folder's project, if it is of this run."""
    path = folder.resolve().parents[1] / "best_cell.json"
    files = read_json(path).get("files", {}) if path.is_file() else {}
    return [path] if Path(files.get("best", "")).parent.name == folder.name else []


def refuse_reused(folder: Path, paths: Sequence[Path]) -> None:
    """Raise `UserError` if a later run began with one of these records."""
    moved = {path.resolve() for path in paths}
    for reused in sorted(folder.parent.glob("*/reused.json")):
        for older in read_json(reused)["runs"]:
            files = [folder.parent / Path(*Path(file).parts[-3:]) for file in older["files"]]
            if any({file.resolve(), file.resolve().parent} & moved for file in files):
                raise UserError(
                    f"run {folder.name}: run {reused.parent.name} began with its candidates "
                    f"(search.reuse) and needs their records; move {reused.parent} away first"
                )


def find_aside(folder: Path) -> Path:
    """The folder for what this call moves aside."""
    numbers = [int(path.name) for path in (folder / RETRIED).glob("[0-9]*")]
    return folder / RETRIED / f"{max(numbers, default=-1) + 1:03d}"


def move_aside(folder: Path, paths: Sequence[Path], aside: Path) -> None:
    """Move files and folders of a run, and the result of its project, to another folder."""
    for path in paths:
        inside = path.is_relative_to(folder)
        to = aside / (path.relative_to(folder) if inside else path.name)
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, to)
        except OSError as error:
            raise UserError(
                f"{path}: cannot be moved to {to} ({error.strerror}); correct that, and call the "
                "same command again"
            ) from None


def describe(folder: Path, found: TakenBack, aside: Path, dry: bool) -> str:
    """One line for the user: what was taken back, and what the next run repeats."""
    names = ", ".join(found.names[:NAMED]) + (", ..." if len(found.names) > NAMED else "")
    line = (
        f"{'would take back' if dry else 'took back'} {len(found.names)} of run {folder.name} "
        f"({describe_states(found.states)}): {names}; the next run evaluates them again"
    )
    later, others = found.repeated
    repeated = []
    if later:
        span = later[0] if len(later) == 1 else f"{later[0]} to {later[-1]}"
        repeated.append(f"{span}, which learned from them ({others} other candidates)")
    if any(path.name in ("best.json", "best_cell.json") for path in found.paths):
        repeated.append("the final stage")
    if repeated:
        line += f" and repeats {' and '.join(repeated)}"
    return line if dry else f"{line}; the old files are in {aside}"
