"""The remaining time: by hand, and replayed over simulated runs whose course is known."""

import dataclasses
import os

import pytest
from support.schedules import START, play

from tgas_neuro.overview.eta import count_left, estimate, predict_epoch
from tgas_neuro.overview.facts import Training
from tgas_neuro.overview.final_training import (
    FinalTraining,
    Progress,
    Winner,
    load_progress,
)
from tgas_neuro.overview.jobs import Job
from tgas_neuro.overview.schedule import list_times, list_waiting, time_rule
from tgas_neuro.runtime.files import write_json

ALLOWED = 0.25  # of what is left
SLACK = 3.0  # [s] that count as nothing in the last seconds of a run


def list_errors(facts, end, first=1 / 3, number=30):
    """(share of the run, estimate - truth, truth) from a share of the run on."""
    errors = []
    for step in range(number):
        share = first + (1 - first) * step / number
        now = START + share * (end - START)
        said, left = estimate(facts.at(now), now).total, end - now
        errors.append((share, None if said is None else said - left, left))
    return errors


@pytest.mark.parametrize(
    "course",
    [
        {},
        {"spread": 0.5},
        {"slots": 8, "candidates": 8},
        {"slots": 4, "candidates": 6, "generations": 10},  # a second wave of two in each generation
        {"lag": 2, "candidates": 5, "generations": 8},
        {"slots": 1, "generations": 2},
        {"epochs": 40},  # most of the run is the final training
        {"epoch": 0.5, "generations": 20, "slots": 3},
        {"busy": 3.0},
    ],
    ids=str,
)
def test_within_a_quarter_from_a_third_of_the_run_on(course):
    for seed in range(2):
        facts, end = play(seed=seed, **course)
        for share, error, left in list_errors(facts, end):
            assert error is not None, f"nothing was said at {share:.0%}"
            assert abs(error) <= ALLOWED * left + SLACK, (
                f"seed {seed}, at {share:.0%}: {left + error:.0f} s, {left:.0f} s were left"
            )


def test_nothing_is_said_before_a_candidate_has_finished():
    facts, _ = play()
    early = facts.at(START + 5)
    left = estimate(early, START + 5)
    assert left.total is None
    assert left.unknown == ["recordings", "teacher", "images", "search", "final training"]
    assert estimate(facts.at(START + 60), START + 60).unknown == []


def test_the_estimate_of_a_moment_knows_nothing_of_later():
    """Jobs, costs and epochs after it change nothing."""
    facts, end = play()
    now = START + 0.5 * (end - START)
    later = [
        dataclasses.replace(job, ended=job.ended + 1000) if job.ended > now else job
        for job in facts.jobs
    ]
    ended = {job.candidate for job in facts.jobs if job.rule == "candidate" and job.ended <= now}
    costs = {name: cost if name in ended else 999.0 for name, cost in facts.costs.items()}
    other = dataclasses.replace(facts, jobs=tuple(later), costs=costs)
    assert estimate(other.at(now), now) == estimate(facts.at(now), now)


def test_it_ends_at_nothing():
    facts, end = play()
    assert estimate(facts, end) == ({}, [])
    assert count_left(facts, "search")["candidate"] == 0


def build(jobs, costs, **changes):
    facts, _ = play()
    changes = {"together": 1, **changes}
    return dataclasses.replace(facts, jobs=tuple(jobs), costs=costs, **changes)


def candidate(name, began, ended):
    output = f"results/search/run/generation_{name[1:4]}/candidate_{name[-2:]}.json"
    return Job("candidate", output, START + began, None if ended is None else START + ended)


def test_a_candidate_that_waited_does_not_count_as_a_slow_one():
    """Own times of 10 s; on the clock 12, 12 and, where the machine stood still, 100 s."""
    jobs = [
        candidate("g000_c00", 0, 12),
        candidate("g000_c01", 0, 12),
        candidate("g000_c02", 12, 112),
        candidate("g000_c03", 12, 13),  # a duplicate
    ]
    costs = {"g000_c00": 10.0, "g000_c01": 10.0, "g000_c02": 10.0, "g000_c03": 0.0}
    assert sorted(list_times(build(jobs, costs), jobs)) == pytest.approx([1, 12, 12, 12])


