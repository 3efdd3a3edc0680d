"""The status of a run at a moment: its phases, candidates, final training and remaining time.

This is for display alone. What has finished at some moment depends on chance, so no result may
depend on it.
"""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.overview.eta import Estimate, estimate
from tgas_neuro.overview.facts import Facts, load_facts
from tgas_neuro.overview.jobs import EXPERIMENTS, PHASES, get_phase
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.history import Entry, count_states, rank_entries
from tgas_neuro.search.records import RunNote
from tgas_neuro.search.runs import Run, load_run
from tgas_neuro.search.runs.note import load_note

BEST = 5  # candidates of the table


@dataclass(frozen=True)
class Phase:
    """A phase of a run.

    Attributes
    ----------
    phase
        Its name.
    state
        ``finished``, ``earlier`` (by an earlier start of the workflow), ``running``, ``waiting``,
        or ``not planned`` in this start of the workflow.
    done, jobs
        Jobs of this start that have ended, and all of them.
    seconds_left
        Estimated remaining time [s]; None where there is none to tell.
    """

    phase: str
    state: str
    done: int
    jobs: int
    seconds_left: float | None


@dataclass(frozen=True)
class Status:
    """The status of a run.

    Attributes
    ----------
    run, name
        Its folder, and its name if it has one.
    holder
        Process id of the workflow, or None.
    started
        When the workflow last began [s since the epoch]; None for a run without a note.
    formula
        Of the reward; "" before anything has been proposed.
    phases
        In their order.
    generation, generations
        The first generation that has not finished, from 1, and how many there are to be.
    done, total
        Candidates that have finished, and all of the search; `total` and `generations` are None
        for a run without a note.
    running
        Ids of candidates that are being trained.
    states
        Number of candidates in each state.
    failures
        State to the last message of candidates that failed.
    best
        The best candidates so far.
    images_seen, seconds
        Cost of all candidates.
    epoch, epochs
        Finished epochs of the final training, of how many.
    step, steps
        Finished steps of the next epoch, of how many; None where that was not noted.
    seconds_left
        Remaining time of the workflow [s]; None if it does not run, or if it is not known.
    unknown
        Phases whose time is not known yet.
    ended
        Whether everything that was planned has been done.
    """

    run: str
    name: str | None
    holder: int | None
    started: float | None
    formula: str
    phases: list[Phase]
    generation: int | None
    generations: int | None
    done: int
    total: int | None
    running: list[str]
    states: dict[str, int]
    failures: dict[str, str]
    best: list[Entry]
    images_seen: int
    seconds: float
    epoch: int
    epochs: int | None
    step: int | None
    steps: int | None
    seconds_left: float | None
    unknown: list[str]
    ended: bool

    def to_json(self) -> dict[str, Any]:
        """As JSON content."""
        content = {key: getattr(self, key) for key in self.__dataclass_fields__}
        content["phases"] = [asdict(phase) for phase in self.phases]
        content["best"] = [
            {key: getattr(entry, key) for key in ("id", "state", "reward", "P", "TG", "regions")}
            | {"params": entry.params, "macs": entry.macs}
            for entry in self.best
        ]
        return content


def look(folder: Path, holder: int | None, now: float | None = None) -> Status:
    """Look at the folder of a run.

    Parameters
    ----------
    folder
        ``results/search/<run>``.
    holder
        Process id of the workflow that works there now, or None.
    now
        Seconds since the epoch; None is now.
    """
    note = load_note(folder)
    run = load_run(folder) if any(folder.glob("generation_*/proposals.json")) else None
    facts = load_facts(run, folder, note) if note else None
    return calc_status(folder, run, note, facts, holder, time.time() if now is None else now)


