"""A teacher whose stimuli are shown at another size: to a network that sees larger images."""

from collections.abc import Mapping
from dataclasses import replace

import xarray as xr

from tgas_neuro.errors import UserError
from tgas_neuro.recordings.stimuli import load_stimuli, validate_images
from tgas_neuro.teacher.source import Source
from tgas_neuro.teacher.stimuli import show_stimuli
from tgas_neuro.teacher.teacher import Teacher


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
    return replace(
        teacher,
        regions={
            name: _show_region(region, sources[name], name, size, visual_degrees)
            for name, region in teacher.regions.items()
        },
    )


def _show_region(
    region: xr.Dataset, source: Source, name: str, size: int, visual_degrees: float
) -> xr.Dataset:
    table = load_stimuli(source.first / "stimuli.csv").set_index("stimulus_id", drop=False)
    shown = region["stimulus"].values.astype(str)  # in the teacher's own order
    missing = [stimulus for stimulus in shown if stimulus not in table.index]
    if missing:
        raise UserError(
            f"{source.first / 'stimuli.csv'}: stimulus {missing[0]!r} of the teacher's region "
            f"{name} is missing ({len(missing)} in all); make the teacher again: "
            "snakemake --cores 2 --force teacher"
        )
    stimuli = table.loc[shown]
    validate_images(stimuli, source.first / "stimuli")
    images = show_stimuli(stimuli, source.first / "stimuli", size, visual_degrees)
    return region.drop_vars("images").assign(images=(("stimulus", "y", "x", "rgb"), images))