def test_jobs_with_several_candidates_count_as_wholes():
    """Two jobs of two candidates; of the third only one has ended."""
    jobs = [
        candidate("g000_c00", 0, 10),
        candidate("g000_c01", 0, 20),
        candidate("g000_c02", 1, 11),
        candidate("g000_c03", 1, 31),
        candidate("g000_c04", 20, 29),
        candidate("g000_c05", 20, None),
    ]
    costs = {job.candidate: 0.0 for job in jobs}
    facts = build(jobs, costs, together=2, rules={"candidate": 24})
    assert list_times(facts, jobs) == [20, 30]
    assert list_waiting(facts) == [0, 3, 3, 3]


def test_what_was_done_before_is_not_done_again():
    """Of 24 candidates six are older than this start; of the next generation two have begun."""
    older = [candidate(f"g000_c{k:02d}", -100, -90) for k in range(6)]
    begun = [candidate("g001_c00", 1, 9), candidate("g001_c01", 1, None)]
    facts = build([*older, *begun], {}, rules={"candidate": 18})
    assert list_waiting(facts) == [4, 6, 6]
    again = build([*older, *begun], {}, rules={"candidate": 24})  # with --forceall
    assert list_waiting(again) == [6, 4, 6, 6]


def test_an_epoch_before_the_first_by_hand():
    """2 ms an image with 8 M multiply-adds; 3,000 images, a tenth more for the validation."""
    facts, _ = play()
    trained = {"g000_c00": Training(2.0, 1.0, 1000, 8_000_000, "cpu", 1)}
    facts = dataclasses.replace(facts, trainings=trained)
    final = FinalTraining(4, images=3000, macs=8_000_000, device="auto", threads=1)
    assert predict_epoch(facts, final) == pytest.approx(6.6)
    on_two = dataclasses.replace(final, threads=2)
    assert predict_epoch(facts, on_two) == pytest.approx(6.6 / 2**0.7)
    more = dataclasses.replace(final, macs=80_000_000)  # 28 M + 80 M next to 28 M + 8 M
    assert predict_epoch(facts, more) == pytest.approx(3 * 6.6)
    for unknown in ({"images": None}, {"macs": None}, {"device": "cuda"}):
        assert predict_epoch(facts, dataclasses.replace(final, **unknown)) is None


def test_a_machine_on_which_scripts_start_slowly():
    """What comes later takes as much longer than usual as the small jobs so far: three times."""
    jobs = [
        Job("proposals", "p0", START, START + 2.4),
        Job("history", "h0", START + 3, START + 5.1),
    ]
    facts = build(jobs, {}, trainings={}, final=None)
    assert time_rule(facts, "brainscore") == pytest.approx(27)
    finished = [*jobs, Job("brainscore", "b", START + 6, START + 16)]
    assert time_rule(build(finished, {}), "brainscore") == pytest.approx(10)
    fresh = build([], {}, trainings={}, final=None)
    assert time_rule(fresh, "brainscore") == pytest.approx(9)
    fast = [Job("proposals", "p0", START, START + 0.2)]  # four times as fast: twice
    assert time_rule(build(fast, {}, trainings={}, final=None), "brainscore") == pytest.approx(4.5)


