"""What the data sets of a region show, and sessions of the same sites as one assembly."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import SITE_RELIABILITY
from tgas_neuro.recordings.stimuli import CEILING, USED_FOR, load_stimuli, match_pictures
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.recorded.selection import count_presentations

SIMILAR_WIDTHS = 1.1  # a larger ratio of two widths is no matter of two screens: it is refused

Tables = dict[str, pd.DataFrame]
Parts = tuple[xr.DataArray, ...]


def load_tables(region: str, source: Source) -> tuple[Tables, tuple[str, ...]]:
    """Load the stimulus tables of a region's data sets, with the widths that are shown.

    Returns
    -------
    tables, notes
        Data set to its table; repeated stimuli that are there for the ceiling alone are in it,
        with ``used_for``. A note says which width is taken where the data sets differ a little.
    """
    tables = {name: load_stimuli(found / "stimuli.csv") for name, found in source.folders.items()}
    tables = match_pictures(tables, source.folders)
    if source.degrees is not None:
        return {name: table.assign(degrees=source.degrees) for name, table in tables.items()}, ()
    widths = {name: sorted(set(table["degrees"].astype(float))) for name, table in tables.items()}
    every = sorted({width for found in widths.values() for width in found})
    constant = all(len(found) == 1 for found in widths.values())
    if len(every) == 1 or not constant or every[-1] / every[0] > SIMILAR_WIDTHS:
        return tables, ()
    mean = float(np.mean([found[0] for found in widths.values()]))
    listed = ", ".join(f"{found[0]:g} in {name}" for name, found in widths.items())
    note = (
        f"region {region}: the stimuli are {listed} degrees wide; a candidate sees them once, "
        f"{mean:g} degrees wide (recordings.regions.{region}.degrees chooses another width)"
    )
    return {name: table.assign(degrees=mean) for name, table in tables.items()}, (note,)


def split_purposes(tables: Mapping[str, pd.DataFrame]) -> tuple[Tables, Tables]:
    """Stimuli that are rows of the RDM, and those that are there for the ceiling alone."""
    rows, repeated = {}, {}
    for name, table in tables.items():
        if USED_FOR not in table:
            rows[name] = table
            continue
        for_ceiling = (table[USED_FOR] == CEILING).to_numpy()
        rows[name] = table[~for_ceiling].drop(columns=USED_FOR).reset_index(drop=True)
        if for_ceiling.any():
            repeated[name] = table[for_ceiling].drop(columns=USED_FOR).reset_index(drop=True)
    return rows, repeated


def join_tables(tables: Mapping[str, pd.DataFrame], source: Source, region: str) -> Tables:
    """Put the stimuli of sessions of the same sites below each other; an image is there once.

    Parameters
    ----------
    tables
        Data set to its stimulus table.
    source, region
        Where they lie; for messages.

    Returns
    -------
    dict
        Data set to its table as before, but with ``stimulus_id`` of the joined table. A stimulus
        is called as in the first data set that shows it; two images of one name get the name of
        their data set before it. ``filename`` leads from the folder of the first data set.

    Raises
    ------
    UserError
        An image has another width in another data set.
    """
    key = f"recordings.regions.{region}.join"
    known: dict[str, tuple[str, str, float]] = {}
    taken: dict[str, str] = {}
    joined = {}
    for name, table in tables.items():
        ids, files = [], []
        for stimulus, filename, digest, degrees in zip(
            table["stimulus_id"].astype(str),
            table["filename"],
            table["sha256"],
            table["degrees"].astype(float),
            strict=True,
        ):
            if digest not in known:
                used = f"{name}:{stimulus}" if stimulus in taken else stimulus
                taken[used] = digest
                place = source.folders[name] / "stimuli" / filename
                known[digest] = (
                    used,
                    os.path.relpath(place, source.first / "stimuli"),
                    degrees,
                )
            if not np.isclose(known[digest][2], degrees):
                raise UserError(
                    f"{key}: stimulus {stimulus!r} of {name} is {degrees:g} degrees wide, in an "
                    f"earlier data set {known[digest][2]:g}; give recordings.regions.{region}."
                    "degrees, or correct the width of one"
                )
            ids.append(known[digest][0])
            files.append(known[digest][1])
        joined[name] = table.assign(stimulus_id=ids, filename=files)
        if joined[name]["stimulus_id"].duplicated().any():
            doubled = ids[int(joined[name]["stimulus_id"].duplicated().to_numpy().argmax())]
            raise UserError(
                f"{key}: two stimuli of {name} are the same image, {doubled!r}; take one of them "
                "out of the data set"
            )
    return joined


def stack_tables(joined: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The stimuli of tables from `join_tables`, each once, in the order of their first showing."""
    table = pd.concat(list(joined.values()), ignore_index=True)
    return table[~table["stimulus_id"].duplicated()].reset_index(drop=True)


