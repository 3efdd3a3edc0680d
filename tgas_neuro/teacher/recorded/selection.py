"""Which sites and stimuli of its data sets make a region: select, pooling and reliability."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.config.messages import suggest
from tgas_neuro.recordings.assembly import SITE_RELIABILITY
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.teacher.options import TeacherOptions

SITE_LABELS = ("animal", "array")
STIMULUS_LABELS = ("variation",)

Assemblies = Mapping[str, xr.DataArray]
Parts = tuple[xr.DataArray, ...]  # an assembly per data set, on the same stimuli
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


def share_stimuli(tables: Mapping[str, pd.DataFrame], region: str) -> dict[str, pd.DataFrame]:
    """Take the stimuli that all data sets show, by the image (`match_pictures`), not by name.

    Parameters
    ----------
    tables
        Data set to its stimulus table.
    region
        For messages.

    Returns
    -------
    dict
        The same with the shared stimuli alone, in the order of the first data set: row for row
        the same images.

    Raises
    ------
    UserError
        There is no such stimulus, one image is two stimuli of a data set, or an image is not
        equally wide for all (a candidate sees it once).
    """
    if len(tables) == 1:
        return dict(tables)
    key = f"recordings.regions.{region}.datasets"
    first, *others = tables.values()
    shared = first["sha256"]
    for table in others:
        shared = shared[shared.isin(table["sha256"])]
    if shared.empty:
        counts = ", ".join(f"{name} {len(table)}" for name, table in tables.items())
        raise UserError(
            f"{key}: no image is in all data sets (their pixels are compared); stimuli of "
            f"each: {counts}; leave one out, or give it a region of its own"
        )
    aligned = {}
    for name, table in tables.items():
        table = table[table["sha256"].isin(shared)]
        doubled = table["sha256"].duplicated(keep=False).to_numpy()
        if doubled.any():
            one, two = table[table["sha256"] == table["sha256"][doubled].iloc[0]]["stimulus_id"][:2]
            raise UserError(
                f"{key}: stimuli {one!r} and {two!r} of {name} are the same image, so that it is "
                "not clear which is which in the others; take one of them out of the data set"
            )
        aligned[name] = table.set_index("sha256").loc[shared].reset_index()
    _check_degrees(aligned, key)
    return {name: table[tables[name].columns] for name, table in aligned.items()}


def pool_assemblies(
    assemblies: Mapping[str, xr.DataArray], tables: Mapping[str, pd.DataFrame]
) -> tuple[xr.DataArray, ...]:
    """Leave the presentations of the stimuli in `tables`; name stimuli and sites for all alike.

    Parameters
    ----------
    assemblies
        Data set to its assembly, dims ("presentation", "neuroid").
    tables
        Data set to its stimuli, row for row the same images (see `share_stimuli`).

    Returns
    -------
    tuple
        An assembly per data set. Stimuli are called as in the first data set. Where two data sets
        have a ``neuroid_id`` in common, it is ``<data set>:<neuroid_id>`` for all sites, which
        all have the coordinate ``dataset``.
    """
    names = next(iter(tables.values()))["stimulus_id"].to_numpy(dtype=str)
    sites = np.concatenate(
        [found["neuroid_id"].values.astype(str) for found in assemblies.values()]
    )
    ambiguous = len(np.unique(sites)) < len(sites)
    pooled = []
    for dataset, assembly in assemblies.items():
        listed = pd.Index(tables[dataset]["stimulus_id"].astype(str))
        number = listed.get_indexer(assembly["stimulus_id"].values.astype(str))
        kept = np.flatnonzero(number >= 0)
        if len(kept) < len(number):
            assembly = assembly.isel(presentation=kept)
        coords = {
            "stimulus_id": ("presentation", names[number[kept]]),
            "dataset": ("neuroid", np.full(assembly.sizes["neuroid"], dataset)),
        }
        if ambiguous:
            ids = assembly["neuroid_id"].values.astype(str)
            coords["neuroid_id"] = ("neuroid", np.char.add(f"{dataset}:", ids))
        pooled.append(assembly.assign_coords(coords))
    return tuple(pooled)


def join_digests(digests: list[str]) -> str:
    """The digest of one data set's stimuli, or one digest over those of several."""
    return digests[0] if len(digests) == 1 else calc_digest(digests)


def check_units(assemblies: Mapping[str, xr.DataArray], region: str, normalise: str) -> None:
    """Refuse data sets in different units side by side, unless each site is z-scored."""
    units = {name: str(found.attrs.get("unit")) for name, found in assemblies.items()}
    if normalise == "none" and len(set(units.values())) > 1:
        found = ", ".join(f"{name}: {unit}" for name, unit in units.items())
        raise UserError(
            f"recordings.normalise: 'none', but the data sets of region {region} have different "
            f"units ({found}); use zscore"
        )


def _check_degrees(aligned: Mapping[str, pd.DataFrame], key: str) -> None:
    first, *others = aligned
    degrees = aligned[first]["degrees"].to_numpy(float)
    for name in others:
        differs = ~np.isclose(degrees, aligned[name]["degrees"].to_numpy(float))
        if differs.any():
            row = int(differs.argmax())
            raise UserError(
                f"{key}: stimulus {aligned[first]['stimulus_id'].iloc[row]!r} is "
                f"{degrees[row]:g} degrees wide in {first} and "
                f"{aligned[name]['degrees'].iloc[row]:g} in {name} ({int(differs.sum())} such "
                "stimuli), and a candidate sees it once; correct the width of one, or give each "
                "data set a region of its own"
            )


def count_presentations(assembly: xr.DataArray) -> np.ndarray:
    """How often each stimulus of an assembly was presented, (stimulus,)."""
    return pd.Series(assembly["stimulus_id"].values.astype(str)).value_counts().to_numpy()


def calc_reliability(
    parts: Parts, name: str, options: TeacherOptions, repeated: Parts = ()
) -> list[np.ndarray]:
    """Reliability of each part's sites, (neuroid,); without repeated stimuli a published one."""
    from tgas_neuro.rdm import calc_site_reliability  # torch, which readers of teachers do without

    generator = derive_generator(options.seed, "teacher", name, "sites")
    if not repeated:
        return [
            part[SITE_RELIABILITY].values
            if SITE_RELIABILITY in part.coords
            else calc_site_reliability(part, options.splits, generator)
            for part in parts
        ]
    return [
        calc_site_reliability(
            found, options.splits, generator, float(np.mean(count_presentations(part)))
        )
        for part, found in zip(parts, repeated, strict=True)
    ]
