"""A teacher from recordings: of repeated responses, or of an RDM as it was published."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.published_rdms import load_rdms
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.options import Source, TeacherOptions, refuse_published
from tgas_neuro.teacher.recorded.joining import (
    join_assemblies,
    join_tables,
    load_tables,
    match_ceilings,
    split_purposes,
    stack_tables,
)
from tgas_neuro.teacher.recorded.recorded_region import (
    Measured,
    Parts,
    build_measured_region,
    filter_sites,
)
from tgas_neuro.teacher.recorded.sampling import describe_sample, draw_sample
from tgas_neuro.teacher.recorded.selection import (
    add_labels,
    build_region_error,
    check_units,
    pool_assemblies,
    select_sites,
    select_stimuli,
    share_stimuli,
)
from tgas_neuro.teacher.region import (
    add_ceilings,
    build_no_ceilings,
    build_region,
    check_rdm,
    prepare_stimuli,
)
from tgas_neuro.teacher.teacher import ShownPictures

KINDS = {False: "recorded", True: "simulated"}


def build_recordings_regions(
    sources: Mapping[str, Source], options: TeacherOptions
) -> dict[str, xr.Dataset]:
    """Build the regions of a teacher from what the recordings stage wrote.

    Parameters
    ----------
    sources
        Region, as the recordings name it, to where it comes from.
    options
        See `TeacherOptions`.

    Raises
    ------
    UserError
        A region is not in its recordings, has no reliable site, its data sets share no stimulus,
        or it asks of a published RDM what needs responses.
    """
    pictures: ShownPictures = {}
    return {
        name: _build_recorded(name, source, options, pictures) for name, source in sources.items()
    }


def load_measured(name: str, source: Source, options: TeacherOptions) -> Measured:
    """Load the repeated responses of a region, pool its data sets, keep its reliable sites."""
    assemblies: dict[str, xr.DataArray] = {
        dataset: load_assembly(folder / "assembly.nc") for dataset, folder in source.folders.items()
    }
    tables, notes = load_tables(name, source)
    tables = {dataset: add_labels(table, assemblies[dataset]) for dataset, table in tables.items()}
    assemblies = select_sites(assemblies, name, source.select)
    tables, repeated = split_purposes(select_stimuli(tables, name, source.select))
    if source.join == "stimuli" and len(tables) > 1:
        joined = join_tables(tables, source, name)
        assembly, found = join_assemblies(assemblies, tables, joined, source, name)
        notes += found
        if repeated:
            repeated = {source.dataset: stack_tables(join_tables(repeated, source, name))}
        assemblies, tables = {source.dataset: assembly}, {source.dataset: stack_tables(joined)}
    else:
        notes += note_same_sites(assemblies, name)
        shared = share_stimuli(tables, name)
        notes += note_shared(tables, shared, name)
        tables = shared
    check_units(assemblies, name, options.normalise)
    shown = prepare_stimuli(next(iter(tables.values())), source.first, options, source.dataset)
    parts, again = draw_sample(
        pool_assemblies(assemblies, tables),
        load_repeated(assemblies, repeated, source, name),
        name,
        source,
    )
    return replace(filter_sites(parts, shown, name, options, again), notes=notes)


def note_shared(
    tables: Mapping[str, pd.DataFrame], shared: Mapping[str, pd.DataFrame], region: str
) -> tuple[str, ...]:
    """A note if stimuli are left out because not all pooled data sets have them."""
    number = len(next(iter(shared.values())))
    counts = {name: len(table) for name, table in tables.items()}
    if set(counts.values()) == {number}:
        return ()
    listed = ", ".join(f"{name} {count}" for name, count in counts.items())
    return (f"region {region}: {number} stimuli are in all data sets ({listed})",)


def note_same_sites(assemblies: Mapping[str, xr.DataArray], region: str) -> tuple[str, ...]:
    """A note if sites of one animal have the same names in several data sets that are pooled."""
    found = pd.Series(
        [
            f"{animal} {site}"
            for assembly in assemblies.values()
            for animal, site in zip(
                assembly["animal"].values.astype(str),
                assembly["neuroid_id"].values.astype(str),
                strict=True,
            )
        ]
    )
    again = int(found.duplicated().sum())
    if not again:
        return ()
    return (
        f"region {region}: {again} sites have the name and the animal of a site of another data "
        f"set, and count twice; set recordings.regions.{region}.join: stimuli if they are the same",
    )


def load_repeated(
    assemblies: Mapping[str, xr.DataArray],
    tables: Mapping[str, pd.DataFrame],
    source: Source,
    region: str,
) -> Parts:
    """Repeated presentations of the same sites that give the ceiling, an assembly per data set.

    Parameters
    ----------
    assemblies
        Data set to its assembly, sites of the region alone.
    tables
        Data set to its stimuli that are there for the ceiling alone, if it has any.
    source, region
        See `Source`; for messages.

    Returns
    -------
    tuple
        Sites as in `assemblies`; empty where a data set's own repetitions are to be taken.

    Raises
    ------
    UserError
        Only some of the data sets have such stimuli, or they share none.
    """
    if source.ceilings:
        chosen = match_ceilings(assemblies, source, _load_responses, region)
        order = {
            name: pd.Index(_load_responses(source.ceilings[other])[source.match].values.astype(str))
            for name, other in chosen.items()
        }
        tables = {
            name: load_stimuli(source.ceilings[other] / "stimuli.csv")
            for name, other in chosen.items()
        }
        assemblies = {
            name: _load_responses(source.ceilings[other]).isel(
                neuroid=order[name].get_indexer(assemblies[name][source.match].values.astype(str))
            )
            for name, other in chosen.items()
        }
    if not tables:
        return ()
    lacking = [name for name in assemblies if name not in tables]
    if lacking:
        raise UserError(
            f"recordings.regions.{region}.datasets: {', '.join(tables)} has repeated stimuli for "
            f"the ceiling and {lacking[0]} has none, so that the pooled sites have no common "
            "ceiling; give each a region of its own"
        )
    return pool_assemblies(assemblies, share_stimuli(tables, region))


def _load_responses(folder: Path) -> xr.DataArray:
    return load_assembly(folder / "assembly.nc")


def find_published(source: Source) -> str | None:
    """The first data set without responses: of some only an RDM was published."""
    for dataset, folder in source.folders.items():
        if not (folder / "assembly.nc").is_file():
            return dataset
    return None


def _build_recorded(
    name: str, source: Source, options: TeacherOptions, pictures: ShownPictures
) -> xr.Dataset:
    published = find_published(source)
    if published is not None:
        return _build_published(name, source, published, options)
    measured = load_measured(name, source, options)
    simulated = {bool(part.attrs.get("simulated", 0)) for part in measured.parts}
    what = "recorded and simulated" if len(simulated) == 2 else KINDS[simulated.pop()]
    what += describe_sample(source.sample)
    return build_measured_region(
        name, measured, options, pictures, dataset=source.dataset, description=what
    )


def _build_published(
    name: str, source: Source, dataset: str, options: TeacherOptions
) -> xr.Dataset:
    refuse_published(name, source, dataset, options)
    published = load_rdms(source.first / "rdm.nc")
    regions = published["region"].values.astype(str)
    if name not in regions:
        raise build_region_error(name, regions, source.dataset)
    stimuli = load_stimuli(source.first / "stimuli.csv")
    shown = prepare_stimuli(stimuli, source.first, options, source.dataset)
    n_sites = int(published.attrs.get("n_sites", 0))
    region = build_region(
        shown,
        check_rdm(
            published["rdm"].values[list(regions).index(name)], name, "they were published so"
        ),
        options,
        dataset=source.dataset,
        simulated=0,
        stimuli_digest=published.attrs["stimuli_digest"],
        n_sites=n_sites,
        n_sites_measured=n_sites,
        description="recorded, RDM as published",
    )
    add_ceilings(region, build_no_ceilings(options))
    return region
