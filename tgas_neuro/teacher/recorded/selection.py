"""Which sites and stimuli of its data sets make a region of the teacher: the key ``select``."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.config.schema_errors import suggest
from tgas_neuro.runtime.errors import UserError

SITE_LABELS = ("animal", "array")
STIMULUS_LABELS = ("variation",)

Assemblies = Mapping[str, xr.DataArray]
Tables = Mapping[str, pd.DataFrame]
Select = Mapping[str, list]


def select_sites(assemblies: Assemblies, region: str, select: Select) -> dict[str, xr.DataArray]:
    """Take the sites of one region, and of them those that ``select`` names.

    Parameters
    ----------
    assemblies
        Data set to its assembly.
    region
        Value of the coordinate ``region``.
    select
        Label to the values that are taken; those of `SITE_LABELS` are looked at.

    Raises
    ------
    UserError
        A data set lacks the region or a label, a value is in none of them, or nothing is left of
        one.
    """
    chosen = {}
    for dataset, assembly in assemblies.items():
        regions = assembly["region"].values.astype(str)
        if region not in regions:
            raise build_region_error(region, regions, dataset)
        chosen[dataset] = assembly.isel(neuroid=np.flatnonzero(regions == region))
    for label, values in _take_labels(select, SITE_LABELS):
        key = f"recordings.regions.{region}.select.{label}"
        for dataset, assembly in chosen.items():
            if label not in assembly.coords:
                raise UserError(f"{key}: the sites of {dataset} have no {label!r}; remove the key")
        found = {name: word_values(assembly[label]) for name, assembly in chosen.items()}
        keep = _find_values(found, values, key)
        chosen = {
            name: assembly.isel(neuroid=np.flatnonzero(keep[name]))
            for name, assembly in chosen.items()
        }
    return chosen


def select_stimuli(tables: Tables, region: str, select: Select) -> dict[str, pd.DataFrame]:
    """Take the stimuli that ``select`` names.

    A label that only some of the data sets have chooses among their stimuli, and with them among
    those that all share.

    Parameters
    ----------
    tables
        Data set to its stimulus table.
    region, select
        As in `select_sites`; the labels of `STIMULUS_LABELS` are looked at.

    Raises
    ------
    UserError
        No data set has the label, a value is in none of them, or nothing is left of one.
    """
    chosen = dict(tables)
    for label, values in _take_labels(select, STIMULUS_LABELS):
        key = f"recordings.regions.{region}.select.{label}"
        found = {
            name: word_values(table[label]) for name, table in chosen.items() if label in table
        }
        if not found:
            raise UserError(
                f"{key}: the stimuli of {', '.join(tables)} have no {label!r}; remove the key"
            )
        for name, keep in _find_values(found, values, key).items():
            chosen[name] = chosen[name][keep].reset_index(drop=True)
    return chosen


def add_labels(table: pd.DataFrame, assembly: xr.DataArray) -> pd.DataFrame:
    """Add labels of stimuli that only the presentations have to a stimulus table."""
    for label in STIMULUS_LABELS:
        if label not in table and label in assembly.coords:
            shown = assembly["stimulus_id"].values.astype(str)
            of_stimulus = pd.Series(assembly[label].values, index=shown)
            of_stimulus = of_stimulus[~of_stimulus.index.duplicated()]
            table = table.assign(**{label: of_stimulus.reindex(table["stimulus_id"]).to_numpy()})
    return table


def word_values(values: xr.DataArray | pd.Series) -> np.ndarray:
    """Labels as text; a whole number is written without a point, as a user writes it."""
    return np.array(
        [
            str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
            for value in values.to_numpy().tolist()
        ],
        dtype=str,
    )


def build_region_error(region: str, regions: np.ndarray, name: str) -> UserError:
    """The error for a region that the data set does not have."""
    there = sorted(set(map(str, regions)))
    return UserError(
        f"recordings.regions.{region}: region {region!r} is not in {name}"
        f"{suggest(region, there)}; there are: {', '.join(there)}"
    )


def _take_labels(select: Select, labels: tuple[str, ...]) -> list[tuple[str, list[str]]]:
    return [(label, [str(value) for value in select[label]]) for label in labels if label in select]


def _find_values(
    found: Mapping[str, np.ndarray], values: list[str], key: str
) -> dict[str, np.ndarray]:
    """Which labels of each data set are among `values`; every value is somewhere."""
    there = sorted(set().union(*(set(labels.tolist()) for labels in found.values())))
    for value in values:
        if value not in there:
            raise UserError(
                f"{key}: {value!r} is not in {', '.join(found)}{suggest(value, there)}; there are: "
                f"{', '.join(there)}"
            )
    keep = {name: np.isin(labels, values) for name, labels in found.items()}
    for name, kept in keep.items():
        if not kept.any():
            raise UserError(
                f"{key}: {values} leaves nothing of {name}, which has: "
                f"{', '.join(sorted(set(found[name].tolist())))}; leave the data set out"
            )
    return keep
