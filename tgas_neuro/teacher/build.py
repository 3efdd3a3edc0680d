"""Build a teacher of any kind, region by region."""

from collections.abc import Callable
from typing import Any

import xarray as xr

from tgas_neuro.runtime.devices import computing_with
from tgas_neuro.runtime.errors import check_choice
from tgas_neuro.runtime.files import calc_sha256
from tgas_neuro.teacher.controls import build_control_regions
from tgas_neuro.teacher.network.network import build_network_regions
from tgas_neuro.teacher.options import Source, TeacherOptions, find_weights
from tgas_neuro.teacher.recorded.recordings import build_recordings_regions
from tgas_neuro.teacher.region import decide_correction, describe_region
from tgas_neuro.teacher.teacher import Teacher

KINDS: dict[str, Callable[[dict[str, Source], TeacherOptions], dict[str, xr.Dataset]]] = {
    "recordings": build_recordings_regions,
    "network": build_network_regions,
    "control": build_control_regions,
}


def build_teacher(
    sources: dict[str, Source],
    options: TeacherOptions,
    provenance: dict[str, Any],
    report: Callable[[str], None] = print,
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
    for name, region in regions.items():
        region.attrs["kind"] = options.kind
        region.attrs["title"] = _build_title(options)
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
