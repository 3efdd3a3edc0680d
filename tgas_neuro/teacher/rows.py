"""The rows of an RDM, images or objects, and the crossed halves drawn over them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tgas_neuro.runtime.errors import UserError


@dataclass(frozen=True)
class Rows:
    """Which row each stimulus belongs to, and what the rows are.

    Attributes
    ----------
    of_stimulus
        (stimulus,), row number of each stimulus.
    names, categories
        (row,), stimulus or object, and its category ("" where none is known).
    """

    of_stimulus: np.ndarray
    names: np.ndarray
    categories: np.ndarray


def _build_image_rows(stimuli: pd.DataFrame, name: str) -> Rows:
    return Rows(
        of_stimulus=np.arange(len(stimuli)),
        names=stimuli["stimulus_id"].to_numpy(dtype=str),
        categories=_get_categories(stimuli),
    )


def _build_object_rows(stimuli: pd.DataFrame, name: str) -> Rows:
    if "object_name" not in stimuli:
        raise UserError(
            f"teacher.level: 'object' needs the column 'object_name', which the stimuli of {name} "
            "do not have; use level: image"
        )
    names, first, of_stimulus = np.unique(
        stimuli["object_name"].to_numpy(dtype=str), return_index=True, return_inverse=True
    )
    return Rows(of_stimulus, names, _get_categories(stimuli)[first])


def _get_categories(stimuli: pd.DataFrame) -> np.ndarray:
    if "category_name" not in stimuli:
        return np.full(len(stimuli), "", dtype=str)
    return stimuli["category_name"].fillna("").to_numpy(dtype=str)


LEVELS = {"image": _build_image_rows, "object": _build_object_rows}


def build_rows(stimuli: pd.DataFrame, level: str, name: str) -> Rows:
    """Build the rows of an RDM.

    Parameters
    ----------
    stimuli
        Stimulus table.
    level
        ``"image"``: each stimulus is a row; ``"object"``: responses are averaged over the
        images of one object first.
    name
        Data set, for messages.
    """
    rows = LEVELS[level](stimuli, name)
    if len(rows.names) < 6:  # three rows a half is the least that has a rank correlation
        raise UserError(
            f"{name}: only {len(rows.names)} rows at teacher.level {level!r}; an RDM with crossed "
            "halves needs at least 6 stimuli or objects"
        )
    return rows


def draw_crossed_halves(categories: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw two halves of the rows, stratified by category.

    Parameters
    ----------
    categories
        (row,), the stratum of each row.
    generator
        Draws which rows of a category go where.

    Returns
    -------
    half
        (row,), int8, 0 or 1. The halves differ by at most one row in each category and in all.
    """
    half = np.empty(len(categories), dtype=np.int8)
    extra = 0  # which half takes the odd row of the next odd category
    for category in np.unique(categories):
        rows = generator.permutation(np.flatnonzero(categories == category))
        half[rows] = (np.arange(len(rows)) + extra) % 2
        extra = (extra + len(rows)) % 2
    return half
