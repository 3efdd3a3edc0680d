"""Ceilings against simulated truth, over rates, repetitions, sites and structure."""

from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.stats import zscore
from tables import format_table

from tgas_neuro.rdm import calc_noise_ceiling, calc_rdm, compare_rdms
from tgas_neuro.rdm.repetitions import (
    average_repetitions,
    index_repetitions,
    list_stimuli,
    standardise_sites,
)
from tgas_neuro.recordings.assembly import build_assembly

RANKS = (6, 0)  # patterns that sites share; 0: every site for itself
SITES = (10, 30, 100, 256)
REPETITIONS = ((4, 4), (5, 5), (2, 12), (4, 50), (16, 16), (50, 50))  # least and most
MEANS = (0.1, 0.3, 1.0, 4.0, 16.0)  # counts a presentation
STIMULI = 150
QUICK = {"ranks": (6,), "sites": (30, 100), "repetitions": ((4, 4), (4, 50)), "means": (0.3, 4.0)}
RELIABLE = 0.5
COLUMNS = (
    "sites",
    "repetitions",
    "cells",
    "largest error",
    "mean absolute error",
    "largest error of sqrt(SB) alone",
)


def measure_grid(
    ranks: tuple[int, ...] = RANKS,
    sites: tuple[int, ...] = SITES,
    repetitions: tuple[tuple[int, int], ...] = REPETITIONS,
    means: tuple[float, ...] = MEANS,
    recordings: int = 20,
    splits: int = 20,
) -> list[dict[str, Any]]:
    """A row for every cell of the grid, each the mean over some simulated recordings."""
    rows = []
    for rank, n_sites, (least, most), mean in product(ranks, sites, repetitions, means):
        found = np.mean(
            [
                _measure_once(np.random.default_rng(seed), rank, n_sites, least, most, mean, splits)
                for seed in range(recordings)
            ],
            axis=0,
        )
        names = ("reliability", "root", "ceiling", "truth")
        cell = {"rank": rank, "sites": n_sites, "repetitions": f"{least} to {most}", "mean": mean}
        rows.append(cell | dict(zip(names, map(float, found), strict=True)))
    return rows


def _measure_once(
    generator: np.random.Generator,
    rank: int,
    n_sites: int,
    least: int,
    most: int,
    mean: float,
    splits: int,
) -> tuple[float, float, float, float]:
    """Reliability, its root, ceiling, and what the noise-free RDM reaches, of one recording."""
    rates = _draw_rates(generator, rank, n_sites, mean)
    assembly = _draw_counts(generator, rates, generator.integers(least, most + 1, size=STIMULI))
    indexed = index_repetitions(assembly, list_stimuli(assembly), np.arange(STIMULI))
    measured = calc_rdm(standardise_sites(average_repetitions(indexed)).numpy())
    ceiling = calc_noise_ceiling(assembly, splits, generator)
    root = np.sqrt(ceiling.reliability) if ceiling.ceiling is not None else np.nan
    found = np.nan if ceiling.ceiling is None else ceiling.ceiling
    return ceiling.reliability, root, found, compare_rdms(calc_rdm(zscore(rates)), measured)


def _draw_rates(generator: np.random.Generator, rank: int, sites: int, mean: float) -> np.ndarray:
    """Rates that depend on the stimulus, log-sd 0.8, (stimulus, neuroid)."""
    if not rank:
        return mean * np.exp(0.8 * generator.normal(size=(STIMULI, sites)))
    hidden = generator.normal(size=(STIMULI, rank)) @ generator.normal(size=(rank, sites))
    return mean * np.exp(0.8 * hidden / np.sqrt(rank))


def _draw_counts(
    generator: np.random.Generator, rates: np.ndarray, repetitions: np.ndarray
) -> xr.DataArray:
    stimulus = np.repeat(np.arange(len(rates)), repetitions)
    n_sites = rates.shape[1]
    return build_assembly(
        generator.poisson(rates[stimulus]).astype(np.float32),
        {
            "stimulus_id": np.array([f"s{number:04d}" for number in range(len(rates))])[stimulus],
            "repetition": np.concatenate([np.arange(count) for count in repetitions]),
        },
        {
            "neuroid_id": np.array([f"n{number}" for number in range(n_sites)]),
            "region": np.full(n_sites, "IT"),
            "animal": np.full(n_sites, "A"),
        },
    )


def summarise_grid(rows: list[dict[str, Any]]) -> str:
    """Errors where the reliability is above 0.5, as a table in Markdown."""
    groups: dict[tuple, list] = {}
    for row in rows:
        if row["reliability"] > RELIABLE:
            groups.setdefault((row["sites"], row["repetitions"]), []).append(row)
    lines = []
    for (sites, repetitions), cells in groups.items():
        errors = np.array(
            [[row[name] - row["truth"] for name in ("ceiling", "root")] for row in cells]
        )
        largest = errors[np.abs(errors).argmax(axis=0), [0, 1]]
        lines.append(
            f"{sites} | {repetitions} | {len(cells)} | {largest[0]:+.3f} | "
            f"{np.abs(errors[:, 0]).mean():.3f} | {largest[1]:+.3f}"
        )
    return format_table(COLUMNS, lines)


def draw_truth(rows: list[dict[str, Any]]) -> Figure:
    """Ceiling, and the root of the reliability, against what the noise-free RDM reaches."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    titles = {"root": "square root of the reliability", "ceiling": "noise ceiling"}
    reliable = np.array([row["reliability"] > RELIABLE for row in rows])
    truth = np.array([row["truth"] for row in rows])
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        values = np.array([row[name] for row in rows])
        axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
        axes.scatter(truth[~reliable], values[~reliable], s=9, color="0.7", label="SB up to 0.5")
        axes.scatter(truth[reliable], values[reliable], s=9, color="C0", label="SB above 0.5")
        axes.set(title=title, xlabel="truth: noise-free RDM against the measured one")
    panels[0].set(ylabel="estimate", xlim=(0.3, 1), ylim=(0.3, 1))
    panels[0].legend(frameon=False)
    return figure
