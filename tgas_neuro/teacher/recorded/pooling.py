"""Several data sets in one region: the sites of all, on the stimuli that all share.

Two data sets have no presentation in common, so that there is no array of presentations by all
sites that is not half empty. Each keeps its own repetitions: they are averaged, or split into
halves, by data set, and the sites are put side by side in the averages. No repetition is thrown
away, sites z-score one by one as ever, and trial noise that sites share within a data set stays in
the same half.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest


def share_stimuli(tables: Mapping[str, pd.DataFrame], region: str) -> dict[str, pd.DataFrame]:
    """Take the stimuli that all data sets show, told by the SHA-256 of the image, not by name.

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
            f"{key}: no image is in all data sets (the files are compared, by SHA-256); stimuli of "
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
