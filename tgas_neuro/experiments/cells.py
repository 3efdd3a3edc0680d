"""The cells of an experiment: drawn once, with what the table says that they reach."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.experiments import CellOptions, Experiment, MatureTable
from tgas_neuro.config.messages import suggest
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
        found = _draw_from_table(mature, options)
    else:
        found = [(genotype, None) for genotype in _draw_from_space(experiment)]
    return [
        {
            "hash": genotype.hash,
            "genotype": genotype.to_json(),
            "mature": accuracy,
            "repetitions": 2 if number < options.repeated else 1,
        }
        for number, (genotype, accuracy) in enumerate(found)
    ]


def _draw_from_space(experiment: Experiment) -> list[Genotype]:
    space = SPACES[experiment.space]
    options = (
        check_section(space.options, experiment.options, "options").model_dump()
        if space.options is not None
        else {}
    )
    made, rng = space(**options), derive_generator(experiment.cells.seed, "cells")
    found: dict[str, Genotype] = {}
    for _ in range(MOST_DRAWS * experiment.cells.number):
        genotype = made.sample(rng)
        found.setdefault(genotype.hash, genotype.canonical())
        if len(found) == experiment.cells.number:
            return list(found.values())
    raise UserError(
        f"cells.number: {experiment.cells.number}; only {len(found)} different cells were drawn "
        f"from {experiment.space}; lower it"
    )


def _draw_from_table(
    mature: MatureTable, options: CellOptions
) -> list[tuple[NASBench201Genotype, float]]:
    """Cells that compute different functions, in a random order."""
    table = read_table(mature)
    order = derive_generator(options.seed, "cells").permutation(len(table))
    rows, functions = list(table.items()), set()
    found = []
    for number in order:
        genotype, accuracy = rows[number]
        if genotype.equivalence not in functions:
            functions.add(genotype.equivalence)
            found.append((genotype, accuracy))
        if len(found) == options.number:
            return found
    raise UserError(
        f"cells.number: {options.number}; {mature.path} has {len(found):,} different functions; "
        "lower it"
    )


def read_table(mature: MatureTable) -> dict[NASBench201Genotype, float]:
    """Cell to accuracy in [0, 1], sorted by string, from a table of NAS-Bench-201.

    Raises
    ------
    UserError
        No such file or column, a cell that is there twice or is none, or an accuracy that is no
        number or out of range.
    """
    path = Path(mature.path)
    if not path.is_file():
        raise UserError(f"mature.path: {path}: no such file; give the CSV with the accuracies")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or [])
        for key, name in (("cells", mature.cells), ("column", mature.column)):
            if columns.count(name) != 1:
                raise UserError(
                    f"mature.{key}: {path} has {columns.count(name) or 'no'} column {name!r}"
                    f"{suggest(name, columns)}; there are: {', '.join(columns)}"
                )
        found: dict[NASBench201Genotype, float] = {}
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            genotype = NASBench201Genotype.from_string(row[mature.cells] or "", where)
            if genotype in found:
                raise UserError(f"{where}: {row[mature.cells]} is there twice; remove one row")
            found[genotype] = _read_accuracy(row[mature.column], mature, where)
    return dict(sorted(found.items(), key=lambda item: item[0].to_string()))


def _read_accuracy(text: str | None, mature: MatureTable, where: str) -> float:
    highest = 100.0 if mature.unit == "percent" else 1.0
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not 0 <= value <= highest:
        raise UserError(
            f"{where}: column {mature.column}: {text!r}; expected an accuracy of 0 to {highest:g} "
            f"(mature.unit is {mature.unit!r})"
        )
    return value / highest
