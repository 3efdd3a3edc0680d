"""From the files of all stages to `best_cell.json`: which of their contents go in."""

from pathlib import Path
from typing import Any

import numpy as np

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.best_cell import build_best_cell
from tgas_neuro.final.commitment import commit_layers, name_module
from tgas_neuro.final.plugin import write_plugin
from tgas_neuro.provenance import list_versions
from tgas_neuro.teacher.teacher import Teacher


def make_best_cell(
    best: dict[str, Any],
    teacher: Teacher,
    metrics: dict[str, Any],
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
    config
        The whole configuration.
    names
        Folders of the results, ``teacher``, ``search`` and ``final``.
    digests
        SHA-256 of the configuration of each stage.
    files
        What to where it lies: ``best``, ``teacher``, ``metrics``, ``weights``, ``log``,
        ``picture``, ``curve``, ``brainscore``.
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
    committed = commit_modules(best, config, Skeleton(**metrics["network"]))
    return build_best_cell(dated, summary, metrics, config, provenance, committed, files)


def commit_modules(
    best: dict[str, Any], config: dict[str, Any], skeleton: Skeleton
) -> dict[str, str]:
    """Region to the module of the final network that stands for it (see `commit_layers`).

    Parameters
    ----------
    best, config
        As for `make_best_cell`.
    skeleton
        Of the final network.
    """
    genotype, premature = read_genotype(best["genotype"]), config["premature"]
    searched = Skeleton(
        **premature["network"],
        n_classes=skeleton.n_classes,
        image_size=premature["image_size"],
    )
    layers = commit_layers(best["record"]["teacher"]["regions"], genotype, searched, skeleton)
    return {region: name_module(genotype, layer) for region, layer in layers.items()}


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
    regions = result["teacher"]["regions"]
    write_plugin(
        folder,
        identifier,
        result["genotype"],
        Skeleton(**result["final"]["network"]),
        {name: region["final_layer"] for name, region in regions.items()},
        result["configuration"]["teacher"]["stimuli"]["visual_degrees"],
        weights,
        {key: result[key] for key in ("note", "simulated_or_toy")}
        | {key: result["final"][key] for key in ("top1", "dataset")},
    )


def _keep_finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
