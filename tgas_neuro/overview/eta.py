"""The remaining time of a run, estimated from what is known of it (docs/terminal.md has the rule).

`estimate` is a function of `Facts` and a time alone: it repeats, for a finished run, what was said
at any moment.
"""

from collections.abc import Sequence
from statistics import fmean, median
from typing import NamedTuple

from tgas_neuro.overview.facts import Facts
from tgas_neuro.overview.final_training import FinalTraining, Progress
from tgas_neuro.overview.jobs import PHASES
from tgas_neuro.overview.schedule import (
    LONGER,
    RECENT,
    calc_search,
    measure_pace,
    measure_slowness,
    time_rule,
)

IMPORTS = 3.0  # [s] before a final training or its comparison with the teacher begins
FINAL_LOADING = 3.0  # [s] for its images, and for its weights at the end
# As the final trainings of config.yaml and macaque_small are misjudged least (docs/terminal.md):
BASE = 28_000_000  # what an image costs besides its multiply-adds, in multiply-adds
THREADS = 0.7  # n threads are so many times as fast as one: n to this power
VALIDATION = 0.1  # of an epoch's training, until one has been measured
BESIDE = (("search_figures", "final_figures"), ("run_report", "brainscore"))  # at the same time


class Estimate(NamedTuple):
    """What is left of a run.

    Attributes
    ----------
    seconds
        Remaining time by phase [s]; phases with nothing left are absent.
    unknown
        Phases whose remaining time cannot be told yet.
    """

    seconds: dict[str, float]
    unknown: list[str]

    @property
    def total(self) -> float | None:
        """Remaining time [s]; None while a phase is unknown."""
        return None if self.unknown else sum(self.seconds.values())


def estimate(facts: Facts, now: float) -> Estimate:
    """Estimate the remaining time of a run whose workflow is running.

    Parameters
    ----------
    facts
        What is known at the moment.
    now
        The moment [s since the epoch].
    """
    seconds: dict[str, float] = {}
    unknown: list[str] = []
    for phase in PHASES:
        left = count_left(facts, phase)
        if sum(left.values()) <= 0:
            continue
        found = _CALCULATIONS.get(phase, _leave_open)(facts, now, left)
        if found is None:
            unknown.append(phase)
        else:
            seconds[phase] = found
    if any(facts.rules.get(rule, 0) and rule.startswith("experiment") for rule in facts.rules):
        unknown.append("experiments")
    if "search" in seconds:  # what candidates wait for is done beside the first of them, or before
        unknown = [phase for phase in unknown if phase not in ("recordings", "teacher", "images")]
    return Estimate(seconds, unknown)


def count_left(facts: Facts, phase: str) -> dict[str, int]:
    """Jobs of a phase that have not ended yet, by rule."""
    done = [job.rule for job in facts.list_jobs(phase) if job.ended is not None]
    return {rule: max(facts.rules.get(rule, 0) - done.count(rule), 0) for rule in PHASES[phase]}


def _leave_open(facts: Facts, now: float, left: dict[str, int]) -> float | None:
    return None


def _calc_final(facts: Facts, now: float, left: dict[str, int]) -> float | None:
    final = facts.final
    if final is None:
        return None
    jobs = facts.list_jobs("final training")
    began = jobs[-1].began if jobs else now
    done = [number for number, end in enumerate(final.ended) if end > began][-RECENT:]
    remaining = final.epochs - len(final.ended)
    if remaining and final.progress is not None and final.progress.noted > began:
        return _follow_steps(final, final.progress, done, now)
    if done:
        since = max(now - final.ended[-1], 0.0)
        each = median(final.seconds[number] for number in done)
        each += fmean(final.validations[number] for number in done)
        if remaining:
            each = max(each, since)  # an epoch that takes longer than those before
            return remaining * each - since + FINAL_LOADING / 2
        return max(FINAL_LOADING / 2 - since, 0.0)
    expected, elapsed = predict_epoch(facts, final), now - began
    if expected is None:
        return None
    around = (IMPORTS + FINAL_LOADING) * measure_pace(facts)
    expected = max(expected, elapsed - around)
    return around + remaining * expected - elapsed


def _follow_steps(
    final: FinalTraining, progress: Progress, done: Sequence[int], now: float
) -> float:
    """What is left when so many steps of an epoch are done; `done` are epochs before it."""
    current = progress.seconds + progress.each * (progress.steps - progress.step)
    training = median(final.seconds[number] for number in done) if done else current
    validation = (
        fmean(final.validations[number] for number in done) if done else VALIDATION * current
    )
    rest = current + validation - progress.seconds - (now - progress.noted)
    later = (final.epochs - len(final.ended) - 1) * (training + validation)
    return max(rest, 0.0) + later + FINAL_LOADING / 2


def predict_epoch(facts: Facts, final: FinalTraining) -> float | None:
    """Time of an epoch of the final training and its validation before one has ended [s].

    An image takes as long as in the short trainings of candidates, times the ratio of multiply-adds
    (`BASE` added to both), divided by the ratio of threads to the power `THREADS`, times the
    slowness of the machine. None if the devices differ, or the number of images is not known.
    """
    trainings, macs = list(facts.trainings.values())[-RECENT:], final.expected_macs
    if not trainings or final.images is None or macs is None:
        return None
    device = trainings[0].device
    if final.device not in ("auto", device):
        return None
    seconds = sum(one.seconds for one in trainings)
    weighed = sum(one.images * (BASE + one.macs) for one in trainings)
    threads = final.threads / trainings[0].threads if device == "cpu" else 1.0
    each = seconds / weighed * (BASE + macs) / threads**THREADS
    return each * final.images * (1 + VALIDATION) * measure_slowness(facts)


def _calc_evaluation(facts: Facts, now: float, left: dict[str, int]) -> float | None:
    """The jobs after the final training, one after the other but for `BESIDE`."""
    seconds = {}
    running = {job.rule: now - job.began for job in facts.list_jobs("evaluation") if not job.ended}
    for rule, number in left.items():
        if number:
            expected = number * _time_evaluation(facts, rule)
            elapsed = running.get(rule, 0.0)
            seconds[rule] = max(expected - elapsed, LONGER * elapsed)
    pairs = BESIDE if (facts.slots or 1) > 1 else ()
    beside = sum(min(seconds.get(one, 0.0), seconds.get(other, 0.0)) for one, other in pairs)
    return sum(seconds.values()) - beside


def _time_evaluation(facts: Facts, rule: str) -> float:
    """The final network takes longer for the stimuli than a candidate, as it does for an image."""
    if rule not in ("final_teacher_guidance", "layer_rdms"):
        return time_rule(facts, rule)
    trainings, scoring = list(facts.trainings.values()), 4.0
    if trainings:
        scoring = fmean(one.scoring for one in trainings) / (1 + facts.untrained)
        macs = facts.final.expected_macs if facts.final is not None else None
        if macs is not None:
            mean = fmean(one.macs for one in trainings)
            scoring *= (BASE + macs) / (BASE + mean)
    return IMPORTS * measure_pace(facts) + scoring * measure_slowness(facts)


_CALCULATIONS = {
    "search": calc_search,
    "final training": _calc_final,
    "evaluation": _calc_evaluation,
}
