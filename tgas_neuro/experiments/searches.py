"""What guidance is worth to a search: every strategy under every guidance, at equal images."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.config.premature import Probes
from tgas_neuro.config.search import Search, Strategy
from tgas_neuro.experiments.measured import MeasuredCells, find_cells
from tgas_neuro.experiments.replay import Guided, list_entries, replay_search
from tgas_neuro.experiments.statistics import Estimate
from tgas_neuro.runtime.provenance import derive_seed
from tgas_neuro.search.guidance import Rating

ALPHAS = (0.25, 0.5, 1, 2, 4)  # fixed weights of TG that learned ones are compared with
NORMAL = 1.96  # standard errors of a 95 % interval


def rate_strategies(table: pd.DataFrame, experiment: Experiment) -> dict[str, Any] | None:
    """Replay searches with every strategy and guidance, and rate what they return.

    Parameters
    ----------
    table
        From `tgas_neuro.experiments.table.build_table`.
    experiment
        Its ``searches`` and ``primary`` say what is replayed.

    Returns
    -------
    result
        ``steps`` of a candidate, ``probes`` (share and steps; None where nothing was measured
        later), training ``images`` of each budget, ``best``, the highest mature accuracy.
        ``strategies``: strategy to guidance to the ``quality`` for each budget and the ``regret``
        at the largest. ``weights``: see `weigh_teachers`; to the ``regret`` and what it is over
        that of P in the same searches. All are means over searches with 95 % intervals.
        None where no strategy is wanted.
    """
    options = experiment.searches
    if not options.strategies:
        return None
    first = table[table["repetition"] == 0]
    truth = first.groupby("hash", sort=True)["mature"].first().dropna()
    cells = find_cells(list(truth.index), experiment)
    guidances = build_guidances(first[first["hash"].isin(truth.index)], cells, experiment)
    images = guidances["P"].images
    budgets = [number * images for number in options.limit(len(truth))]
    best = float(truth.max())

    def search(guided: Guided, strategy: Strategy, budgets: Sequence[int]) -> np.ndarray:
        """Mature accuracies (search, budget) of the picks."""
        searches = (
            Search(
                strategy=strategy,
                candidates=options.generation,
                seed=derive_seed(experiment.training.seed, "replay", number),
            )
            for number in range(options.seeds)
        )
        picks = [replay_search(cells, guided, one, budgets) for one in searches]
        return truth.to_numpy()[np.array(picks)]

    found: dict[str, Any] = {}
    for strategy in options.strategies:
        quality = {name: search(one, strategy, budgets) for name, one in guidances.items()}
        found[strategy] = {
            name: {
                "quality": [estimate_mean(column) for column in picked.T],
                "regret": estimate_mean(best - picked[:, -1]),
            }
            for name, picked in quality.items()
        }
    regrets = {
        name: {key: best - search(one, "random", budgets[-1:])[:, 0] for key, one in column.items()}
        for name, column in weigh_teachers(guidances, experiment).items()
    }
    probes = guidances["learned"].probes if "learned" in guidances else None
    return {
        "steps": experiment.primary.steps,
        "generation": options.generation,
        "probes": probes and {"share": probes.share, "steps": int(probes.epochs)},
        "images": budgets,
        "best": best,
        "strategies": found,
        "weights": {
            name: {
                key: {"regret": estimate_mean(one), "over_P": estimate_mean(one - column["P"])}
                for key, one in column.items()
            }
            for name, column in regrets.items()
        },
    }


def weigh_teachers(
    guidances: Mapping[str, Guided], experiment: Experiment
) -> dict[str, dict[str, Guided]]:
    """Fixed weights of TG and learned ones, for the primary teacher and its control.

    Candidates cost the same under all of them: what probes cost is left out, and all see the same
    candidates in a random search.

    Parameters
    ----------
    guidances
        From `build_guidances`.
    experiment
        Its ``primary`` says which TG counts, and how it is added.

    Returns
    -------
    guidances
        ``primary`` and ``control``; each has P, ``alpha <weight>``, TG, and ``learned``.
    """
    primary = experiment.primary
    found: dict[str, dict[str, Guided]] = {}
    for name, learned in (("primary", "learned"), ("control", "learned_control")):
        both = guidances[name]
        ratings = {"P": Rating("p")}
        ratings |= {
            f"alpha {alpha:g}": replace(both.rating, alpha=float(alpha)) for alpha in ALPHAS
        }
        ratings["TG"] = Rating("tg", layer_choice=primary.layer_choice)
        found[name] = {key: both.rate_by(rating) for key, rating in ratings.items()}
        if learned in guidances:
            found[name]["learned"] = replace(guidances[learned], images_of_probe=0)
    return found


def build_guidances(
    rows: pd.DataFrame, cells: MeasuredCells, experiment: Experiment
) -> dict[str, Guided]:
    """The guidances that are compared, by name.

    ``learned`` is left out where nothing was measured after the steps of the primary comparison.
    """
    primary, training = experiment.primary, experiment.training
    batch, choice = training.premature.batch_size, primary.layer_choice
    steps = experiment.searches.probes.steps or training.steps[-1]

    def build(rating: Rating, teacher: str) -> Guided:
        of_teacher = rows[rows["teacher"] == teacher]
        entries = list_entries(
            cells,
            of_teacher[of_teacher["steps"] == primary.steps],
            of_teacher[of_teacher["steps"] == 0],
            rating,
        )
        if rating.guidance != "learned":
            return Guided(rating, entries, primary.steps * batch)
        last = of_teacher[of_teacher["steps"] == steps].groupby("hash")["P"].first()
        return Guided(
            rating,
            entries,
            primary.steps * batch,
            # in steps, not epochs: only the share is needed to draw probes
            Probes(share=experiment.searches.probes.share, epochs=steps),
            last.reindex([genotype.hash for genotype in cells.genotypes]).to_numpy(),
            (steps - primary.steps) * batch,
        )

    both = Rating("p_plus_tg", layer_choice=choice, scale=primary.scale)
    found = {
        "P": build(Rating("p"), primary.teacher),
        "TG": build(Rating("tg", layer_choice=choice), primary.teacher),
        "primary": build(both, primary.teacher),
        "control": build(both, primary.control),
    }
    if steps > primary.steps:
        learned = Rating("learned", layer_choice=choice)
        found["learned"] = build(learned, primary.teacher)
        found["learned_control"] = build(learned, primary.control)
    return found


def estimate_mean(values: np.ndarray) -> Estimate:
    """Mean over searches, and its 95 % interval by the normal distribution."""
    mean = float(values.mean())
    error = NORMAL * float(values.std(ddof=1)) / np.sqrt(len(values))
    return {"value": mean, "interval": [mean - error, mean + error]}
