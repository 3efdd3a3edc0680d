"""A teacher from recordings: filtered, normalised sites, their RDM, its ceiling, crossed halves."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import xarray as xr

from tgas_neuro.errors import UserError
from tgas_neuro.rdm import NoiseCeiling, calc_noise_ceiling, calc_rdm, calc_site_reliability
from tgas_neuro.rdm.repetitions import average_repetitions, index_repetitions, standardise_sites
from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.published_rdms import load_rdms
from tgas_neuro.recordings.stimuli import load_stimuli, validate_images
from tgas_neuro.seeds import derive_generator
from tgas_neuro.teacher.rows import Rows, build_rows, draw_crossed_halves
from tgas_neuro.teacher.selection import build_region_error, select_region
from tgas_neuro.teacher.stimuli import show_stimuli
from tgas_neuro.teacher.teacher import Teacher

MIN_CEILING = 0.3  # below, dividing by it would magnify noise more than correct for it
SUBSETS = ("all", "half_0", "half_1")


@dataclass(frozen=True)
class TeacherOptions:
    """What determines a teacher besides its recordings: the keys of config.yaml of these names."""

    level: str
    splits: int
    uncorrected: tuple[str, ...]
    size: int
    visual_degrees: float
    min_site_reliability: float
    normalise: str
    threads: int
    seed: int


def read_options(config: dict[str, Any], seed: int) -> TeacherOptions:
    """The options that the sections ``recordings`` and ``teacher`` of a configuration name."""
    recordings, teacher = config["recordings"], config["teacher"]
    return TeacherOptions(
        level=teacher["level"],
        splits=teacher["splits"],
        uncorrected=tuple(teacher["uncorrected"]),
        **teacher["stimuli"],
        min_site_reliability=recordings["min_site_reliability"],
        normalise=recordings["normalise"],
        threads=teacher["threads"],
        seed=seed,
    )


def build_recordings_teacher(
    folders: dict[str, Path],
    selections: dict[str, dict[str, list]],
    options: TeacherOptions,
    provenance: dict[str, Any],
    report: Callable[[str], None] = print,
) -> Teacher:
    """Build a teacher from the folders that the recordings stage wrote.

    Parameters
    ----------
    folders
        Region to ``results/recordings/<dataset>``.
    selections
        Region to what is selected from its data set: ``variation`` and ``animal`` to values.
    options
        See `TeacherOptions`.
    provenance
        Kept with the teacher.
    report
        Receives a line per region.

    Raises
    ------
    UserError
        A region is not in its recordings, has no reliable site, or has no ceiling and is not
        named in ``teacher.uncorrected``.
    """
    torch.set_num_threads(options.threads)  # the last digits depend on it
    regions = {}
    for name, folder in folders.items():
        build = _build_measured if (folder / "assembly.nc").is_file() else _build_published
        region = build(name, folder, selections.get(name, {}), options)
        _decide_correction(name, region, options)
        regions[name] = region
        report(describe_region(name, region))
    return Teacher(regions, provenance)


def describe_region(name: str, region: xr.Dataset) -> str:
    """One line: what was measured, how reliable it is, and whether it is corrected for noise."""
    attrs = region.attrs
    kind = "simulated" if attrs["simulated"] else "recorded"
    text = (
        f"teacher region {name} ({kind}, data set {attrs['dataset']}): {region.sizes['stimulus']} "
        f"stimuli, {attrs['n_sites']} of {attrs['n_sites_measured']} sites"
    )
    if np.isfinite(attrs["ceiling"]):
        text += (
            f", split-half r {attrs['split_half']:.3f}, reliability {attrs['reliability']:.3f}, "
            f"ceiling {attrs['ceiling']:.3f}"
        )
    return text if attrs["corrected_for_noise"] else f"{text}; used without a ceiling"


def _build_measured(
    name: str, folder: Path, select: dict[str, list], options: TeacherOptions
) -> xr.Dataset:
    stimuli = load_stimuli(folder / "stimuli.csv")
    assembly, stimuli = select_region(
        load_assembly(folder / "assembly.nc"), stimuli, name, select, str(folder)
    )
    rows = build_rows(stimuli, options.level, str(folder))
    measured = assembly.sizes["neuroid"]
    assembly, reliability = _filter_sites(assembly, name, options)
    half = draw_crossed_halves(
        rows.categories, derive_generator(options.seed, "teacher", name, "halves")
    )
    repetitions = index_repetitions(assembly, stimuli["stimulus_id"].to_numpy(), rows.of_stimulus)
    responses = standardise_sites(average_repetitions(repetitions), options.normalise)
    ceilings = calc_noise_ceiling(
        assembly,
        options.splits,
        derive_generator(options.seed, "teacher", name, "splits"),
        stimulus_ids=stimuli["stimulus_id"].to_numpy(),
        row=rows.of_stimulus,
        normalise=options.normalise,
        halves=half,
    )
    rdm = _check_rdm(calc_rdm(responses).numpy(), name, rows)
    region = _build_region(stimuli, folder, rows, half, rdm, options)
    region["responses"] = (("row_name", "neuroid"), responses.numpy().astype(np.float32))
    region["neuroid_id"] = ("neuroid", assembly["neuroid_id"].values.astype(str))
    region["animal"] = ("neuroid", assembly["animal"].values.astype(str))
    region["site_reliability"] = ("neuroid", reliability)
    counts = repetitions.counts.numpy()
    region.attrs |= {
        **_describe_ceilings(region, ceilings),
        "dataset": assembly.attrs["dataset"],
        "simulated": int(bool(assembly.attrs.get("simulated", 0))),
        "stimuli_digest": assembly.attrs["stimuli_digest"],
        "n_sites": assembly.sizes["neuroid"],
        "n_sites_measured": measured,
        "repetitions_min": int(counts.min()),
        "repetitions_median": float(np.median(counts)),
        "repetitions_max": int(counts.max()),
    }
    return region


def _build_published(
    name: str, folder: Path, select: dict[str, list], options: TeacherOptions
) -> xr.Dataset:
    stimuli = load_stimuli(folder / "stimuli.csv")
    published = load_rdms(folder / "rdm.nc")
    dataset = published.attrs["dataset"]
    if options.level != "image":
        raise UserError(
            f"teacher.level: {options.level!r} needs responses, but of {dataset} (region {name}) "
            "only an RDM was published; use level: image"
        )
    if select:
        raise UserError(
            f"recordings.regions.{name}.select: of {dataset} only an RDM was published, so "
            "nothing can be selected; remove the key"
        )
    regions = published["region"].values.astype(str)
    if name not in regions:
        raise build_region_error(name, regions, str(folder))
    rows = build_rows(stimuli, "image", str(folder))
    half = draw_crossed_halves(
        rows.categories, derive_generator(options.seed, "teacher", name, "halves")
    )
    rdm = published["rdm"].values[list(regions).index(name)]
    region = _build_region(stimuli, folder, rows, half, _check_rdm(rdm, name, rows), options)
    nothing = NoiseCeiling(np.full(options.splits, np.nan), 0)
    n_sites = int(published.attrs.get("n_sites", 0))
    region.attrs |= {
        **_describe_ceilings(region, (nothing, nothing, nothing)),
        "dataset": dataset,
        "simulated": 0,
        "stimuli_digest": published.attrs["stimuli_digest"],
        "n_sites": n_sites,
        "n_sites_measured": n_sites,
    }
    return region


def _filter_sites(
    assembly: xr.DataArray, name: str, options: TeacherOptions
) -> tuple[xr.DataArray, np.ndarray]:
    """Keep the sites that repeat themselves; all of them where nothing was repeated."""
    reliability = calc_site_reliability(
        assembly, options.splits, derive_generator(options.seed, "teacher", name, "sites")
    )
    if np.isnan(reliability).all():
        return assembly, reliability
    keep = np.nan_to_num(reliability, nan=-1.0) >= options.min_site_reliability
    if not keep.any():
        raise UserError(
            f"recordings.min_site_reliability: {options.min_site_reliability} leaves no site of "
            f"region {name}; the best of {len(keep)} has {np.nanmax(reliability):.3f}: lower it"
        )
    return assembly.isel(neuroid=np.flatnonzero(keep)), reliability[keep]


def _check_rdm(rdm: np.ndarray, name: str, rows: Rows) -> np.ndarray:
    if np.isnan(rdm).any():
        raise UserError(
            f"region {name}: the responses to a stimulus do not vary over sites, so that its "
            f"dissimilarities are not defined; there are {len(rows.names)} rows: use more sites "
            "(lower recordings.min_site_reliability) or leave the stimulus out"
        )
    return rdm


def _build_region(
    stimuli: pd.DataFrame,
    folder: Path,
    rows: Rows,
    half: np.ndarray,
    rdm: np.ndarray,
    options: TeacherOptions,
) -> xr.Dataset:
    validate_images(stimuli, folder / "stimuli")
    images = show_stimuli(stimuli, folder / "stimuli", options.size, options.visual_degrees)
    return xr.Dataset(
        {
            "images": (("stimulus", "y", "x", "rgb"), images),
            "row": ("stimulus", rows.of_stimulus),
            "category_name": ("row_name", rows.categories),
            "half": ("row_name", half),
            "rdm": ("pair", rdm.astype(np.float32)),
        },
        coords={
            "stimulus": stimuli["stimulus_id"].to_numpy(dtype=str),
            "row_name": rows.names,
        },
        attrs={
            "level": options.level,
            "normalise": options.normalise,
            "visual_degrees": options.visual_degrees,
            "min_site_reliability": options.min_site_reliability,
        },
    )


def _describe_ceilings(region: xr.Dataset, ceilings: tuple[NoiseCeiling, ...]) -> dict[str, Any]:
    region["split_correlations"] = (
        ("subset", "split"),
        np.stack([ceiling.split_correlations for ceiling in ceilings]),
    )
    region["subset"] = list(SUBSETS)
    whole, half_0, half_1 = (
        np.nan if ceiling.ceiling is None else ceiling.ceiling for ceiling in ceilings
    )
    return {
        "ceiling": whole,
        "ceiling_half_0": half_0,
        "ceiling_half_1": half_1,
        "split_half": ceilings[0].split_half,
        "reliability": ceilings[0].reliability,
        "n_splits": len(ceilings[0].split_correlations),
    }


def _decide_correction(name: str, region: xr.Dataset, options: TeacherOptions) -> None:
    """Mark a region as corrected for noise, or as used without a ceiling because it is named so."""
    attrs = region.attrs
    attrs["corrected_for_noise"] = int(name not in options.uncorrected)
    if name in options.uncorrected:
        return
    ceilings = [attrs["ceiling"], attrs["ceiling_half_0"], attrs["ceiling_half_1"]]
    if all(np.isfinite(value) and value >= MIN_CEILING for value in ceilings):
        return
    if np.isnan(attrs["split_half"]):
        reason = f"{attrs['dataset']} has no repetitions that could be split"
    else:
        reason = (
            f"its split-half r is {attrs['split_half']:.3f} and the ceilings of the RDM and its "
            f"crossed halves are {', '.join(f'{value:.2f}' for value in ceilings)}, at least "
            f"{MIN_CEILING} each is needed"
        )
    raise UserError(
        f"teacher.uncorrected: region {name} has no noise ceiling: {reason}; add {name} to "
        "teacher.uncorrected to use its similarity as measured, or take other recordings"
    )
