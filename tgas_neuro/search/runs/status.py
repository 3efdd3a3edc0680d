"""The status of a run, and the line that each candidate reports: what is done, the best so far.

This is for display alone. What has finished at some moment depends on chance, so no result may
depend on it.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, build_entry, count_states, find_best, get_reward
from tgas_neuro.search.records import CandidateRecord, RunNote
from tgas_neuro.search.runs import Run, get_record_path, load_run


@dataclass(frozen=True)
class Status:
    """The status of a run.

    Attributes
    ----------
    formula
        Of the reward.
    generation
        The first one that has not finished, or the last; counted from 1.
    generations, total
        Generations and candidates of the whole search; None for a run without ``run.json``.
    done
        Number of candidates that have finished.
    running
        Ids of candidates that have begun and not finished, while a workflow runs.
    states
        Number of candidates in each state.
    best
        The best so far, in words.
    images_seen, seconds
        Cost of all candidates.
    seconds_left
        Estimated time to the end of the search [s], or None.
    holder
        Process id of the workflow, or None.
    ended
        Whether all candidates have finished.
    """

    formula: str
    generation: int
    generations: int | None
    total: int | None
    done: int
    running: list[str]
    states: dict[str, int]
    best: str
    images_seen: int
    seconds: float
    seconds_left: float | None
    holder: int | None
    ended: bool


def calc_status(run: Run, working: Path, holder: int | None, now: float) -> Status:
    """Look at a run.

    Parameters
    ----------
    run
        As it is now.
    working
        The working directory of its workflow, where the logs are.
    holder
        Process id of the workflow that works there now, or None.
    now
        Seconds since the epoch.
    """
    note = _read_note(run.folder)
    started = datetime.datetime.fromisoformat(note["started"]).timestamp() if note else now
    total = note["generations"] * note["candidates"] if note else None
    done, entries = len(run.records), run.list_entries()
    unfinished = [name for name in run.proposals if name not in run.records]
    generation = int(min(unfinished, default=max(run.proposals))[1:4])
    ended = total is not None and done >= total
    own = [entry for entry in entries if entry.id in run.records]
    costs = [record["cost"] for record in run.list_new_records()]
    images_seen = sum(cost["images_seen"] for cost in costs)
    seconds = sum(cost["seconds"] for cost in costs)
    if run.history:
        images_seen += run.history["cost"]["images_seen"]
        seconds = run.history["cost"]["seconds"] + seconds
    return Status(
        formula=run.rating.describe(),
        generation=generation + 1,
        generations=note["generations"] if note else None,
        total=total,
        done=done,
        running=_list_running(run, working, started) if holder is not None else [],
        states=count_states(own),
        best=_describe_best(entries),
        images_seen=images_seen,
        seconds=seconds,
        seconds_left=None if ended or total is None else _calc_left(run, total, started, now),
        holder=holder,
        ended=ended,
    )


def _read_note(folder: Path) -> RunNote | None:
    """What the workflow wrote about the run when it last began, if it did."""
    path = folder / "run.json"
    return read_json(path) if path.is_file() else None


def _list_running(run: Run, working: Path, started: float) -> list[str]:
    """Candidates whose job has opened its log since the workflow began and has not ended."""
    logs = working / "results/logs/search" / run.name
    running = []
    for name in run.proposals:
        generation, _, candidate = name.removeprefix("g").partition("_c")
        log = logs / f"{generation}_candidate_{candidate}.log"
        if name not in run.records and log.is_file() and log.stat().st_mtime >= started - 1:
            running.append(name)
    return running


def _calc_left(run: Run, total: int, started: float, now: float) -> float | None:
    """Time left at the pace of the candidates that have finished since the workflow began."""
    written = [get_record_path(run.folder, name).stat().st_mtime for name in run.records]
    recent = sum(time >= started for time in written)
    return (total - len(run.records)) * (now - started) / recent if recent else None


def _describe_best(entries: Sequence[Entry]) -> str:
    best = find_best(entries)
    if best is None:
        return "none yet"
    return f"{best.id}, reward {best.reward:.3f} (P {best.P:.3f}, TG {best.TG:.3f})"


def describe_record(record: CandidateRecord, rating: Rating, folder: Path) -> str:
    """One line about a candidate that has just finished: state, P, TG, reward, best so far.

    Parameters
    ----------
    record
        Its record.
    rating
        How candidates are ranked.
    folder
        Folder of the run, whose records are compared.
    """
    entries = load_run(folder).list_entries() if rating.compares else []
    if record["state"] == "ok":
        entry = build_entry(record, rating, {})
        entry = next((one for one in entries if one.id == entry.id), entry)
        regions = ", ".join(f"{name} {value:.3f}" for name, value in (entry.regions or {}).items())
        reward = "none" if entry.reward is None else f"{entry.reward:.3f}"
        text = f"  P {entry.P:.3f}  TG {entry.TG:.3f} ({regions})  reward {reward}"
    else:
        text = f" ({record['message']})"
    best = find_best_so_far(folder, rating, entries)
    so_far = f"  best so far {best[0]:.3f} ({best[1]})" if best else ""
    killed = max(record["cost"]["attempts"] - 1, 0)
    again = f" after {killed} killed process{'es' * (killed > 1)}" if killed else ""
    return f"candidate {record['id']}: {record['state']}{again}{text}{so_far}"


def find_best_so_far(
    folder: Path, rating: Rating, entries: Sequence[Entry] = ()
) -> tuple[float, str] | None:
    """Reward and id of the best candidate whose record is in the folder of a run now.

    `entries` are all of them, where they have to be rated together.
    """
    if rating.compares:
        best = find_best(entries)
        return (get_reward(best), best.id) if best else None
    return max(_list_rewards(folder, rating), default=None)


def _list_rewards(folder: Path, rating: Rating) -> Iterator[tuple[float, str]]:
    """Reward and id of finished candidates; a generation with a history gives only its best."""
    for generation in sorted(folder.glob("generation_*"), reverse=True):
        for name in ("history.json", "proposals.json"):  # both name the best so far
            content = read_json(generation / name) if (generation / name).is_file() else {}
            if content.get("best"):
                yield content["best"]["reward"], content["best"]["id"]
            if name == "history.json" and content:
                return
        for path in generation.glob("candidate_*.json"):
            record: CandidateRecord = read_json(path)
            if record["state"] == "ok" and record["complete"]:
                entry = build_entry(record, rating, {})
                if entry.reward is not None:
                    yield entry.reward, entry.id
