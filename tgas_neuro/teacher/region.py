"""What the regions of all kinds of teacher share: stimuli, rows, crossed halves, correction."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.config.teacher import OF_RESPONSES, PREDICTIVITIES
from tgas_neuro.rdm import NoiseCeiling
from tgas_neuro.rdm.noise_ceiling import MIN_CEILING
from tgas_neuro.rdm.streaming.ranked import SUBSETS
from tgas_neuro.recordings.stimuli import calc_stimuli_digest
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.teacher.held_out import build_held_out, explain_no_site_ceilings
from tgas_neuro.teacher.options import TeacherOptions
from tgas_neuro.teacher.teacher import ShownPictures, note_shown, show_checked


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
    missing = stimuli["object_name"].isna() | (stimuli["object_name"].astype(object) == "")
    if missing.any():
        shown = stimuli["stimulus_id"][missing].iloc[0]
        raise UserError(
            f"teacher.level: 'object': object_name of stimulus {shown!r} of {name} is missing "
            f"({int(missing.sum())} of {len(stimuli)} such); name the object of each, or use "
            "level: image"
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
        ``"image"``: each stimulus is a row; ``"object"``: the images of one object are.
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


# options that are attributes of a region
KEPT = ["level", "normalise", "distance", "comparison", "visual_degrees", "min_site_reliability"]
# tested against simulated truth for this pair alone
CEILING_METHODS = ("correlation", "spearman")


@dataclass(frozen=True)
class Shown:
    """The stimuli of a region.

    Attributes
    ----------
    stimuli
        Their table, in its order.
    folder
        That of the data set, which holds ``stimuli/``.
    rows
        The rows of the RDM.
    half
        (row,), the crossed half of each row.
    """

    stimuli: pd.DataFrame
    folder: Path
    rows: Rows
    half: np.ndarray


def prepare_stimuli(
    stimuli: pd.DataFrame, folder: Path, options: TeacherOptions, name: str
) -> Shown:
    """Build rows and draw crossed halves, which regions on the same stimuli share."""
    rows = build_rows(stimuli, options.level, name)
    generator = derive_generator(
        options.seed, "teacher", calc_stimuli_digest(stimuli), options.level, "halves"
    )
    return Shown(stimuli, folder, rows, draw_crossed_halves(rows.categories, generator))


def build_region(
    shown: Shown,
    rdm: np.ndarray | None,
    options: TeacherOptions,
    pictures: ShownPictures | None = None,
    **attrs: Any,
) -> xr.Dataset:
    """Stimuli as a candidate sees them, and their RDM; None: `get_rdm` makes it (see `Teacher`)."""
    pixels = show_checked(shown.stimuli, shown.folder / "stimuli", options, pictures)
    notes = note_shown(pixels, shown.stimuli, options.visual_degrees)
    attrs |= {"notes": "\n".join(notes)} if notes else {}
    return xr.Dataset(
        {
            "images": (("stimulus", "y", "x", "rgb"), pixels),
            "row": ("stimulus", shown.rows.of_stimulus),
            "category_name": ("row_name", shown.rows.categories),
            "half": ("row_name", shown.half),
            **({} if rdm is None else {"rdm": ("pair", rdm.astype(np.float32))}),
            **build_held_out(shown, options),
        },
        coords={
            "stimulus": shown.stimuli["stimulus_id"].to_numpy(dtype=str),
            "row_name": shown.rows.names,
        },
        attrs={
            **{key: getattr(options, key) for key in KEPT},
            "noise_free": 0,
            "animal_lower": np.nan,
            "animal_upper": np.nan,
            **({"rdm_from": "responses"} if rdm is None else {}),
            **attrs,
        },
    )


def check_rdm(rdm: np.ndarray, name: str, reason: str, comparison: str = "rdm") -> np.ndarray:
    """Return an RDM that is defined for all pairs or not compared; `reason`: why another is not."""
    undefined = int(np.isnan(rdm).sum())
    if undefined and comparison not in OF_RESPONSES:
        raise UserError(
            f"region {name}: {undefined} of {len(rdm)} dissimilarities are not defined: {reason}"
        )
    return rdm


def add_ceilings(region: xr.Dataset, ceilings: tuple[NoiseCeiling, ...]) -> None:
    """Add what the splits of the repetitions gave: of all rows, of half 0 and of half 1."""
    region["split_correlations"] = (
        ("subset", "split"),
        np.stack([ceiling.split_correlations for ceiling in ceilings]),
    )
    region["subset"] = list(SUBSETS)
    whole, half_0, half_1 = (
        np.nan if ceiling.ceiling is None else ceiling.ceiling for ceiling in ceilings
    )
    low, high = ceilings[0].ceiling_interval if np.isfinite(whole) else (np.nan, np.nan)
    region.attrs |= {
        "ceiling": whole,
        "ceiling_low": low,
        "ceiling_high": high,
        "ceiling_half_0": half_0,
        "ceiling_half_1": half_1,
        "split_half": ceilings[0].split_half,
        "reliability": ceilings[0].reliability,
        "n_splits": len(ceilings[0].split_correlations),
    }


def build_no_ceilings(options: TeacherOptions) -> tuple[NoiseCeiling, ...]:
    """Ceilings of a region for which there are none."""
    return (NoiseCeiling(np.full(options.splits, np.nan), 0),) * 3


def decide_correction(name: str, region: xr.Dataset, options: TeacherOptions) -> None:
    """Mark a region as corrected for noise, or as used without a ceiling because it is named so.

    Raises
    ------
    UserError
        It has no ceiling, or one below `MIN_CEILING`, and is not named.
    """
    attrs = region.attrs
    attrs["corrected_for_noise"] = int(name not in options.uncorrected)
    if name in options.uncorrected:
        return
    ceilings = [attrs["ceiling"], attrs["ceiling_half_0"], attrs["ceiling_half_1"]]
    if all(np.isfinite(value) and value >= MIN_CEILING for value in ceilings):
        return
    if options.comparison in PREDICTIVITIES:
        reason = explain_no_site_ceilings(region, options)
    elif (options.distance, options.comparison) != CEILING_METHODS:
        reason = (
            f"RDMs have ceilings for distance {CEILING_METHODS[0]} with comparison "
            f"{CEILING_METHODS[1]} only, not for {options.distance} with {options.comparison}"
        )
    elif attrs.get("ceiling_from") and options.level != "image":
        reason = "repeated stimuli give the ceiling of rows of images, not of objects"
    elif np.isnan(attrs["split_half"]):
        reason = f"{attrs['dataset']} has no repetitions that could be split"
    else:
        reason = (
            f"its split-half r is {attrs['split_half']:.3f} and the ceilings of the RDM and its "
            f"crossed halves are {', '.join(f'{value:.2f}' for value in ceilings)}, at least "
            f"{MIN_CEILING} each is needed"
        )
    raise UserError(
        f"teacher.uncorrected: region {name} has no noise ceiling: {reason}; add {name} to "
        "teacher.uncorrected to use its similarity as measured, or take other recordings"
    )


def describe_region(name: str, region: xr.Dataset) -> str:
    """One line: what it is made from, how reliable it is, whether it is corrected for noise."""
    attrs = region.attrs
    text = (
        f"teacher region {name} ({attrs['description']}, data set {attrs['dataset']}): "
        f"{region.sizes['stimulus']} stimuli, {_describe_sites(attrs)}"
    )
    if attrs["noise_free"]:
        text += ", without noise"
    elif attrs.get("ceiling_from") and np.isfinite(attrs["ceiling"]):
        text += f", ceiling {attrs['ceiling']:.3f} from {attrs['ceiling_from']}"
    elif np.isfinite(attrs["ceiling"]):
        text += (
            f", split-half r {attrs['split_half']:.3f}, reliability {attrs['reliability']:.3f}, "
            f"ceiling {attrs['ceiling']:.3f}"
        )
    if np.isfinite(attrs["animal_lower"]):
        text += (
            f", across animals {attrs['animal_lower']:.3f} to {attrs['animal_upper']:.3f} "
            f"({attrs['n_animals']} animals)"
        )
    return text if attrs["corrected_for_noise"] else f"{text}; used without a ceiling"


def _describe_sites(attrs: Mapping[Hashable, Any]) -> str:
    if attrs["noise_free"]:
        return f"{attrs['n_sites']} units"
    return f"{attrs['n_sites']} of {attrs['n_sites_measured']} sites"