def join_assemblies(
    assemblies: Mapping[str, xr.DataArray],
    tables: Mapping[str, pd.DataFrame],
    joined: Mapping[str, pd.DataFrame],
    source: Source,
    region: str,
) -> tuple[xr.DataArray, tuple[str, ...]]:
    """Join sessions of the same sites as presentations of one set of sites.

    Parameters
    ----------
    assemblies
        Data set to its assembly, dims ("presentation", "neuroid"), sites of the region alone.
    tables, joined
        Its stimuli before and after `join_tables`; presentations of others are left out.
    source
        ``match``, the coordinate that names a site, and ``unmatched``.
    region
        For messages.

    Returns
    -------
    assembly, notes
        The sites in the order of the first data set; repetitions are counted over all sessions.

    Raises
    ------
    UserError
        A site is not in all data sets and ``unmatched`` does not leave it out, a name is there
        twice or of two animals, or the units differ.
    """
    key = f"recordings.regions.{region}"
    ids = {name: _get_site_names(found, source, name, key) for name, found in assemblies.items()}
    first, *others = assemblies
    common = set(ids[first]).intersection(*(set(ids[name]) for name in others))
    every = set().union(*map(set, ids.values()))
    listed = ", ".join(f"{name} {len(found)}" for name, found in ids.items())
    notes: tuple[str, ...] = ()
    if len(common) < len(every):
        odd = min(every - common)
        missing = next(name for name in assemblies if odd not in set(ids[name]))
        if source.unmatched != "leave_out" or not common:
            way_out = "set unmatched: leave_out to take only those of all" if common else "correct"
            raise UserError(
                f"{key}.join: stimuli: site {odd!r} is not in {missing} ({len(common)} sites are "
                f"in all data sets, by {source.match}; sites of each: {listed}); {way_out}"
                f"{'' if common else f' {source.match}, or set join: sites'}"
            )
        notes = (
            f"region {region}: {len(every) - len(common)} sites that are not in all data sets are "
            f"left out, {len(common)} are in all ({listed})",
        )
    order = [name for name in ids[first] if name in common]
    parts = []
    for name, assembly in assemblies.items():
        part = assembly.isel(neuroid=pd.Index(ids[name]).get_indexer(order))
        _check_same(assemblies[first], part, ids[first], order, (first, name), key)
        listing = pd.Index(tables[name]["stimulus_id"].astype(str))
        number = listing.get_indexer(part["stimulus_id"].values.astype(str))
        kept = np.flatnonzero(number >= 0)
        shown = joined[name]["stimulus_id"].to_numpy(dtype=str)[number[kept]]
        parts.append((part.isel(presentation=kept), shown))
    stimulus_id = np.concatenate([shown for _, shown in parts])
    start = parts[0][0].drop_vars(SITE_RELIABILITY, errors="ignore")  # of one session alone
    responses = np.concatenate([part.values for part, _ in parts])
    coords = {name: value for name, value in start.coords.items() if value.dims == ("neuroid",)}
    joint = xr.DataArray(
        responses, dims=start.dims, coords=coords, attrs=dict(start.attrs), name=start.name
    )
    repetition = pd.Series(stimulus_id).groupby(stimulus_id).cumcount().to_numpy()
    joint = joint.assign_coords(
        stimulus_id=("presentation", stimulus_id), repetition=("presentation", repetition)
    )
    joint.attrs["stimuli_digest"] = calc_digest(
        [found.attrs["stimuli_digest"] for found in assemblies.values()]
    )
    joint.attrs["simulated"] = int(
        any(found.attrs.get("simulated", 0) for found in assemblies.values())
    )
    return joint, notes


