"""A teacher from recordings: of repeated responses, or of an RDM as it was published."""

from collections.abc import Mapping

import xarray as xr

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.published_rdms import load_rdms
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.teacher.options import TeacherOptions
from tgas_neuro.teacher.recorded.recorded_region import (
    Measured,
    build_measured_region,
    filter_sites,
)
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
from tgas_neuro.teacher.source import Source, refuse_published

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
    return {name: _build_recorded(name, source, options) for name, source in sources.items()}


def load_measured(name: str, source: Source, options: TeacherOptions) -> Measured:
    """Load the repeated responses of a region, pool its data sets, keep its reliable sites."""
    assemblies = {
        dataset: load_assembly(folder / "assembly.nc") for dataset, folder in source.folders.items()
    }
    tables = {
        dataset: add_labels(load_stimuli(folder / "stimuli.csv"), assemblies[dataset])
        for dataset, folder in source.folders.items()
    }
    assemblies = select_sites(assemblies, name, source.select)
    tables = share_stimuli(select_stimuli(tables, name, source.select), name)
    check_units(assemblies, name, options.normalise)
    shown = prepare_stimuli(next(iter(tables.values())), source.first, options, source.dataset)
    return filter_sites(pool_assemblies(assemblies, tables), shown, name, options)


def find_published(source: Source) -> str | None:
    """The first data set without responses: of some only an RDM was published."""
    for dataset, folder in source.folders.items():
        if not (folder / "assembly.nc").is_file():
            return dataset
    return None


def _build_recorded(name: str, source: Source, options: TeacherOptions) -> xr.Dataset:
    published = find_published(source)
    if published is not None:
        return _build_published(name, source, published, options)
    measured = load_measured(name, source, options)
    simulated = {bool(part.attrs.get("simulated", 0)) for part in measured.parts}
    what = "recorded and simulated" if len(simulated) == 2 else KINDS[simulated.pop()]
    return build_measured_region(name, measured, options, dataset=source.dataset, description=what)


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
