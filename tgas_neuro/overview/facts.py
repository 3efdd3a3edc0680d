"""What is known of a run at a moment, for its remaining time: jobs, candidates, final training.

All of it is read from files that the run writes anyway. `Facts.at` gives what was known at an
earlier moment, so that the estimates of a finished run can be repeated (see `overview.eta`).
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tgas_neuro.overview.final_training import FinalTraining, find_config, load_final
from tgas_neuro.overview.jobs import Job, cut, get_phase, load_jobs
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.records import CandidateRecord, RunNote
from tgas_neuro.search.runs import Run


@dataclass(frozen=True)
class Training:
    """The short training of a candidate.

    Attributes
    ----------
    seconds
        Time of the training alone [s].
    scoring
        Time of all else: imports, both comparisons with the teacher [s].
    images
        Images trained on.
    macs
        Multiply-adds of the network for one image.
    device
        Where it was trained, as ``"cpu"``.
    threads
        Of torch.
    """

    seconds: float
    scoring: float
    images: int
    macs: int
    device: str
    threads: int


@dataclass(frozen=True)
class Facts:
    """What is known of a run.

    Attributes
    ----------
    started
        When its workflow last began [s since the epoch].
    rules
        Jobs that this start of the workflow has to do, by rule.
    slots
        Candidates that can be trained at once; None where that is not known.
    generations, candidates, lag
        Of the search; `candidates` in each generation.
    together
        Candidates in each job, one after the other.
    untrained
        Whether each candidate is compared with the teacher before its training, too.
    jobs
        See `load_jobs`; of runs whose Snakemake left no notes, the candidates alone.
    costs
        Id of a candidate to the time in which it could run [s].
    trainings
        Id of a candidate to its training, of those that were trained.
    final
        The final training; None if nothing is known of it.
    """

    started: float
    rules: Mapping[str, int]
    slots: int | None
    generations: int
    candidates: int
    lag: int
    together: int
    untrained: bool
    jobs: tuple[Job, ...]
    costs: Mapping[str, float]
    trainings: Mapping[str, Training]
    final: FinalTraining | None

    def at(self, now: float) -> "Facts":
        """What was known at an earlier moment."""
        jobs = tuple(cut(list(self.jobs), now))
        ended = {job.candidate for job in jobs if job.rule == "candidate" and job.ended}
        final = self.final and self.final.at(now, ended)
        costs = {name: cost for name, cost in self.costs.items() if name in ended}
        trainings = {name: one for name, one in self.trainings.items() if name in ended}
        return replace(self, jobs=jobs, costs=costs, trainings=trainings, final=final)

    def list_jobs(self, *phases: str) -> list[Job]:
        """Jobs of these phases that have begun since the workflow started."""
        started = self.started - 1  # it is noted in whole seconds
        found = [job for job in self.jobs if get_phase(job.rule) in phases]
        return [job for job in found if job.began >= started]


def load_facts(run: Run | None, folder: Path, note: RunNote) -> Facts:
    """Read what is known of a run now.

    Parameters
    ----------
    run
        Its search; None before anything has been proposed.
    folder
        ``results/search/<run>``.
    note
        Its note.
    """
    config = find_config(note)
    search = config.get("search", {})
    records = {
        name: _read_record(path, path.stat().st_mtime_ns)
        for name, path in (run.records if run else {}).items()
    }
    jobs = load_jobs(folder.resolve().parents[2], folder.name, note)
    known = {job.candidate for job in jobs if job.rule == "candidate"}
    jobs += [
        _guess_job(run.records[name], record)
        for name, record in records.items()
        if run is not None and name not in known
    ]
    return Facts(
        started=read_time(note["started"]),
        rules=note.get("rules", {}),
        slots=note.get("slots"),
        generations=note["generations"],
        candidates=note["candidates"],
        lag=search.get("lag", 1),
        together=search.get("candidates_per_job", 1),
        untrained=search.get("untrained", True),
        jobs=tuple(sorted(jobs, key=lambda job: job.began)),
        costs={name: record["cost"]["seconds"] for name, record in records.items()},
        trainings=_list_trainings(records, config.get("premature", {}).get("threads", 1)),
        final=load_final(run, folder, note, records),
    )


def read_time(text: str) -> float:
    """A date of a file, in seconds since the epoch."""
    return datetime.datetime.fromisoformat(text).timestamp()


@lru_cache(maxsize=100_000)
def _read_record(path: Path, date: int) -> CandidateRecord:
    """A record; `date` of the file, so that another one is read again."""
    record: CandidateRecord = read_json(path)
    return record


def _guess_job(path: Path, record: CandidateRecord) -> Job:
    """The job of a candidate by the dates of its record and file."""
    output = path.as_posix()
    inside = output[output.index("results/search/") :] if "results/search/" in output else output
    dates = record.get("dates")
    ended = path.stat().st_mtime
    began = read_time(dates["started"]) if dates else ended - record["cost"]["seconds"]
    return Job("candidate", inside, min(began, ended), ended)


def _list_trainings(records: Mapping[str, CandidateRecord], threads: int) -> dict[str, Training]:
    found = {}
    for name, record in records.items():
        cost = record["cost"]
        seconds = cost.get("training_seconds")
        if seconds is not None and record["state"] == "ok" and not record.get("probe"):
            found[name] = Training(
                seconds,
                max(cost["seconds"] - seconds, 0.0),
                cost["images_seen"],
                record["complexity"]["macs"],
                str(cost.get("device", "cpu")),
                threads,
            )
    return found
