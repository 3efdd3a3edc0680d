"""Do the trials of the laboratory's file stand in the order of its images? Its means tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import h5py

MEANS = "time_averaged_trial_averaged"
LEAST_CORRELATION = 0.5


def check_order(
    file: h5py.File,
    responses: np.ndarray,
    row: np.ndarray,
    stimuli: pd.DataFrame,
    sites: pd.DataFrame,
) -> None:
    """Compare each level's trials with the file's own means, where it has them.

    The file does not say which image a column of ``variation_level_3`` belongs to: it is taken
    that the columns are the images of that level in the order of ``images``. Then the mean over
    trials correlates with ``time_averaged_trial_averaged`` (image, site) over images, near 1;
    in any other order near 0. The median over sites must reach 0.5.

    Parameters
    ----------
    file
        The open file.
    responses
        (presentation, site), stimulus after stimulus.
    row
        (presentation,), row of `stimuli`, ascending.
    stimuli
        With ``row`` in the file and ``variation``.
    sites
        Its index are the file's sites.

    Raises
    ------
    UserError
        The means are of other images or sites, or the order is another one.
    """
    if MEANS not in file:
        return
    means = file[MEANS]
    shape = getattr(means, "shape", ())
    wanted = (file["images"].shape[0], sites.index[-1] + 1)
    if len(shape) != 2 or shape[0] != wanted[0] or shape[1] < wanted[1]:
        raise UserError(
            f"{file.filename}: {MEANS} has shape {shape}, expected (image, site) of "
            f"{wanted[0]} images and at least {wanted[1]} sites"
        )
    starts = np.searchsorted(row, np.arange(len(stimuli)))
    # in float32: a cast would hold all responses twice more, and r needs no more digits
    sums = np.add.reduceat(responses, starts, axis=0)
    averaged = sums / np.bincount(row)[:, np.newaxis]
    expected = means[()][stimuli["row"].to_numpy()][:, sites.index]
    for level, members in stimuli.groupby("variation").indices.items():
        found = calc_median_correlation(averaged[members], expected[members])
        if found < LEAST_CORRELATION:
            raise UserError(
                f"{file.filename}: level {level}: means over trials and {MEANS} correlate by "
                f"{found:.2f} (median over sites, over images), expected about 1; the trials stand "
                "in another order than the images: put them in the order of image_meta"
            )


def calc_median_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Median over sites of Pearson's r over images; both (image, site).

    Sites that are constant or not finite are left out; 1.0 where none is left or there are
    fewer than three images, which tell nothing.
    """
    if len(one) < 3:
        return 1.0
    with np.errstate(invalid="ignore", divide="ignore"):
        one, other = one - one.mean(axis=0), other - other.mean(axis=0)
        r = (one * other).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (other**2).sum(axis=0))
    r = r[np.isfinite(r)]
    return float(np.median(r)) if r.size else 1.0
