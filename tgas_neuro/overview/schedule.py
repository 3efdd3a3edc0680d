"""How long a search will go on: its candidates in the slots, generation after generation."""

import heapq
import math
from collections.abc import Sequence
from statistics import fmean, median

import numpy as np

from tgas_neuro.overview.facts import Facts
from tgas_neuro.overview.jobs import Job

DRAWS = 32  # simulated searches, whose mean is the estimate
RECENT = 24  # finished candidates whose times count, at least three for each slot
FACTORS = 12  # of them, which tell how busy the machine is
START = 1.0  # [s] in which the job of a candidate starts and ends
COMPUTES = 1.0  # [s] from which on a candidate's own time counts
# Seconds of jobs that take about the same in every run, on two cores of an AMD EPYC.
USUAL = {
    "reused": 2.0,
    "proposals": 0.8,
    "history": 0.7,
    "best": 1.0,
    "search_figures": 3.0,
    "final_figures": 2.6,
    "run_report": 7.0,
    "best_cell": 2.0,
    "brainscore": 9.0,
    "teacher_figure": 2.0,
}
LIGHT = ("proposals", "history", "best")  # of them: alike in every run, and early in it
LONGER = 0.1  # of its time so far is left of a job that takes longer than all before


def calc_search(facts: Facts, now: float, left: dict[str, int]) -> float | None:
    """Mean over simulated searches, whose candidates take the times of finished ones."""
    small = sum(left[rule] * time_rule(facts, rule) for rule in ("reused", "best"))
    if not left["candidate"]:
        return small + left["history"] * time_rule(facts, "history")
    begun = [job for job in facts.list_jobs("search") if job.rule == "candidate"]
    times = list_times(facts, begun)
    if not times:
        return None
    running = _list_running(facts, begun, now)
    slots = facts.slots or max(_count_at_once(begun), 1)
    waiting = list_waiting(facts)
    draws = np.random.default_rng(0)
    ends = [_simulate(facts, draws, np.array(times), slots, running, waiting) for _ in range(DRAWS)]
    return fmean(ends) + small


def list_times(facts: Facts, begun: Sequence[Job]) -> list[float]:
    """How long recent jobs of candidates take [s], with all candidates of a job together.

    A job takes the time in which its candidate could run, and a second to start, times the slowness
    of the machine, as one may have waited for minutes. Candidates that compute nothing, such as
    duplicates, and jobs with several candidates count as long as their jobs took.
    """
    ends: dict[tuple[str, float], list[Job]] = {}
    for job in begun:
        ends.setdefault((_name_batch(facts, job), job.began), []).append(job)
    # the last job of a generation may hold fewer candidates; the others tell enough
    whole = [
        jobs
        for jobs in ends.values()
        if all(job.ended for job in jobs) and len(jobs) == min(facts.together, facts.candidates)
    ]
    whole.sort(key=lambda jobs: max(job.ended or 0.0 for job in jobs))
    recent = [
        (
            max(job.seconds for job in jobs),
            facts.costs.get(jobs[0].candidate, 0.0) if len(jobs) == 1 else 0.0,
        )
        for jobs in whole[-max(RECENT, 3 * (facts.slots or 1)) :]
    ]
    factor = measure_slowness(facts)
    return [(START + cost) * factor if cost >= COMPUTES else seconds for seconds, cost in recent]


def measure_slowness(facts: Facts) -> float:
    """How much longer things take on the clock than they compute, at least 1.

    The median over recent candidates; it is above 1 where others use the same processors.
    """
    finished = [job for job in facts.list_jobs("search") if job.rule == "candidate" and job.ended]
    finished.sort(key=lambda job: job.ended or 0.0)
    slower = [
        job.seconds / (START + facts.costs[job.candidate])
        for job in finished
        if facts.together == 1 and facts.costs.get(job.candidate, 0.0) >= COMPUTES
    ]
    return max(median(slower[-FACTORS:]), 1.0) if slower else 1.0


