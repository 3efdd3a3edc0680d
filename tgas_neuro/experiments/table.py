"""The table of an experiment: a row for each cell, repetition, step, teacher and region."""

import gzip
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.grids import list_teachers
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.scoring.layers import LAYER_CHOICES, get_similarity

BETWEEN = ":"  # key of a teacher, and its region
TRAINING = ("hash", "repetition", "steps")  # a cell at some moment of one of its trainings
KEYS = (*TRAINING, "teacher", "region")
COLUMNS = ("cell", *KEYS, "measured_by", "mature", "params", "macs", "P", *LAYER_CHOICES)
# Of the teacher's region: its sites, those that are reliable enough, and its ceiling, also where
# similarities are not corrected by it. Tables of earlier versions do not have them.
SITES = ("recorded", "sites", "ceiling")
DIGITS = 6  # of similarities; their errors are larger


class Measured(TypedDict):
    """What the rows of a teacher were measured with.

    Attributes
    ----------
    regions
        Names of its regions.
    digest
        From `digest_measurements`.
    """

    regions: Sequence[str]
    digest: str


def build_table(
    records: Sequence[Mapping[str, Any]],
    cells: Mapping[str, int],
    mature: Mapping[str, float | None],
    steps: Sequence[int],
    teachers: Mapping[str, Measured],
) -> pd.DataFrame:
    """A row for each cell, repetition, step, teacher and region.

    Parameters
    ----------
    records
        From `measure_cell`.
    cells
        Hash of a cell to its number.
    mature
        Hash of a cell to its accuracy in [0, 1]; None for one whose training diverged.
    steps
        At which cells are measured.
    teachers
        Their keys, to what was measured with them.

    Returns
    -------
    table
        With `COLUMNS`: the cell's number, the digest of what the row was measured with, accuracies
        in [0, 1], and a column for each layer choice with the region's similarity, corrected for
        noise; and with `SITES`. NaN where it is not defined; a step that a diverged cell did not
        reach has P of NaN as well.
    """
    ordered = [(key, region) for key, one in teachers.items() for region in one["regions"]]
    rows = []
    for record in records:
        for step in steps:
            measured = record["steps"].get(str(step))
            for teacher, region in ordered:
                name = f"{teacher}{BETWEEN}{region}"
                rows.append(
                    {
                        "cell": cells[record["hash"]],
                        "hash": record["hash"],
                        "repetition": record["repetition"],
                        "steps": step,
                        "teacher": teacher,
                        "region": region,
                        "measured_by": teachers[teacher]["digest"],
                        "mature": mature[record["hash"]],
                        **record["complexity"],
                        "P": measured["P"] if measured else math.nan,
                        **_take_similarities(measured and measured["regions"].get(name)),
                        **record.get("teachers", {}).get(name, {}),
                    }
                )
    return (
        pd.DataFrame(rows, columns=[*COLUMNS, *SITES])
        .astype({"mature": float})
        .astype(dict.fromkeys(SITES, float))
    )


def _take_similarities(region: Any) -> dict[str, float]:
    found = {choice: get_similarity(region, choice) if region else None for choice in LAYER_CHOICES}
    return {
        choice: math.nan if one is None else round(one["corrected"], DIGITS)
        for choice, one in found.items()
    }


def average_regions(table: pd.DataFrame) -> pd.DataFrame:
    """TG: the mean over the regions of each teacher; NaN where one of them is not defined."""
    values = ["mature", "params", "macs", "P", *LAYER_CHOICES]
    grouped = table.groupby([*TRAINING, "teacher"], sort=False)
    complete = grouped[values].count().eq(grouped.size(), axis=0)
    return grouped[values].mean().where(complete).reset_index()


def write_table(path: str | Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, compressed if the name ends in ``.gz``."""
    content = table.to_csv(index=False).encode()
    with written_whole(path) as beside:
        packed = gzip.compress(content, mtime=0) if str(path).endswith(".gz") else content
        beside.write_bytes(packed)


def read_table(path: str | Path, experiment: Experiment, whole: bool = True) -> pd.DataFrame:
    """Read a table that `write_table` made.

    Parameters
    ----------
    path
        CSV, compressed if its name ends in ``.gz``.
    experiment
        Whose table it is.
    whole
        Whether all of its steps and teachers must be there.

    Raises
    ------
    UserError
        It is no such table, or not one of this experiment.
    """
    try:
        packed = "gzip" if str(path).endswith(".gz") else None
        table = pd.read_csv(
            path,
            dtype={"hash": str, "measured_by": str},
            compression=packed,
            float_precision="round_trip",
        )
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"{path}: not a table of an experiment ({error})") from None
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise UserError(f"{path}: not a table of an experiment; it has no column {missing[0]!r}")
    for key, found, wanted in (
        ("steps", table["steps"], experiment.training.steps),
        ("teachers", table["teacher"], list(list_teachers(experiment))),
    ):
        absent = [value for value in wanted if value not in set(found)]
        if whole and absent:
            raise UserError(f"{path}: {key}: has no {absent[0]!r}; it is of another experiment")
    if table.duplicated(list(KEYS)).any():
        raise UserError(f"{path}: has a row twice; it was put together from tables that overlap")
    return table.assign(**{name: math.nan for name in SITES if name not in table})
