"""Ceilings against simulated truth, over rates, repetitions, sites and structure."""

from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from scipy.stats import zscore
from tables import format_table

from tgas_neuro.figures.panels import build_grid, finish_grid
from tgas_neuro.figures.style import BLUE, VERMILION, styled
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
NEAR = 0.02  # the grey band
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


@styled()
def draw_truth(rows: list[dict[str, Any]]) -> Figure:
    """Errors of the ceiling and of the root of the reliability: a column for each number of sites.

    A point is a cell of the grid. Those with a reliability up to 0.5 are rings. The bar at the
    right holds 95 % of the other cells.
    """
    found = {sites: [row for row in rows if row["sites"] == sites] for sites in _list_sites(rows)}
    names = {"ceiling": ("noise ceiling", BLUE), "root": ("square root\nof SB alone", VERMILION)}
    figure, grid = build_grid(len(names) * len(found), len(found), (2.1, 2.2))
    for ax, sites in zip(grid[0], found, strict=True):
        ax.set_title(f"{sites} sites")
    for line, (name, (_, colour)) in zip(grid, names.items(), strict=True):
        for ax, cells in zip(line, found.values(), strict=True):
            ax.axhspan(-NEAR, NEAR, color="0.9", zorder=0)
            ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
            reliable = np.array([cell["reliability"] > RELIABLE for cell in cells])
            truth = np.array([cell["truth"] for cell in cells])
            errors = np.array([cell[name] for cell in cells]) - truth
            ax.plot(truth[reliable], errors[reliable], "o", color=colour, ms=3)
            ax.plot(truth[~reliable], errors[~reliable], "o", color=colour, ms=3, mfc="white")
            low, high = np.percentile(errors[reliable], [2.5, 97.5])
            ax.plot([1.06, 1.06], [low, high], color=colour, linewidth=3, solid_capstyle="butt")
            ax.plot(1.06, errors[reliable].mean(), "_", color=colour, ms=9, mew=1.6)
            ax.set(xlim=(0.2, 1.12), xticks=(0.25, 0.5, 0.75, 1.0))
    finish_grid(grid, "truth", "")
    for line, (label, colour) in zip(grid, names.values(), strict=True):
        line[0].set_ylabel(f"{label}\n- truth".replace("-", "\N{MINUS SIGN}"), color=colour)
    figure.supxlabel(
        f"rings: reliability SB up to {RELIABLE}; grey: within {NEAR}; bar: 95 % of the other "
        "points, and their mean",
        fontsize=8,
    )
    return figure


def _list_sites(rows: list[dict[str, Any]]) -> list[int]:
    return sorted({row["sites"] for row in rows})
