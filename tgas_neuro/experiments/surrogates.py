"""What is known early: rank correlations of P, TG and their sums with what cells reach."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.statistics import Measured, Resamples, compare, estimate, rate
from tgas_neuro.experiments.table import average_regions
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.layers import LAYER_CHOICES, LayerChoice
from tgas_neuro.search.guidance import SCALES

FEWEST = 10  # cells
BASE: tuple[LayerChoice, str] = ("crossed", "raw")
COMPARED: tuple[LayerChoice, ...] = ("crossed", "mean")
DEFINITIONS = tuple(definition for definition in product(COMPARED, SCALES) if definition != BASE)


def rate_surrogates(table: pd.DataFrame, experiment: Experiment) -> dict[str, Any]:
    """Rate P, TG of every teacher and control, and their sums, at every step.

    Parameters
    ----------
    table
        From `build_table`.
    experiment
        Says what is compared.

    Returns
    -------
    result
        ``cells``: counts. ``truth``: lowest, median and highest. ``size``: the number of parameters
        as a score. ``steps``: step to ``P`` and, for each teacher and layer choice, ``TG`` and both
        sums, each rated, with its gain over P. ``reliability``: step to the rank correlation
        between both trainings of a cell, of P and of each TG. ``primary``: the comparison that was
        fixed beforehand. ``definitions``: how much more the others of `DEFINITIONS` gain than
        `BASE`, with the primary teacher, after each step of training.

    Raises
    ------
    UserError
        Fewer than `FEWEST` cells have a truth.
    """
    table = average_regions(table[table["teacher"].isin(list(experiment.teachers))])
    first = table[table["repetition"] == 0]
    cells, resamples = draw_resamples(first, experiment)
    truth = cells["mature"]
    steps = {
        number: Step(first[first["steps"] == number], cells.index, resamples, experiment)
        for number in experiment.training.steps
    }
    return {
        "cells": {
            "ranked": len(cells),
            "without_truth": first["hash"].nunique() - len(cells),
            "without_value": _count_missing(first, cells.index),
        },
        "truth": {
            "lowest": float(truth.min()),
            "median": float(truth.median()),
            "highest": float(truth.max()),
        },
        "size": rate(resamples.measure(resamples.rank(cells["params"].to_numpy(float)))),
        "steps": {str(number): _rate_step(step, experiment) for number, step in steps.items()},
        "reliability": {
            str(step): _correlate_repetitions(table[table["steps"] == step])
            for step in experiment.training.steps
        },
        "primary": _compare_primary(steps[experiment.primary.steps], experiment),
        "definitions": _compare_definitions(steps, experiment),
    }


def draw_resamples(first: pd.DataFrame, experiment: Experiment) -> tuple[pd.DataFrame, Resamples]:
    """The cells with a truth, by hash, and resamples of them, the same for the same experiment.

    Parameters
    ----------
    first
        From `average_regions`, the first training of each cell.
    experiment
        Says how many resamples.

    Returns
    -------
    cells, resamples
        ``mature`` and ``params`` of each cell.

    Raises
    ------
    UserError
        There are fewer than `FEWEST`.
    """
    by_hash = first.groupby("hash", sort=True)[["mature", "params"]].first()
    cells = by_hash[by_hash["mature"].notna()]
    if len(cells) < FEWEST:
        raise UserError(
            f"{len(cells)} cells have an accuracy to be ranked by; at least {FEWEST} are needed"
        )
    truth, size = cells["mature"].to_numpy(), cells["params"].to_numpy(float)
    return cells, Resamples(truth, size, experiment.resamples, experiment.training.seed)


class Step:
    """What is known of the cells after so many steps: P, and the sums with the TG of teachers.

    Attributes
    ----------
    of_P
        P, measured.
    """

    def __init__(
        self, rows: pd.DataFrame, cells: pd.Index, resamples: Resamples, experiment: Experiment
    ):
        self._rows, self._cells, self._resamples = rows, cells, resamples
        self._P = take_values(rows, cells, experiment.primary.teacher, "P")
        self.of_P = resamples.measure(resamples.rank(self._P))
        self._sums: dict[tuple[str, str, str], Measured] = {}

    def measure_alone(self, teacher: str, choice: str) -> Measured:
        """TG of a teacher for a layer choice."""
        TG = take_values(self._rows, self._cells, teacher, choice)
        return self._resamples.measure(self._resamples.rank(TG))

    def measure_sum(self, teacher: str, choice: str, scale: str) -> Measured:
        """P and this TG, added as `scale` says; measured once, since several tables ask for it."""
        key = (teacher, choice, scale)
        if key not in self._sums:
            TG = take_values(self._rows, self._cells, teacher, choice)
            ranks = self._resamples.rank_sum(self._P, TG, scale == "standardised")
            self._sums[key] = self._resamples.measure(ranks)
        return self._sums[key]


def _rate_step(step: Step, experiment: Experiment) -> dict[str, Any]:
    teachers: dict[str, Any] = {key: {} for key in experiment.teachers}
    for key, choice in product(experiment.teachers, LAYER_CHOICES):
        rated: dict[str, Any] = {"TG": rate(step.measure_alone(key, choice))}
        for scale in SCALES:
            both = step.measure_sum(key, choice, scale)
            rated[scale] = {**rate(both), "gain": compare(both, step.of_P)}
        teachers[key][choice] = rated
    return {"P": rate(step.of_P), "teachers": teachers}


def _compare_primary(step: Step, experiment: Experiment) -> dict[str, Any]:
    """The gain of the primary teacher, and how far it is above that of the control."""
    primary = experiment.primary
    both, control = (
        step.measure_sum(teacher, primary.layer_choice, primary.scale)
        for teacher in (primary.teacher, primary.control)
    )
    found: dict[str, Any] = {
        "P": rate(step.of_P),
        "sum": rate(both),
        "control": rate(control),
        "gain": compare(both, step.of_P),
        "gain_of_control": compare(control, step.of_P),
        "above_control": estimate(both.r - control.r),
    }
    lower = [
        found["gain"]["r"]["interval"][0],
        found["gain"]["partial"]["interval"][0],
        found["above_control"]["interval"][0],
    ]
    return found | {"above_zero": [bound > 0 for bound in lower]}


def _compare_definitions(steps: Mapping[int, Step], experiment: Experiment) -> dict[str, Any]:
    """Differences in rank correlation from `BASE` after training; the intervals share 5 %."""
    teacher = experiment.primary.teacher
    trained = {number: step for number, step in steps.items() if number > 0}
    comparisons = experiment.comparisons or len(DEFINITIONS) * len(trained)
    found: dict[str, Any] = {}
    for number, step in trained.items():
        base = step.measure_sum(teacher, *BASE).r
        found[str(number)] = {
            f"{choice}_{scale}": estimate(
                step.measure_sum(teacher, choice, scale).r - base, comparisons
            )
            for choice, scale in DEFINITIONS
        }
    return {"comparisons": comparisons, "steps": found}


def take_values(rows: pd.DataFrame, cells: pd.Index, teacher: str, column: str) -> np.ndarray:
    """Values (cell,) of one teacher; a cell without one counts as low as the lowest."""
    values = rows[rows["teacher"] == teacher].set_index("hash")[column].reindex(cells).to_numpy()
    known = np.isfinite(values)
    return np.where(known, values, values[known].min() if known.any() else 0.0)


def _count_missing(first: pd.DataFrame, cells: pd.Index) -> dict[str, int]:
    """Cells that have no P, and no TG of some teacher, at some step."""
    rows = first[first["hash"].isin(cells)]
    without = {
        "P": rows["P"].isna(),
        "TG": rows["P"].notna() & rows[list(LAYER_CHOICES)].isna().any(axis=1),
    }
    return {name: int(rows.loc[missing, "hash"].nunique()) for name, missing in without.items()}


def _correlate_repetitions(rows: pd.DataFrame) -> dict[str, Any] | None:
    """Rank correlations between the two trainings of cells; None if too few have two."""
    found = dict(_pair(rows))
    if not found:
        return None
    return {
        "P": found.pop("P"),
        "teachers": {key: values for key, values in found.items()},
    }


def _pair(rows: pd.DataFrame) -> Iterator[tuple[str, Any]]:
    for number, (key, own) in enumerate(rows.groupby("teacher", sort=False)):
        both = own.pivot(index="hash", columns="repetition", values=["P", *LAYER_CHOICES]).dropna()
        if 1 not in own["repetition"].values or len(both) < FEWEST:
            return
        by_column = {
            name: float(spearmanr(both[name][0], both[name][1]).statistic)
            for name in ("P", *LAYER_CHOICES)
        }
        if number == 0:
            yield "P", by_column["P"]
        yield str(key), {name: by_column[name] for name in LAYER_CHOICES}
