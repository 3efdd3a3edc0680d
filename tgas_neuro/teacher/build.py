"""Build a teacher of any kind; the controls guide without the brain, to see whether it helped."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm.repetitions import average_repetitions
from tgas_neuro.recordings.assembly import SITE_RELIABILITY
from tgas_neuro.runtime.devices import computing_with
from tgas_neuro.runtime.errors import check_choice
from tgas_neuro.runtime.files import calc_digest, calc_sha256
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.teacher.held_out import add_site_ceilings
from tgas_neuro.teacher.noise_free import build_noise_free_region, load_shown
from tgas_neuro.teacher.options import Source, TeacherOptions, find_weights, refuse_published
from tgas_neuro.teacher.recorded.recorded_region import (
    Measured,
    build_measured_region,
    calc_ceilings,
    index_parts,
)
from tgas_neuro.teacher.recorded.recordings import (
    build_recordings_regions,
    find_published,
    load_measured,
)
from tgas_neuro.teacher.recorded.selection import calc_reliability
from tgas_neuro.teacher.region import decide_correction, describe_region
from tgas_neuro.teacher.teacher import Teacher, show_stimuli


def draw_matched(means: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Draw mean responses with the same site means and covariance as the recordings'.

    With the centred means X = U S V^T, returns Q S V^T plus the site means, Q random orthonormal
    columns orthogonal to the vector of ones: its covariance over rows, V S^2 V^T, is that of X
    exactly, and each row is another random mixture of the recordings' patterns.

    Parameters
    ----------
    means
        (row, neuroid), mean responses, float64.
    generator
        Draws Q, uniform among all such.

    Returns
    -------
    torch.Tensor
        (row, neuroid), float64.
    """
    average = means.mean(dim=0)
    _, strengths, patterns = torch.linalg.svd(means - average, full_matrices=False)
    rank = min(len(means) - 1, means.shape[1])  # centring takes one dimension away
    columns = torch.from_numpy(generator.standard_normal((len(means), rank)))
    columns, triangle = torch.linalg.qr(columns - columns.mean(dim=0))
    columns *= triangle.diagonal().sign()  # else the signs are LAPACK's, not random
    return columns * strengths[:rank] @ patterns[:rank] + average


def exchange_means(measured: Measured, generator: np.random.Generator) -> Measured:
    """Exchange the mean responses of the recordings for matched ones and keep their trial noise.

    A presentation becomes (response - mean of its row + matched mean of its row). The deviations
    of the presentations from the mean of their row are the recordings' own, and their average is
    0, so that the mean over repetitions is the matched mean exactly. The recorded mean holds its
    share of noise, and so does the matched one, which has the same covariance: nothing is to be
    taken from it. Half means are mean + e and mean - e before and after, with the same e, and so
    the sites' reliabilities differ only by the chance correlation of e with the means.
    """
    indexed = index_parts(measured.parts, measured.shown)
    means = torch.cat([average_repetitions(repetitions) for repetitions in indexed], dim=1)
    difference = draw_matched(means, generator) - means
    sites = [repetitions.responses.shape[1] for repetitions in indexed]
    parts = []
    for part, repetitions, shift in zip(
        measured.parts, indexed, difference.split(sites, dim=1), strict=True
    ):
        responses = repetitions.responses + shift[repetitions.row[repetitions.stimulus]]
        parts.append(part.copy(data=responses.numpy().astype(np.float32)))
    return replace(measured, parts=tuple(parts))


def build_matched_regions(
    sources: dict[str, Source], options: TeacherOptions
) -> dict[str, xr.Dataset]:
    """Build a region of matched responses for each recorded one, with the same reliable sites."""
    return {name: _build_matched(name, source, options) for name, source in sources.items()}


