"""The teacher file: one netCDF with a group per region, which scoring reads and nothing else."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr

from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import written_whole

REGION_VARIABLES = {
    "images": ("stimulus", "y", "x", "rgb"),
    "row": ("stimulus",),
    "half": ("row_name",),
    "rdm": ("pair",),
}
# Large variables, and the comparisons that need them for scoring.
LEFT_OUT = {"rdm": ("kendall",), "responses": ("cka",)}


@dataclass(frozen=True)
class Teacher:
    """One or more regions, each with stimuli, RDM and ceiling of its own.

    Attributes
    ----------
    regions
        Region name to `xarray.Dataset` with

        - ``images`` ("stimulus", "y", "x", "rgb") uint8: the stimuli as a candidate sees them
        - ``row`` ("stimulus",): the RDM row of each stimulus
        - ``category_name``, ``half`` ("row_name",): category and crossed half (0 or 1) of a row
        - ``rdm`` ("pair",) float32: condensed, in scipy's `pdist` order of the rows
        - ``responses`` ("row_name", "neuroid"): normalised mean responses, where recorded; of a
          layer or of pixels only for the comparison cka, as units or as axes with the same inner
          products
        - ``neuroid_id``, ``animal``, ``site_dataset``, ``site_reliability`` ("neuroid",): of sites
        - ``split_correlations`` ("subset", "split"): split-half r of all rows and both halves
        - attrs ``kind``, ``description`` (in words), ``title`` (beside the region's name, "" for
          recordings), ``distance``, ``comparison``
        - attrs ``ceiling``, ``ceiling_half_0``, ``ceiling_half_1`` (NaN when there is none),
          ``ceiling_low``, ``ceiling_high`` (its interval over splits), ``reliability``,
          ``corrected_for_noise``, ``noise_free``
        - attrs ``animal_lower``, ``animal_upper`` (across-animal bounds, NaN with one animal)
        - attrs ``dataset`` (several with ", " between), ``simulated``, ``stimuli_digest``, counts,
          and more

        Regions on the same stimuli have the same ``half``, ``row`` and ``images``.
    provenance
        Configuration, digests, versions.
    """

    regions: dict[str, xr.Dataset]
    provenance: dict[str, Any]


def write_teacher(path: str | Path, teacher: Teacher) -> None:
    """Write a teacher as one netCDF file, whole or not at all."""
    with written_whole(path) as beside:
        with netCDF4.Dataset(beside, "w") as file:
            file.setncattr("provenance", json.dumps(teacher.provenance, sort_keys=True))
            file.setncattr("regions", ", ".join(teacher.regions))
            # one for all regions, known before any is read
            file.setncattr("comparison", next(iter(teacher.regions.values())).attrs["comparison"])
        for name, region in teacher.regions.items():
            packed = {"images": {"zlib": True, "complevel": 1}}
            region.to_netcdf(beside, mode="a", group=name, engine="netcdf4", encoding=packed)


def load_teacher(path: str | Path, for_scoring: bool = False) -> Teacher:
    """Load a teacher into memory.

    Parameters
    ----------
    path
        The file.
    for_scoring
        Leave out what scoring does not read: RDMs of which the ranks are known (see
        `tgas_neuro.scoring.scoring.write_ranks`), and responses except for CKA.

    Raises
    ------
    UserError
        The file is missing, truncated, or not a teacher.
    """
    root = load_netcdf(path)
    if "regions" not in root.attrs:
        raise UserError(f"{path}: not a teacher file (attribute 'regions' is missing)")
    names = root.attrs["regions"].split(", ")
    comparison = root.attrs.get("comparison")
    drop = [name for name, needed in LEFT_OUT.items() if for_scoring and comparison not in needed]
    regions = {name: load_netcdf(path, name, drop) for name in names}
    for name, region in regions.items():
        for variable, dims in REGION_VARIABLES.items():
            found = region[variable].dims if variable in region else None
            if found != dims and variable not in drop:
                raise UserError(
                    f"{os.fspath(path)}: region {name}: {variable!r} has dims {found}, expected "
                    f"{dims}; delete the file to have it made again"
                )
    return Teacher(regions, json.loads(root.attrs["provenance"]))


def get_ceiling(region: xr.Dataset, which: str = "ceiling") -> float | None:
    """Ceiling by which similarities of a region are divided; None when it is used uncorrected."""
    value = float(region.attrs[which])
    return value if region.attrs["corrected_for_noise"] and np.isfinite(value) else None