def test_steps_of_the_first_epoch_count_before_it_has_ended():
    """40 of 160 steps took 20 s, 2 s ago: 80 s an epoch, and 8 s of validation."""
    facts, _ = play()
    began = START + 500
    job = Job("final", "results/final/run/metrics.json", began, None)
    final = FinalTraining(3, progress=Progress(40, 160, 20.0, began + 25, 0.5), images=1, macs=1)
    facts = dataclasses.replace(facts, jobs=(job,), rules={"final": 1}, final=final)
    left = estimate(facts, began + 27).seconds["final training"]
    assert left == pytest.approx(80 + 8 - 22 + 2 * 88, abs=2)
    validating = dataclasses.replace(final, progress=Progress(160, 160, 80.0, began + 85, 0.5))
    facts = dataclasses.replace(facts, final=validating)
    left = estimate(facts, began + 90).seconds["final training"]
    assert left == pytest.approx(8 - 5 + 2 * 88, abs=2)
    measured = dataclasses.replace(
        final,
        ended=(began + 100,),
        seconds=(90.0,),
        validations=(10.0,),
        progress=Progress(80, 160, 50.0, began + 150, 0.625),
    )
    facts = dataclasses.replace(facts, final=measured)
    left = estimate(facts, began + 150).seconds["final training"]
    assert left == pytest.approx(100 + 10 - 50 + 100, abs=2)


def test_a_slow_first_step_is_not_that_of_the_others():
    """The first step took 18 s, those after it half a second each."""
    facts, _ = play()
    began = START + 500
    progress = Progress(5, 165, 20.0, began + 25, 0.5)
    final = FinalTraining(1, progress=progress, images=1, macs=1)
    facts = dataclasses.replace(
        facts,
        jobs=(Job("final", "results/final/run/metrics.json", began, None),),
        rules={"final": 1},
        final=final,
    )
    left = estimate(facts, began + 25).seconds["final training"]
    assert left == pytest.approx(80 + 10, abs=2)  # a tenth of the epoch for its validation


def test_a_note_of_steps_is_of_the_next_epoch(tmp_path):
    path = tmp_path / "work" / "progress.json"
    assert load_progress(tmp_path, 0) is None
    write_json(path, {"epoch": 1, "step": 3, "steps": 8, "seconds": 4.5})
    os.utime(path, (START, START))
    assert load_progress(tmp_path, 1) == Progress(3, 8, 4.5, START, 1.5)
    write_json(path, {"epoch": 1, "step": 3, "steps": 8, "seconds": 4.5, "each": 0.5})
    os.utime(path, (START, START))
    assert load_progress(tmp_path, 1) == Progress(3, 8, 4.5, START, 0.5)
    assert load_progress(tmp_path, 2) is None
    for broken in ("{", "[]", "{}"):
        path.write_text(broken)
        assert load_progress(tmp_path, 1) is None


def test_the_winner_is_the_best_as_likely_as_the_search_is_done():
    """Sizes 10, 20 and 60, the best has 60; ten times as large at the end; 3 of 4 are known."""
    candidates = {"a": (0.1, 10), "b": (0.2, 20), "c": (0.3, 60)}
    winner = Winner(candidates, growth=10.0, finished=3, wanted=4)
    assert winner.expect_macs() == 10 * (0.75 * 60 + 0.25 * 30)
    assert winner.at({"a", "b"}).expect_macs() == 10 * (0.5 * 20 + 0.5 * 15)
    assert winner.at(set()).expect_macs() is None
    assert dataclasses.replace(winner, finished=4).expect_macs() == 600


def test_epochs_that_have_ended_count_instead():
    """Two of four epochs took 10 s with their validation; 4 s of the third are over."""
    facts, _ = play()
    began = START + 500
    job = Job("final", "results/final/run/metrics.json", began, None)
    final = FinalTraining(4, (began + 13, began + 23), (9.0, 9.0), (1.0, 1.0), 1000, 10**7)
    facts = dataclasses.replace(facts, jobs=(job,), rules={"final": 1}, final=final)
    left = estimate(facts, began + 27)
    assert left.seconds["final training"] == pytest.approx(20 - 4, abs=2)
    late = estimate(facts, began + 23 + 60)  # the third takes 60 s so far: so may the fourth
    assert late.seconds["final training"] == pytest.approx(60, abs=2)
