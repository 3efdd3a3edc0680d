"""The cells of an experiment: drawn once, with what the table says that they reach."""

from collections.abc import Sequence
from typing import Any

from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.config.experiments import CellOptions, Experiment, MatureTable
from tgas_neuro.experiments.mature import Mature, load_mature
from tgas_neuro.experiments.options import build_cell_space
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator

MOST_DRAWS = 1000  # for each cell that is wanted


def draw_cells(experiment: Experiment) -> list[dict[str, Any]]:
    """Draw the cells of an experiment.

    More cells of the same seed begin with the same ones, so that an experiment can be enlarged.

    Returns
    -------
    cells
        ``hash``, ``genotype`` (JSON content), ``mature`` (accuracy in [0, 1] from the table; None
        if cells are trained for it) and ``repetitions``, the number of trainings.

    Raises
    ------
    UserError
        The table cannot be read, or there are fewer cells than are wanted.
    """
    options, mature = experiment.cells, experiment.mature
    found: Sequence[tuple[Genotype, float | None]]
    if isinstance(mature, MatureTable):
        found = _draw_with_table(mature, experiment)
    else:
        found = [(genotype, None) for genotype in draw_from_space(experiment)]
    return [
        {
            "hash": genotype.hash,
            "genotype": genotype.to_json(),
            "mature": accuracy,
            "repetitions": 2 if number < options.repeated else 1,
        }
        for number, (genotype, accuracy) in enumerate(found)
    ]


def draw_from_space(experiment: Experiment) -> list[Genotype]:
    """Draw different cells from the space, canonical ones; `UserError` if it has too few."""
    space, rng = build_cell_space(experiment), derive_generator(experiment.cells.seed, "cells")
    found: dict[str, Genotype] = {}
    for _ in range(MOST_DRAWS * experiment.cells.number):
        genotype = space.sample(rng)
        found.setdefault(genotype.hash, genotype.canonical())
        if len(found) == experiment.cells.number:
            return list(found.values())
    raise UserError(
        f"cells.number: {experiment.cells.number}; only {len(found)} different cells were drawn "
        f"from {experiment.space}; lower it"
    )


def _draw_with_table(
    mature: MatureTable, experiment: Experiment
) -> Sequence[tuple[Genotype, float]]:
    table = load_mature(mature)
    highest = 100.0 if mature.unit == "percent" else 1.0
    beyond = [value for value in table.accuracies.values() if value > highest]
    if beyond:
        raise UserError(
            f"{mature.path}: column {mature.column}: {beyond[0]:g}; mature.unit is "
            f"{mature.unit!r}, which goes to {highest:g}"
        )
    if not table.genotypes:  # hashes alone say nothing of a cell
        drawn = draw_from_space(experiment)
        return [(one, value / highest) for one, value in zip(drawn, table.join(drawn), strict=True)]
    if experiment.space != "nasbench201":
        raise UserError(
            f"{mature.path}: names cells of nasbench201; space is {experiment.space!r}; change it, "
            "or give a table with a column hash"
        )
    chosen = _draw_functions(table, experiment.cells)
    return [(one, table.accuracies[one.hash] / highest) for one in chosen]


def _draw_functions(table: Mature, options: CellOptions) -> list[NASBench201Genotype]:
    """Cells that compute different functions, in a random order."""
    rows = sorted(table.genotypes.values(), key=NASBench201Genotype.to_string)
    functions: dict[str, NASBench201Genotype] = {}
    for number in derive_generator(options.seed, "cells").permutation(len(rows)):
        functions.setdefault(rows[number].equivalence, rows[number])
        if len(functions) == options.number:
            return list(functions.values())
    raise UserError(
        f"cells.number: {options.number}; {table.path} has {len(functions):,} different functions; "
        "lower it"
    )
