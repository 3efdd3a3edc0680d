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
MOMENT = ("cell", "repetition", "steps")


def digest_measurements(
    experiment: Experiment, teachers: Mapping[str, str], results_version: int
) -> dict[str, str]:
    """Key of each teacher to a digest of all that decides its rows.

    The last step at which cells are measured is in it: the orders of images of all epochs are drawn
    before the first step, so that a longer training has other augmentations. The steps before are
    not, nor is a table of mature accuracies, whose values are compared (`join_sittings`).

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
    training["steps"] = training["steps"][-1]
    trained = isinstance(experiment.mature, MatureTraining)
    mature = dump_decisive(experiment.mature) if trained else None
    return {
        key: calc_digest([training, mature, digest, results_version])[:DIGITS]
        for key, digest in teachers.items()
    }


def read_earlier(
    path: str | Path, experiment: Experiment, digests: Mapping[str, str]
) -> pd.DataFrame:
    """Rows of the steps that a table of earlier sittings holds with all teachers.

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
    teachers = table.groupby(list(MOMENT))["teacher"].transform("nunique")
    return table[teachers == len(digests)].reset_index(drop=True)


def list_known(table: pd.DataFrame) -> dict[tuple[int, int], list[int]]:
    """Number of a cell and repetition to the steps at which the table holds it, ascending."""
    known: dict[tuple[int, int], list[int]] = {}
    for cell, repetition, step in sorted(set(list_moments(table))):
        known.setdefault((cell, repetition), []).append(step)
    return known


def list_moments(table: pd.DataFrame) -> list[tuple[int, int, int]]:
    """Number of the cell, repetition and step of each row."""
    return list(zip(*(table[name].tolist() for name in MOMENT), strict=True))


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

    A step that both hold is taken from the earlier one.

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
        for cell, repetition, _ in list_moments(earlier)
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
    known = set(list_moments(earlier))
    later = table[np.array([one not in known for one in list_moments(table)], dtype=bool)]
    parts = [one for one in (earlier, later) if len(one)]
    both = pd.concat(parts, ignore_index=True) if parts else table
    order = ["repetition", "cell", "steps"]
    return both.sort_values(order, kind="stable").reset_index(drop=True)


def count_other_trainings(earlier: pd.DataFrame, table: pd.DataFrame) -> tuple[int, int]:
    """How many trainings of both have another P at a step that both hold, and how many are in both.

    P repeats to the digit on one kind of processor. On another kind it differs in its last digits,
    which a short training enlarges.
    """
    both = pd.merge(
        *(rows.groupby(list(MOMENT))["P"].first().reset_index() for rows in (earlier, table)),
        on=list(MOMENT),
    )
    equal = (both["P_x"] == both["P_y"]) | (both["P_x"].isna() & both["P_y"].isna())
    found = equal.groupby([both["cell"], both["repetition"]]).all()
    return int((~found).sum()), len(found)
