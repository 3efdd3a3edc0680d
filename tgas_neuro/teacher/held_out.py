"""What neural predictivity needs of a teacher: held-out stimuli, units, ceilings of the sites."""

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray as xr

from tgas_neuro.config.teacher import PREDICTIVITIES
from tgas_neuro.rdm.noise_ceiling import MIN_CEILING
from tgas_neuro.rdm.streaming.ranked import SUBSETS
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.teacher.options import TeacherOptions

if TYPE_CHECKING:
    from tgas_neuro.teacher.region import Shown

N_SPLITS, SHARE, SEED = 10, 0.9, 1  # Brain-Score's own
LEAST_HELD_OUT = 4  # rows over which a site's r is taken; 25 components need 26 others
MOST_ROWS = 20_000  # their inner products take 3.2 GB
MOST_UNITS = 256  # of a layer that is predicted, drawn at random
STRATA = ("object_name", "category_name")
SITES = "the reliabilities of its sites"


def draw_held_out(n_rows: int, strata: np.ndarray | None = None) -> np.ndarray:
    """Draw which rows are held out in each split, as Brain-Score's cross-validation does.

    Ten random tenths, by scikit-learn's `StratifiedShuffleSplit` or `ShuffleSplit` with
    ``random_state=1``: of the same rows in the same order always the same.

    Parameters
    ----------
    n_rows
        Number of rows.
    strata
        (row,), labels that the held-out rows have in the same shares as all; None draws from all.

    Returns
    -------
    held_out
        (split, row), bool.
    """
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    kind = ShuffleSplit if strata is None else StratifiedShuffleSplit
    splitter = kind(n_splits=N_SPLITS, train_size=SHARE, random_state=SEED)
    held_out = np.zeros((N_SPLITS, n_rows), dtype=bool)
    for split, (_, test) in zip(held_out, splitter.split(np.zeros(n_rows), strata), strict=True):
        split[test] = True
    return held_out


def build_held_out(shown: "Shown", options: TeacherOptions) -> dict[str, Any]:
    """The variable ``held_out`` of a region where predictivity is the comparison, else nothing.

    For all rows and for each crossed half, whose splits are its own: 1 for rows that are held out,
    0 for the others, -1 for those of the other half. The attribute ``strata`` names for each the
    labels that splits are balanced by: objects, as Brain-Score does, where each has enough
    stimuli, else categories, else none ("").

    Raises
    ------
    UserError
        There are too few rows, or too many.
    """
    if options.comparison not in PREDICTIVITIES:
        return {}
    half = shown.half
    key = f"teacher.comparison: {options.comparison!r}"
    if len(half) > MOST_ROWS:
        raise UserError(
            f"{key} holds the inner products of all rows, at most {MOST_ROWS:,}, but there are "
            f"{len(half):,} stimuli; select fewer of them (recordings.regions.<region>.select), or "
            "use spearman"
        )
    smallest = min(int((half == number).sum()) for number in (0, 1))
    held = smallest - int(SHARE * smallest)
    if held < LEAST_HELD_OUT:
        raise UserError(
            f"{key} holds out a tenth of the stimuli in each crossed half, at least "
            f"{LEAST_HELD_OUT}, but there are {len(half)} stimuli and {held} would be held out of "
            f"{smallest}; use spearman, or a data set with more stimuli"
        )
    flags = np.full((len(SUBSETS), N_SPLITS, len(half)), -1, dtype=np.int8)
    used = []
    for subset, rows in zip(flags, (half >= 0, half == 0, half == 1), strict=True):
        name, strata = _choose_strata(shown, options, rows)
        subset[:, rows] = draw_held_out(int(rows.sum()), strata)
        used.append(name)
    dims = ("subset", "prediction_split", "row_name")
    return {"held_out": (dims, flags, {"strata": ", ".join(used)})}


def _choose_strata(
    shown: "Shown", options: TeacherOptions, rows: np.ndarray
) -> tuple[str, np.ndarray | None]:
    """The first labels that a tenth of the rows can be balanced by."""
    n_held = int(rows.sum()) - int(SHARE * rows.sum())
    for name in STRATA:
        if name == "category_name":
            labels = shown.rows.categories
        elif options.level == "image" and name in shown.stimuli:
            labels = shown.stimuli[name].fillna("").to_numpy(dtype=str)
        else:
            continue
        found, counts = np.unique(labels[rows], return_counts=True)
        if "" not in found and 2 <= len(found) <= n_held and counts.min() >= 2:
            return name, labels[rows]
    return "", None


def choose_predicted(
    name: str, rows: torch.Tensor, options: TeacherOptions
) -> tuple[torch.Tensor, str]:
    """Draw the units of a layer that a candidate predicts.

    Parameters
    ----------
    name
        The region.
    rows
        (row, unit), features of the layer or pixels.
    options
        See `TeacherOptions`.

    Returns
    -------
    responses, description
        (row, unit), at most `MOST_UNITS` that vary over rows; and what to say of them.
    """
    varying = torch.nonzero(rows.amax(dim=0) > rows.amin(dim=0)).flatten()
    if len(varying) <= MOST_UNITS:
        return rows[:, varying], f", {len(varying)} units that vary are predicted"
    generator = derive_generator(options.seed, "teacher", name, "predicted units")
    chosen = np.sort(generator.choice(len(varying), MOST_UNITS, replace=False))
    units = varying[torch.from_numpy(chosen).to(varying.device)]
    return rows[:, units], f", {MOST_UNITS} random units of {len(varying)} that vary are predicted"


def get_site_ceilings(region: xr.Dataset) -> np.ndarray | None:
    """What each site's r is divided by, (neuroid,); None when a region is used uncorrected.

    A noise-free model of a site correlates with its measured mean response at most with the square
    root of the reliability of that mean (attenuation, Spearman 1904). Units of a layer and pixels
    have no noise and the ceiling 1.
    """
    if not region.attrs["corrected_for_noise"]:
        return None
    if region.attrs["noise_free"]:
        return np.ones(region["responses"].shape[1])
    return np.sqrt(region["site_reliability"].values)


def add_site_ceilings(region: xr.Dataset, options: TeacherOptions) -> None:
    """Set the ceiling of a region to the median of its sites' ceilings, for predictivity.

    It is the same for both crossed halves. A site whose ceiling would be below `MIN_CEILING`, or
    is not known, leaves the region without one; so do rows of objects, whose mean responses are
    more reliable than those of images.
    """
    if options.comparison not in PREDICTIVITIES or region.attrs["noise_free"]:
        return
    reliability = region["site_reliability"].values
    known = options.level == "image" and bool((reliability >= MIN_CEILING**2).all())
    ceiling = float(np.median(np.sqrt(reliability))) if known else np.nan
    region.attrs |= dict.fromkeys(("ceiling", "ceiling_half_0", "ceiling_half_1"), ceiling)
    if known:
        region.attrs.setdefault("ceiling_from", SITES)


def explain_no_site_ceilings(region: xr.Dataset, options: TeacherOptions) -> str:
    """Why a region has no ceiling for predictivity."""
    if options.level != "image":
        return "the reliability of sites is that of rows of images, not of objects"
    reliability = region["site_reliability"].values
    unknown = int(np.isnan(reliability).sum())
    if unknown:
        return f"{unknown} of {len(reliability)} sites have no repetitions that could be split"
    low = int((reliability < MIN_CEILING**2).sum())
    return (
        f"the reliability of {low} of {len(reliability)} sites is below {MIN_CEILING**2:.2f}; "
        "leave them out by recordings.min_site_reliability"
    )
