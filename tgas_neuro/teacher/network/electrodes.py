"""A layer seen through electrodes: a few random units, as noisy and repeated as recordings.

Bashivan, Tensen & DiCarlo (2019) ask in this way how many neurons a teacher must have: a network
stands in for the brain, of which as many units as wanted can be recorded.
"""

import numpy as np
import torch
import xarray as xr

from tgas_neuro.recordings.assembly import build_assembly
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.options import Electrodes


def choose_units(
    region: str, n_units: int, electrodes: Electrodes, generator: np.random.Generator
) -> np.ndarray:
    """Draw which units of a layer are recorded, (unit,), in ascending order.

    Raises
    ------
    UserError
        The layer has fewer.
    """
    if electrodes.units > n_units:
        raise UserError(
            f"teacher.network.electrodes.units: {electrodes.units}, but the layer of region "
            f"{region} has {n_units} units; take fewer"
        )
    return np.sort(generator.choice(n_units, electrodes.units, replace=False))


def record_electrodes(
    features: torch.Tensor,
    units: np.ndarray,
    stimulus_ids: np.ndarray,
    region: str,
    electrodes: Electrodes,
    generator: np.random.Generator,
) -> xr.DataArray:
    """Draw spike counts of units.

    A unit's mean count is its output, rectified, in one scale for all units: the mean over units
    and stimuli is ``electrodes.mean_count``, and units differ in rate as neurons do. The counts
    are Poisson, independent between units and presentations. A unit that never fires is left for
    the reliability filter to find.

    Parameters
    ----------
    features
        (stimulus, unit), outputs of the chosen units.
    units
        (unit,), their numbers within the layer.
    stimulus_ids
        (stimulus,).
    region
        Name of the region.
    electrodes
        Repetitions and mean count.
    generator
        Draws the counts.

    Returns
    -------
    assembly
        Dims ("presentation", "neuroid"), spikes in one presentation.
    """
    rates = features.clamp(min=0).to(torch.float64).numpy()
    mean = rates.mean()
    if not mean > 0:
        raise UserError(
            f"teacher.network.electrodes: none of the {len(units)} units of region {region} is "
            "above 0 for any stimulus, and a rate cannot be negative; take another layer"
        )
    stimulus = np.repeat(np.arange(len(rates)), electrodes.repetitions)
    counts = generator.poisson(rates[stimulus] * (electrodes.mean_count / mean))
    return build_assembly(
        counts,
        {
            "stimulus_id": np.asarray(stimulus_ids, dtype=str)[stimulus],
            "repetition": np.tile(np.arange(electrodes.repetitions), len(rates)),
        },
        {
            "neuroid_id": np.array([f"{region}_{unit}" for unit in units]),
            "region": np.full(len(units), region),
            "animal": np.full(len(units), "network"),
        },
        {"unit": "spikes in a presentation", "simulated": 0},
    )
