"""Controls: teachers made to guide without the brain, to see whether the brain helped."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import xarray as xr

from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.runtime.seeds import derive_generator
from tgas_neuro.teacher.controls.matched import build_matched_regions
from tgas_neuro.teacher.network.network import build_network_regions
from tgas_neuro.teacher.noise_free import build_noise_free_region, load_shown
from tgas_neuro.teacher.options import TeacherOptions
from tgas_neuro.teacher.recorded.recordings import build_recordings_regions
from tgas_neuro.teacher.source import Source
from tgas_neuro.teacher.stimuli import show_stimuli

Regions = dict[str, xr.Dataset]


def build_control_regions(sources: dict[str, Source], options: TeacherOptions) -> Regions:
    """Build the regions of a control, which says of itself in every output that it is one.

    Parameters
    ----------
    sources
        Region to its data set.
    options
        See `TeacherOptions`; ``options.control`` is given.
    """
    regions = CONTROLS[options.control.type](sources, options)
    for region in regions.values():
        what = region.attrs.get("description", "")
        region.attrs["description"] = ": ".join(
            filter(None, (f"control {options.control.type}", what))
        )
    return regions


def shuffle_rows(region: xr.Dataset, generator: np.random.Generator) -> xr.Dataset:
    """Give every row of the RDM the stimuli of another row.

    RDM, responses, halves and ceilings stay as they are and belong together as before; what is
    permuted against them is the images with their identifiers and categories. The permutation is
    one random cycle through all rows, so that none keeps its own (Sattolo 1986).

    Parameters
    ----------
    region
        See `tgas_neuro.teacher.teacher.Teacher`.
    generator
        Draws the permutation.
    """
    cycle = generator.permutation(region.sizes["row_name"])
    given_to = np.empty_like(cycle)
    given_to[cycle] = np.roll(cycle, -1)
    row = given_to[region["row"].values]
    order = np.argsort(row, kind="stable")  # at image level the row is again the stimulus's number
    taken_from = np.argsort(given_to)
    shuffled = region.isel(stimulus=order).assign_coords(
        row_name=("row_name", region["row_name"].values[taken_from])
    )
    shuffled["row"] = ("stimulus", row[order])
    shuffled["category_name"] = ("row_name", region["category_name"].values[taken_from])
    return shuffled


def _build_shuffled(sources: dict[str, Source], options: TeacherOptions) -> Regions:
    """The recordings as they are, with the stimuli permuted; regions on the same ones alike."""
    shuffled = {}
    for name, region in build_recordings_regions(sources, options).items():
        stimuli = calc_digest([str(row) for row in region["row_name"].values])
        generator = derive_generator(
            options.seed, "teacher", "shuffled", options.control.seed, stimuli
        )
        shuffled[name] = shuffle_rows(region, generator)
        shuffled[name].attrs["description"] += ", its stimuli shuffled"
    return shuffled


def _build_pixels(sources: dict[str, Source], options: TeacherOptions) -> Regions:
    """The pixels of the stimuli as a candidate sees them, all regions alike."""
    regions = {}
    for name, source in sources.items():
        shown, digest = load_shown(name, source, options)
        seen = show_stimuli(
            shown.stimuli, shown.folder / "stimuli", options.size, options.visual_degrees
        )
        regions[name] = build_noise_free_region(
            name,
            source,
            shown,
            torch.from_numpy(seen).flatten(1).float() / 255,
            options,
            stimuli_digest=digest,
            description="",
        )
    return regions


def _build_random_network(sources: dict[str, Source], options: TeacherOptions) -> Regions:
    """A network that has not learned anything."""
    return build_network_regions(
        sources, replace(options, network=replace(options.network, weights=None))
    )


CONTROLS: dict[str, Callable[[dict[str, Source], TeacherOptions], Regions]] = {
    "shuffled": _build_shuffled,
    "matched": build_matched_regions,
    "pixels": _build_pixels,
    "random_network": _build_random_network,
}