def describe_repeated(parts: Parts, repeated: Parts) -> str:
    """Which stimuli gave the ceiling in place of those of the RDM, and for how many showings."""
    counts = np.concatenate([count_presentations(part) for part in repeated])
    shown = np.mean(np.concatenate([count_presentations(part) for part in parts]))
    datasets = ", ".join(dict.fromkeys(str(part.attrs["dataset"]) for part in repeated))
    return (
        f"{len(np.unique(repeated[0]['stimulus_id'].values))} repeated stimuli of "
        f"{datasets} (median {np.median(counts):g} presentations), for the mean of {shown:g}"
    )


def match_ceilings(
    assemblies: Mapping[str, xr.DataArray],
    source: Source,
    load: Callable[[Path], xr.DataArray],
    region: str,
) -> dict[str, str]:
    """The data set of ``ceiling_from`` that has the sites of each data set, by ``match``."""
    key = f"recordings.regions.{region}.ceiling_from"
    loaded = {name: load(folder) for name, folder in source.ceilings.items()}
    there = {
        name: set(_get_site_names(found, source, name, key, unique=False))
        for name, found in loaded.items()
    }
    chosen = {}
    for dataset, assembly in assemblies.items():
        sites = _get_site_names(assembly, source, dataset, key)
        having = [name for name, found in there.items() if set(sites) <= found]
        if len(having) != 1:
            missing = min(set(sites) - set().union(*there.values()), default=sites[0])
            raise UserError(
                f"{key}: {len(having)} of {', '.join(there)} have all {len(sites)} sites of "
                f"{dataset} (by {source.match}; {missing!r} for example); name one that has the "
                "same sites"
            )
        chosen[dataset] = having[0]
    return chosen


def _get_site_names(
    assembly: xr.DataArray, source: Source, name: str, key: str, unique: bool = True
) -> list[str]:
    found = assembly.coords.get(source.match)
    if found is None or found.dims != ("neuroid",):
        labels = [str(label) for label, x in assembly.coords.items() if x.dims == ("neuroid",)]
        raise UserError(
            f"{key}.match: the sites of {name} have no {source.match!r}; there are: "
            f"{', '.join(labels)}"
        )
    names = found.values.astype(str).tolist()
    twice = pd.Index(names).duplicated()
    if unique and twice.any():
        doubled = names[int(twice.argmax())]
        raise UserError(
            f"{key}.match: {source.match} {doubled!r} is there more than once in {name}; it must "
            "name one site: take another coordinate"
        )
    return names


def _check_same(
    first: xr.DataArray,
    part: xr.DataArray,
    names: list[str],
    order: list[str],
    datasets: tuple[str, str],
    key: str,
) -> None:
    animals = first["animal"].values.astype(str)[pd.Index(names).get_indexer(order)]
    other = part["animal"].values.astype(str)
    if (animals != other).any():
        site = int((animals != other).argmax())
        raise UserError(
            f"{key}.join: stimuli: site {order[site]!r} is of animal {animals[site]} in "
            f"{datasets[0]} and of {other[site]} in {datasets[1]}; they are not the same sites: "
            "set join: sites"
        )
    units = [str(found.attrs.get("unit")) for found in (first, part)]
    if units[0] != units[1]:
        raise UserError(
            f"{key}.join: stimuli: {datasets[0]} is in {units[0]} and {datasets[1]} in {units[1]}; "
            "responses of one site must be in one unit"
        )