def measure_pace(facts: Facts) -> float:
    """How much longer scripts take on this machine than is usual, by the `LIGHT` ones so far.

    Of a machine that starts them fast the square root: the others gain less from it.
    """
    recent = _list_recent(facts, LIGHT)
    if not recent:
        return measure_slowness(facts)
    pace = sum(job.seconds for job in recent) / sum(USUAL[job.rule] for job in recent)
    return max(pace, math.sqrt(pace))


def _name_batch(facts: Facts, job: Job) -> str:
    return job.candidate if facts.together == 1 else job.candidate[:4]


def _list_running(facts: Facts, begun: Sequence[Job], now: float) -> list[float]:
    """How long each running job has been running [s]."""
    batches = {(_name_batch(facts, job), job.began) for job in begun if job.ended is None}
    return [max(now - began, 0.0) for _, began in batches]


def _simulate(
    facts: Facts,
    draws: np.random.Generator,
    times: np.ndarray,
    slots: int,
    running: Sequence[float],
    waiting: Sequence[int],
) -> float:
    """When the search ends [s from now], in one simulated course.

    Parameters
    ----------
    facts, draws
        What is known, and the generator of random numbers.
    times
        What a job may take [s].
    slots
        Jobs at once.
    running
        How long each running job has been running [s].
    waiting
        Jobs of each generation that have not begun, from the first that has not ended on.
    """
    propose, note = time_rule(facts, "proposals"), time_rule(facts, "history")
    ends = [_draw_rest(draws, times, elapsed) for elapsed in running]
    free = [*ends, *[0.0] * (slots - len(ends))]
    heapq.heapify(free)
    finished: list[float] = []  # when each of these generations has its history
    for number, jobs in enumerate(waiting):
        ready = finished[number - facts.lag] + propose if number >= facts.lag else 0.0
        own = [] if number else list(ends)  # those that run now are of the first of them
        for seconds in draws.choice(times, size=jobs).tolist():
            own.append(max(heapq.heappop(free), ready) + seconds)
            heapq.heappush(free, own[-1])
        finished.append(max([*finished[-1:], *own, 0.0]) + note)
    return max([*finished[-1:], *ends, 0.0])


def _draw_rest(draws: np.random.Generator, times: np.ndarray, elapsed: float) -> float:
    """Rest of a job that has been running for a while: of those that took longer, a drawn one."""
    longer = times[times > elapsed]
    if len(longer):
        return float(draws.choice(longer)) - elapsed
    return LONGER * elapsed


def list_waiting(facts: Facts) -> list[int]:
    """Jobs that have not begun, of each generation from the first on that has not ended."""
    jobs = [job for job in facts.jobs if job.rule == "candidate"]
    since = facts.list_jobs("search")
    older = len(jobs) - sum(job.rule == "candidate" for job in since)
    if older > facts.generations * facts.candidates - facts.rules.get("candidate", 0):
        jobs = [job for job in jobs if job in since]  # the older ones are made again
    waiting = []
    for generation in range(facts.generations):
        own = [job for job in jobs if job.candidate.startswith(f"g{generation:03d}_")]
        left = max(facts.candidates - len(own), 0)
        if left or any(job.ended is None for job in own):
            waiting.append(math.ceil(left / facts.together))
    return waiting


def _count_at_once(jobs: Sequence[Job]) -> int:
    """Most jobs that ran at one moment."""
    moments = [(job.began, 1) for job in jobs]
    moments += [(job.ended, -1) for job in jobs if job.ended is not None]
    most = running = 0
    for _, change in sorted(moments):
        running += change
        most = max(most, running)
    return most


def time_rule(facts: Facts, rule: str) -> float:
    """Mean time of the finished jobs of a rule; without any, what is usual."""
    recent = _list_recent(facts, (rule,))
    if not recent:
        return USUAL.get(rule, 1.0) * measure_pace(facts)
    return fmean(job.seconds for job in recent)


def _list_recent(facts: Facts, rules: Sequence[str]) -> list[Job]:
    """The last finished jobs of these rules that took any time."""
    found = [job for job in facts.jobs if job.rule in rules and job.ended is not None]
    return [job for job in found if job.seconds > 0][-RECENT:]