def _build_matched(name: str, source: Source, options: TeacherOptions) -> xr.Dataset:
    published = find_published(source)
    if published is not None:
        refuse_published(name, source, published, options)
    recorded = load_measured(name, source, options)
    generator = derive_generator(
        options.seed, "teacher", name, "matched", options.get_control().seed
    )
    matched = exchange_means(recorded, generator)
    if recorded.repeated:  # of stimuli that the control leaves as they are
        reliability = recorded.site_reliability
    else:
        # of the exchanged responses, not what was published of the recorded ones
        exchanged = tuple(
            part.drop_vars(SITE_RELIABILITY, errors="ignore") for part in matched.parts
        )
        reliability = np.concatenate(calc_reliability(exchanged, name, options))
    region = build_measured_region(
        name,
        replace(matched, site_reliability=reliability),
        options,
        dataset=source.dataset,
        recorded_reliability=calc_ceilings(name, recorded, options)[0].reliability,
        recorded_site_reliability=float(np.mean(recorded.site_reliability)),
        matched_site_reliability=float(np.mean(reliability)),
    )
    attrs = region.attrs
    kind = "simulated" if attrs["simulated"] else "recorded"
    attrs["description"] = f"random responses with the covariance and noise of {kind} sites"
    if np.isfinite(attrs["matched_site_reliability"]):
        attrs["description"] += (
            f", site reliability {attrs['matched_site_reliability']:.3f} for their "
            f"{attrs['recorded_site_reliability']:.3f}"
        )
    return region


Regions = dict[str, xr.Dataset]
Report = Callable[[str], None]


def build_control_regions(sources: dict[str, Source], options: TeacherOptions) -> Regions:
    """Build the regions of a control, which says of itself in every output that it is one.

    Parameters
    ----------
    sources
        Region to its data set.
    options
        See `TeacherOptions`; ``options.control`` is given.
    """
    regions = CONTROLS[options.get_control().type](sources, options)
    for region in regions.values():
        what = region.attrs.get("description", "")
        region.attrs["description"] = ": ".join(
            filter(None, (f"control {options.get_control().type}", what))
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
            options.seed, "teacher", "shuffled", options.get_control().seed, stimuli
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


def _build_network_regions(sources: dict[str, Source], options: TeacherOptions) -> Regions:
    # torchvision, which recordings do without
    from tgas_neuro.teacher.network.network import build_network_regions

    return build_network_regions(sources, options)


def _build_random_network(sources: dict[str, Source], options: TeacherOptions) -> Regions:
    """A network that has not learned anything."""
    return _build_network_regions(
        sources,
        replace(options, network=options.get_network().model_copy(update={"weights": None})),
    )


CONTROLS: dict[str, Callable[[dict[str, Source], TeacherOptions], Regions]] = {
    "shuffled": _build_shuffled,
    "matched": build_matched_regions,
    "pixels": _build_pixels,
    "random_network": _build_random_network,
}


KINDS: dict[str, Callable[[dict[str, Source], TeacherOptions], Regions]] = {
    "recordings": build_recordings_regions,
    "network": _build_network_regions,
    "control": build_control_regions,
}


def build_teacher(
    sources: dict[str, Source],
    options: TeacherOptions,
    provenance: dict[str, Any],
    report: Report = print,
) -> Teacher:
    """Build a teacher.

    Parameters
    ----------
    sources
        Region to where it comes from.
    options
        See `TeacherOptions`.
    provenance
        Kept with the teacher, with the digest of a local file of weights.
    report
        Receives a line per region.

    Raises
    ------
    UserError
        Something asked for is not there or does not fit, or a region has no noise ceiling and is
        not named in ``teacher.uncorrected``.
    """
    check_choice("teacher.kind", options.kind, KINDS)
    with computing_with(options.threads):  # the last digits depend on it
        regions = KINDS[options.kind](sources, options)
    return finish_teacher(regions, options, provenance, report)


def finish_teacher(
    regions: Regions, options: TeacherOptions, provenance: dict[str, Any], report: Report
) -> Teacher:
    """Add to built regions what all kinds have, as `build_teacher` does."""
    for name, region in regions.items():
        region.attrs["kind"] = options.kind
        region.attrs["title"] = _build_title(options)
        add_site_ceilings(region, options)
        decide_correction(name, region, options)
        report(describe_region(name, region))
        for note in filter(None, str(region.attrs.get("notes", "")).split("\n")):
            report(f"Note: {note}")
    return Teacher(regions, provenance | _describe_weights(options))


def _build_title(options: TeacherOptions) -> str:
    """What a picture calls the teacher beside the region's name."""
    if options.kind == "control":
        return f"control {options.get_control().type}"
    return f"network {options.get_network().model}" if options.kind == "network" else ""


def _describe_weights(options: TeacherOptions) -> dict[str, Any]:
    path = find_weights(options.network.weights) if options.network else None
    return {"weights": {"path": str(path), "sha256": calc_sha256(path)}} if path else {}
