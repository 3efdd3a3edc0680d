"""Which presentations and sites of a data set make a region of the teacher."""

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.errors import UserError


def select_region(
    assembly: xr.DataArray,
    stimuli: pd.DataFrame,
    region: str,
    select: dict[str, list],
    name: str,
) -> tuple[xr.DataArray, pd.DataFrame]:
    """Take the sites of one region and what `select` names of them.

    Parameters
    ----------
    assembly, stimuli
        Of one data set.
    region
        Value of the coordinate ``region``.
    select
        Coordinate (``variation``, ``animal``) to the values that are taken.
    name
        Data set, for messages.
    """
    regions = assembly["region"].values.astype(str)
    if region not in regions:
        raise build_region_error(region, regions, name)
    assembly = assembly.isel(neuroid=np.flatnonzero(regions == region))
    for coord, values in select.items():
        if coord not in assembly.coords:
            raise UserError(
                f"recordings.regions.{region}.select.{coord}: {name} has no coordinate {coord!r}"
            )
        found = assembly[coord].values.astype(str)
        keep = np.isin(found, [str(value) for value in values])
        if not keep.any():
            raise UserError(
                f"recordings.regions.{region}.select.{coord}: {values} leaves nothing of {name}; "
                f"there are: {', '.join(sorted(set(found)))}"
            )
        assembly = assembly.isel({assembly[coord].dims[0]: np.flatnonzero(keep)})
    shown = set(assembly["stimulus_id"].values.astype(str))
    return assembly, stimuli[stimuli["stimulus_id"].isin(shown)].reset_index(drop=True)


def build_region_error(region: str, regions: np.ndarray, name: str) -> UserError:
    """The error for a region that the data set does not have."""
    return UserError(
        f"recordings.regions.{region}: region {region!r} is not in {name}; "
        f"there are: {', '.join(sorted(set(regions)))}"
    )
