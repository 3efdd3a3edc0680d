"""From the files of all stages to `best_cell.json`: which of their contents go in."""

from pathlib import Path
from typing import Any

import numpy as np

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.result.best_cell import build_best_cell
from tgas_neuro.final.result.plugin import write_plugin
from tgas_neuro.runtime.provenance import list_versions
from tgas_neuro.teacher.teacher import Teacher


def make_best_cell(
    best: dict[str, Any],
    teacher: Teacher,
    metrics: dict[str, Any],
    final_guidance: dict[str, Any],
    config: dict[str, Any],
    names: dict[str, str],
    digests: dict[str, str],
    files: dict[str, str],
) -> dict[str, Any]:
    """Make the content of `best_cell.json`.

    Parameters
    ----------
    best
        Content of ``best.json`` of the search.
    teacher
        The teacher that guided it.
    metrics
        Content of ``metrics.json`` of the final training.
    final_guidance
        Content of ``teacher_guidance.json``, the final network compared with the teacher.
    config
        The whole configuration.
    names
        Folders of the results, ``teacher``, ``search`` and ``final``.
    digests
        SHA-256 of the configuration of each stage.
    files
        What to where it lies: ``best``, ``teacher``, ``metrics``, ``weights``, ``log``,
        ``picture``, ``curve``, ``brainscore``, ``teacher_guidance``.
    """
    provenance = {
        "run": names["search"],
        "digests": {f"{stage}_configuration": digest for stage, digest in digests.items()}
        | {
            f"stimuli_{name}": region.attrs["stimuli_digest"]
            for name, region in teacher.regions.items()
        },
        "versions": list_versions(),
    }
    summary = {
        "name": names["teacher"],
        "kind": config["teacher"]["kind"],
        "level": config["teacher"]["level"],
        "regions": {
            name: {
                "description": str(region.attrs["description"]),
                "datasets": str(region.attrs["dataset"]).split(", "),
                "simulated": bool(region.attrs["simulated"]),
                "n_sites": int(region.attrs["n_sites"]),
                "n_stimuli": region.sizes["stimulus"],
                "reliability": _keep_finite(region.attrs["reliability"]),
                "ceiling": _keep_finite(region.attrs["ceiling"]),
            }
            for name, region in teacher.regions.items()
        },
    }
    dated = best | {"dates": best["record"]["dates"]}
    return build_best_cell(dated, summary, metrics, config, provenance, final_guidance, files)


def write_best_plugin(
    folder: str | Path, identifier: str, result: dict[str, Any], weights: str | Path
) -> None:
    """Write the Brain-Score plugin of a finished run (see `write_plugin`).

    Parameters
    ----------
    folder, identifier
        Where, and its name.
    result
        Content of ``best_cell.json``.
    weights
        Those of the final network.
    """
    regions = result["final"]["teacher"]["regions"]
    write_plugin(
        folder,
        identifier,
        result["genotype"],
        Skeleton(**result["final"]["network"]),
        {name: region["layer"] for name, region in regions.items() if region["layer"] is not None},
        result["configuration"]["teacher"]["stimuli"]["visual_degrees"],
        weights,
        {key: result[key] for key in ("note", "simulated_or_toy")}
        | {key: result["final"][key] for key in ("top1", "dataset")},
    )


def _keep_finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
