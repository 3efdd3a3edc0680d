"""A teacher from recordings: of repeated responses, or of an RDM as it was published."""

import xarray as xr

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.published_rdms import load_rdms
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.teacher.measured import Measured, build_measured_region, filter_sites
from tgas_neuro.teacher.options import Source, TeacherOptions, refuse_published
from tgas_neuro.teacher.region import (
    add_ceilings,
    build_no_ceilings,
    build_region,
    check_rdm,
    prepare_stimuli,
)
from tgas_neuro.teacher.selection import build_region_error, select_region


def build_recordings_regions(
    sources: dict[str, Source], options: TeacherOptions
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
        A region is not in its recordings, has no reliable site, or asks of a published RDM what
        needs responses.
    """
    return {name: _build_recorded(name, source, options) for name, source in sources.items()}


def load_measured(name: str, source: Source, options: TeacherOptions) -> Measured:
    """Load the repeated responses of a region and keep its reliable sites."""
    assembly, stimuli = select_region(
        load_assembly(source.folder / "assembly.nc"),
        load_stimuli(source.folder / "stimuli.csv"),
        name,
        source.select,
        str(source.folder),
    )
    return filter_sites(assembly, prepare_stimuli(stimuli, source.folder, options), name, options)


def was_measured(source: Source) -> bool:
    """Whether a data set has responses; of some only an RDM was published."""
    return (source.folder / "assembly.nc").is_file()


def _build_recorded(name: str, source: Source, options: TeacherOptions) -> xr.Dataset:
    if not was_measured(source):
        return _build_published(name, source, options)
    region = build_measured_region(
        name, load_measured(name, source, options), options, dataset=source.dataset
    )
    region.attrs["description"] = "simulated" if region.attrs["simulated"] else "recorded"
    return region


def _build_published(name: str, source: Source, options: TeacherOptions) -> xr.Dataset:
    refuse_published(name, source, options)
    published = load_rdms(source.folder / "rdm.nc")
    regions = published["region"].values.astype(str)
    if name not in regions:
        raise build_region_error(name, regions, str(source.folder))
    shown = prepare_stimuli(load_stimuli(source.folder / "stimuli.csv"), source.folder, options)
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
