"""How many sites and repetitions a teacher needs: correlations of the teachers of each grid."""

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from tgas_neuro.config.experiments import Experiment, Primary
from tgas_neuro.experiments.grids import GridTeacher, expand_grid
from tgas_neuro.experiments.statistics import Measured, Rated, compare, rate
from tgas_neuro.experiments.surrogates import Step, draw_resamples
from tgas_neuro.experiments.table import SITES, average_regions
from tgas_neuro.runtime.errors import UserError


class Draws(TypedDict):
    """How well teachers of the same size rank cells.

    Attributes
    ----------
    TG, gain
        Rank correlation of TG, and gain of the sum over P: mean over draws, intervals over cells.
    of_draws
        ``TG`` and ``gain``: the correlations of each draw.
    """

    TG: Rated
    gain: Rated
    of_draws: dict[str, list[float]]


class Point(Draws):
    """Teachers with so many sites and repetitions.

    Attributes
    ----------
    neuroids
        Sites of each region; those that there are, where all are taken.
    repetitions
        None: all.
    draws
        How many teachers.
    sites
        Mean over draws of the sites that are reliable enough.
    ceiling
        Of each draw, the mean over its regions; None where one has none.
    """

    neuroids: float
    repetitions: int | None
    draws: int
    sites: float | None
    ceiling: list[float | None]


def rate_neurons(table: pd.DataFrame, experiment: Experiment) -> dict[str, Any]:
    """Rate the teachers of all grids by the layer choice and scale of the primary comparison.

    Parameters
    ----------
    table
        From `tgas_neuro.experiments.table.build_table`.
    experiment
        With grids.

    Returns
    -------
    result
        ``without_TG``: number of cells that have no TG of some teacher of a grid at some step, and
        count there as the lowest. ``steps``: step to ``P``, rated, and to ``grids``: name to
        ``of``, the teacher that the grid is made from, with its rated ``TG`` and ``gain``, and to
        ``points``, a list of `Point`.

    Raises
    ------
    UserError
        Too few cells have a truth, or the table does not say how many sites there are.
    """
    averaged = average_regions(table)
    first = averaged[averaged["repetition"] == 0]
    cells, resamples = draw_resamples(first, experiment)
    sites = table.groupby(["teacher", "region"])[list(SITES)].first()
    expanded = {name: expand_grid(experiment, name) for name in experiment.grids}
    primary, steps = experiment.primary, {}
    for number in experiment.training.steps:
        step = Step(first[first["steps"] == number], cells.index, resamples, experiment)
        steps[str(number)] = {
            "P": rate(step.of_P),
            "grids": {
                name: {
                    "of": _rate_draws([experiment.grids[name].of], step, primary),
                    "points": [
                        _describe_point(same, sites, name) | _rate_draws(list(same), step, primary)
                        for same in _group(teachers)
                    ],
                }
                for name, teachers in expanded.items()
            },
        }
    own = first[first["teacher"].isin([key for found in expanded.values() for key in found])]
    missing = own["P"].notna() & own[primary.layer_choice].isna()
    return {
        "without_TG": int(own.loc[missing & own["hash"].isin(cells.index), "hash"].nunique()),
        "steps": steps,
    }


def _group(teachers: dict[str, GridTeacher]) -> list[dict[str, GridTeacher]]:
    """The draws of each number of sites and repetitions."""
    groups: dict[tuple[int | None, int | None], dict[str, GridTeacher]] = {}
    for key, one in teachers.items():
        groups.setdefault((one.neuroids, one.repetitions), {})[key] = one
    return list(groups.values())


def _rate_draws(keys: Sequence[str], step: Step, primary: Primary) -> Draws:
    """Rate the teachers with these keys."""
    alone = [step.measure_alone(key, primary.layer_choice) for key in keys]
    both = [step.measure_sum(key, primary.layer_choice, primary.scale) for key in keys]
    return {
        "TG": rate(_average(alone)),
        "gain": compare(_average(both), step.of_P),
        "of_draws": {
            "TG": [float(one.r[0]) for one in alone],
            "gain": [float(one.r[0] - step.of_P.r[0]) for one in both],
        },
    }


def _average(measured: Sequence[Measured]) -> Measured:
    """Mean over teachers, in each row of the resamples."""
    return Measured(*(np.mean(values, axis=0) for values in zip(*measured, strict=True)))


def _describe_point(same: dict[str, GridTeacher], sites: pd.DataFrame, grid: str) -> dict[str, Any]:
    """What `Point` has beside `Draws`."""
    one = next(iter(same.values()))
    of_draws = [sites.loc[key] for key in same]  # (region, SITES)
    there = float(of_draws[0]["recorded"].mean())
    if one.neuroids is None and not np.isfinite(there):
        raise UserError(
            f"grids.{grid}.neuroids: null, but the table does not say how many sites there are; "
            "make it again, or name their number"
        )
    used = float(np.mean([found["sites"].mean() for found in of_draws]))
    ceilings = [float(found["ceiling"].mean(skipna=False)) for found in of_draws]
    return {
        "neuroids": there if one.neuroids is None else one.neuroids,
        "repetitions": one.repetitions,
        "draws": len(same),
        "sites": used if np.isfinite(used) else None,
        "ceiling": [value if np.isfinite(value) else None for value in ceilings],
    }


def find_fewest(points: Sequence[Point], repetitions: int | None) -> float | None:
    """Sites from which on the interval of the gain is above 0; None if it is nowhere.

    Parameters
    ----------
    points
        Of a grid, at a step.
    repetitions
        Those with so many are looked at.
    """
    fewest = None
    same = [point for point in points if point["repetitions"] == repetitions]
    for point in sorted(same, key=lambda one: -one["neuroids"]):
        if point["gain"]["r"]["interval"][0] <= 0:
            break
        fewest = point["neuroids"]
    return fewest
