"""An experiment over several sittings: what a table of earlier ones holds is not trained again."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tgas_neuro.config.experiments import Experiment, MatureTraining
from tgas_neuro.config.section import dump_decisive
from tgas_neuro.experiments.table import read_table
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest

DIGITS = 16  # of a digest


def digest_measurements(
    experiment: Experiment, teachers: Mapping[str, str], results_version: int
) -> dict[str, str]:
    """Key of each teacher to a digest of all that decides its rows.

    The steps at which cells are measured are not in it, since a longer training goes on from a
    shorter one; nor is a table of mature accuracies, whose values are compared (`join_sittings`).

    Parameters
    ----------
    experiment
        Says how cells are trained.
    teachers
        Key of each teacher to the digest of its plan.
    results_version
        Of the numbers of this build.
    """
    training = dump_decisive(experiment.training)
    del training["steps"]
    trained = isinstance(experiment.mature, MatureTraining)
    mature = dump_decisive(experiment.mature) if trained else None
    return {
        key: calc_digest([training, mature, digest, results_version])[:DIGITS]
        for key, digest in teachers.items()
    }


def read_earlier(
    path: str | Path, experiment: Experiment, digests: Mapping[str, str]
) -> pd.DataFrame:
    """Rows of the trainings that a table of earlier sittings holds whole.

    Parameters
    ----------
    path
        A table that `write_table` made.
    experiment
        Whose steps and teachers are wanted; those of others are left out.
    digests
        From `digest_measurements`.

    Raises
    ------
    UserError
        It is no such table, or was measured with other settings.
    """
    table = read_table(path, experiment, whole=False)
    table = table[
        table["steps"].isin(experiment.training.steps) & table["teacher"].isin(digests)
    ].reset_index(drop=True)
    other = table[table["measured_by"] != table["teacher"].map(digests)]
    if len(other):
        raise UserError(
            f"{path}: teacher {other['teacher'].iloc[0]!r} was measured with another training, "
            "another teacher or by another version; set them as they were, or remove continues"
        )
    wanted = {(step, key) for step in experiment.training.steps for key in digests}
    found = table.groupby(["cell", "repetition"])[["steps", "teacher"]].apply(
        lambda rows: wanted <= set(rows.itertuples(index=False, name=None))
    )
    whole = set(found.index[found]) if len(found) else set()
    kept = np.array([pair in whole for pair in list_trainings(table)], dtype=bool)
    return table[kept].reset_index(drop=True)


def list_trainings(table: pd.DataFrame) -> list[tuple[int, int]]:
    """Number of the cell and repetition of each row."""
    return list(zip(table["cell"].tolist(), table["repetition"].tolist(), strict=True))


def collect_mature(
    earlier: Sequence[pd.DataFrame], trained: Sequence[Mapping[str, Any]]
) -> dict[str, float | None]:
    """Hash of a cell to its accuracy, of earlier sittings and of longer trainings of this one."""
    found: dict[str, float | None] = {}
    for table in earlier:
        for name, value in table.groupby("hash")["mature"].first().items():
            found[str(name)] = None if math.isnan(value) else float(value)
    return found | {cell["hash"]: cell["mature"] for cell in trained}


def join_sittings(
    earlier: pd.DataFrame, table: pd.DataFrame, cells: Sequence[Mapping[str, Any]], path: str | Path
) -> pd.DataFrame:
    """One table of both, as one sitting would have made it.

    Parameters
    ----------
    earlier
        From `read_earlier`; cells beyond those of the experiment, and repetitions that it does not
        ask for, are left out.
    table
        From `build_table`.
    cells
        From `draw_cells`.
    path
        Of the earlier one, for the message.

    Raises
    ------
    UserError
        The earlier one holds other cells, or a cell whose accuracy was another.
    """
    repetitions = [cell["repetitions"] for cell in cells]
    asked = [
        cell < len(cells) and repetition < repetitions[cell]
        for cell, repetition in list_trainings(earlier)
    ]
    earlier = earlier[np.array(asked, dtype=bool)]
    for number, rows in earlier.groupby("cell"):
        wanted = cells[int(number)]
        first = rows.iloc[0]
        if first["hash"] != wanted["hash"]:
            raise UserError(
                f"{path}: cell {number} is {first['hash']}, but this experiment draws "
                f"{wanted['hash']}; set space, cells.seed and mature as they were, or remove "
                "continues"
            )
        if wanted["mature"] is not None and first["mature"] != wanted["mature"]:
            raise UserError(
                f"{path}: cell {number} has the mature accuracy {first['mature']:g}, but mature "
                f"says {wanted['mature']:g}; give it as it was, or remove continues"
            )
    parts = [one for one in (earlier, table) if len(one)]
    both = pd.concat(parts, ignore_index=True) if parts else table
    return both.sort_values(["repetition", "cell"], kind="stable").reset_index(drop=True)