def calc_status(
    folder: Path,
    run: Run | None,
    note: RunNote | None,
    facts: Facts | None,
    holder: int | None,
    now: float,
) -> Status:
    """Calculate the status of a run from what is known of it; for the parameters see `look`."""
    running = facts is not None and holder is not None and facts.rules
    left = estimate(facts, now) if facts is not None and running else None
    # versions before noted no jobs
    known = facts is not None and facts.rules
    phases = list_phases(facts, left, holder is not None) if facts is not None and known else []
    total = note["generations"] * note["candidates"] if note else None
    done = len(run.records) if run else 0
    entries = run.list_entries() if run else []
    final = facts.final if facts is not None else None
    images_seen, seconds = _add_costs(run)
    return Status(
        run=folder.name,
        name=note.get("name") if note else None,
        holder=holder,
        started=facts.started if facts is not None else None,
        formula=run.rating.describe() if run else "",
        phases=phases,
        generation=_find_generation(run),
        generations=note["generations"] if note else None,
        done=done,
        total=total,
        running=_list_running(facts) if holder is not None else [],
        states=count_states([entry for entry in entries if run and entry.id in run.records]),
        failures=_list_failures(run, entries),
        best=rank_entries(entries, BEST),
        images_seen=images_seen,
        seconds=seconds,
        epoch=len(final.ended) if final else 0,
        epochs=final.epochs if final else None,
        step=final.progress.step if final and final.progress else None,
        steps=final.progress.steps if final and final.progress else None,
        seconds_left=left.total if left is not None else None,
        unknown=left.unknown if left is not None else [],
        ended=_has_ended(phases, done, total),
    )


def list_phases(facts: Facts, left: Estimate | None, running: bool) -> list[Phase]:
    """The phases of a run with their jobs."""
    found = []
    experiments = sum(
        number for rule, number in facts.rules.items() if get_phase(rule) == EXPERIMENTS
    )
    for phase, rules in PHASES.items():
        jobs = facts.list_jobs(phase)
        planned = sum(facts.rules.get(rule, 0) for rule in rules)
        done = min(sum(job.ended is not None for job in jobs), planned)
        if planned and done == planned:
            state = "finished"
        elif running and any(job.ended is None for job in jobs):
            state = "running"
        elif planned:
            state = "running" if running and done else "waiting"
        else:
            earlier = any(get_phase(job.rule) == phase and job.ended for job in facts.jobs)
            state = "earlier" if earlier else "not planned"
        seconds = left.seconds.get(phase) if left is not None else None
        found.append(Phase(phase, state, done, planned, seconds))
    if experiments:
        found.append(Phase(EXPERIMENTS, "see the console", 0, experiments, None))
    return found


def _has_ended(phases: list[Phase], done: int, total: int | None) -> bool:
    if any(phase.jobs for phase in phases):
        return all(phase.done == phase.jobs for phase in phases)
    return total is not None and done >= total


def _find_generation(run: Run | None) -> int | None:
    if run is None:
        return None
    unfinished = [name for name in run.proposals if name not in run.records]
    return int(min(unfinished, default=max(run.proposals))[1:4]) + 1


def _list_running(facts: Facts | None) -> list[str]:
    jobs = facts.list_jobs("search") if facts is not None else []
    return [job.candidate for job in jobs if job.rule == "candidate" and job.ended is None]


def _list_failures(run: Run | None, entries: list[Entry]) -> dict[str, str]:
    """State to the message of its last candidate, for candidates that ended without a reward."""
    last = {
        entry.state: entry.id
        for entry in entries
        if run is not None and entry.id in run.records and entry.state not in ("ok", "duplicate")
    }
    records = {state: read_json(run.records[name]) for state, name in last.items()} if run else {}
    return {state: f"{record['id']}: {record['message']}" for state, record in records.items()}


def _add_costs(run: Run | None) -> tuple[int, float]:
    if run is None:
        return 0, 0.0
    costs = [record["cost"] for record in run.list_new_records()]
    before = run.history["cost"] if run.history else {"images_seen": 0, "seconds": 0.0}
    return (
        before["images_seen"] + sum(cost["images_seen"] for cost in costs),
        before["seconds"] + sum(cost["seconds"] for cost in costs),
    )
