"""Runs whose course is known: a simulated workflow, job by job, as the facts that `status` reads.

Another scheduler than that of the estimate: it plays the whole run in steps of time.
"""

import numpy as np

from tgas_neuro.overview.facts import Facts, Training
from tgas_neuro.overview.final_training import FinalTraining
from tgas_neuro.overview.jobs import Job

START = 1_000_000.0
STEP = 0.05  # [s]
SETUP = {
    "recordings_responses": 6.0,
    "images_split": 4.0,
    "images_decoded": 3.0,
    "teacher": 8.0,
    "teacher_ranks": 3.0,
}
AFTER = {
    "final_teacher_guidance": 7.0,
    "search_figures": 2.0,
    "best_cell": 1.5,
    "brainscore": 8.0,
}
PATHS = {"final": "results/final/run/metrics.json", "best": "results/search/run/best.json"}


def name_output(generation, number):
    return f"results/search/run/generation_{generation:03d}/candidate_{number:02d}.json"


def play(
    seed=0,
    slots=2,
    generations=4,
    candidates=6,
    lag=1,
    spread=0.25,
    seconds=11.0,
    epochs=4,
    epoch=6.5,
    busy=1.0,
):
    """Play a run to its end.

    Parameters
    ----------
    spread
        Standard deviation of the logarithm of the candidates' times.
    seconds, epoch
        Median time of a candidate, and time of an epoch of the final training [s].
    busy
        How much longer everything takes on the clock than it computes.

    Returns
    -------
    facts
        Of the finished run.
    end
        When it ended.
    """
    rng = np.random.default_rng(seed)
    jobs, now = [], START
    for rule, took in SETUP.items():
        jobs.append(Job(rule, f"results/{rule}", now, now + took * busy))
        now += took * busy
    costs = {
        (g, c): float(seconds * np.exp(spread * rng.standard_normal()))
        for g in range(generations)
        for c in range(candidates)
    }
    now, done = _search(jobs, now, costs, slots, lag, busy)
    jobs.append(Job("best", PATHS["best"], now, now + busy))
    now += busy
    began, ended, trained = now, [], now + 3 * busy
    for _ in range(epochs):
        trained += epoch * busy
        ended.append(trained)
    now = trained + 3 * busy
    jobs.append(Job("final", PATHS["final"], began, now))
    for rule, took in AFTER.items():
        jobs.append(Job(rule, f"results/{rule}", now, now + took * busy))
        now += took * busy
    rules = {rule: sum(job.rule == rule for job in jobs) for rule in {job.rule for job in jobs}}
    facts = Facts(
        started=START,
        rules=rules,
        slots=slots,
        generations=generations,
        candidates=candidates,
        lag=lag,
        together=1,
        untrained=True,
        jobs=tuple(sorted(jobs, key=lambda job: job.began)),
        costs={f"g{g:03d}_c{c:02d}": cost for (g, c), cost in costs.items()},
        # 60 % of a candidate's time trains it; an image takes as long as in the final network
        trainings={
            f"g{g:03d}_c{c:02d}": Training(0.6 * cost, 0.4 * cost, 1000, 10**7, "cpu", 1)
            for (g, c), cost in costs.items()
        },
        final=FinalTraining(
            epochs,
            tuple(ended),
            (0.9 * epoch * busy,) * epochs,
            (0.1 * epoch * busy,) * epochs,
            round(1000 * 0.9 * epoch / (0.6 * seconds)),
            10**7,
            "auto",
            1,
        ),
    )
    assert done == generations
    return facts, now


def _search(jobs, now, costs, slots, lag, busy):
    """Play the generations: each waits for the history of the one `lag` before it."""
    generations = 1 + max(g for g, _ in costs)
    proposed, noted, running, waiting = 0, 0, {}, []
    left = {g: sum(one == g for one, _ in costs) for g in range(generations)}
    light = {}  # proposals and histories that run, to their ends
    while noted < generations:
        for key in [key for key, end in light.items() if end <= now]:
            kind, g = key
            del light[key]
            if kind == "proposals":
                waiting += [one for one in costs if one[0] == g]
            else:
                noted += 1
        for one in [one for one, end in running.items() if end <= now]:
            del running[one]
            left[one[0]] -= 1
        if proposed < min(generations, noted + lag):
            light["proposals", proposed] = now + 0.8 * busy
            jobs.append(Job("proposals", f"p{proposed}", now, now + 0.8 * busy))
            proposed += 1
        if noted < generations and not left[noted] and ("history", noted) not in light:
            light["history", noted] = now + 0.7 * busy
            jobs.append(Job("history", f"h{noted}", now, now + 0.7 * busy))
        while waiting and len(running) < slots:
            one = waiting.pop(0)
            running[one] = now + costs[one] * busy + 1.0
            jobs.append(Job("candidate", name_output(*one), now, running[one]))
        now += STEP
    return now, noted
