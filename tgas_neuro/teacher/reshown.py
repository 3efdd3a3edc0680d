"""A teacher whose stimuli are shown at another size: to a network that sees larger images."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tgas_neuro.recordings.stimuli import load_stimuli, validate_images
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.source import Source
from tgas_neuro.teacher.stimuli import show_stimuli
from tgas_neuro.teacher.teacher import REGION_VARIABLES, Teacher


def show_again(
    teacher: Teacher, sources: Mapping[str, Source], size: int, visual_degrees: float
) -> Teacher:
    """Show a teacher's stimuli at another size; its RDMs, rows, halves and ceilings stay.

    Parameters
    ----------
    teacher
        Of any kind.
    sources
        Region to where it comes from, as when the teacher was built.
    size
        Width and height of the field of view [pixel].
    visual_degrees
        The same [deg]; that of the teacher, for the same stimuli.

    Raises
    ------
    UserError
        A stimulus is missing, or another one than the teacher was built with.
    """
    images: dict[tuple, np.ndarray] = {}  # regions on the same stimuli share them
    regions = {}
    for name, region in teacher.regions.items():
        folder, shown = sources[name].first, region["stimulus"].values.astype(str)
        key = (folder, *shown)
        if key not in images:
            stimuli = _find_stimuli(folder, shown, name)
            images[key] = show_stimuli(stimuli, folder / "stimuli", size, visual_degrees)
        regions[name] = region.drop_vars("images").assign(
            images=(REGION_VARIABLES["images"], images[key])
        )
    return replace(teacher, regions=regions)


def _find_stimuli(folder: Path, shown: np.ndarray, name: str) -> pd.DataFrame:
    """The stimuli of a region in the teacher's own order, which need not be that of their table."""
    table = load_stimuli(folder / "stimuli.csv").set_index("stimulus_id", drop=False)
    missing = [stimulus for stimulus in shown if stimulus not in table.index]
    if missing:
        raise UserError(
            f"{folder / 'stimuli.csv'}: stimulus {missing[0]!r} of the teacher's region "
            f"{name} is missing ({len(missing)} in all); make the teacher again: "
            "snakemake --cores 2 --force teacher"
        )
    stimuli = table.loc[shown]
    validate_images(stimuli, folder / "stimuli")
    return stimuli
