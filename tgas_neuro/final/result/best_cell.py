"""`best_cell.json`: the best cell, how it was found, how good it is, what that can show."""

import math
from pathlib import Path
from typing import Any

import yaml

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.text import describe_genotype
from tgas_neuro.config.schema_validator import Draft202012Validator
from tgas_neuro.final.result.note import build_note, list_simulated_or_toy
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json

SCHEMA = Path(__file__).parents[3] / "workflow" / "schemas" / "best_cell.schema.yaml"

LEADERS = 10

PREMATURE = ("accuracy", "loss", "epochs", "n_train", "n_held_back")
FINAL = (
    "top1",
    "top5",
    "top1_interval",
    "loss",
    "n_images",
    "n_train_images",
    "n_classes",
    "params",
    "macs",
    "epochs",
    "network",
    "evaluated",
    "best",
)
NAMES = {"imagenet": "ImageNet (ILSVRC2012)", "tiny_imagenet": "Tiny-ImageNet"}
ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")


def build_best_cell(
    best: dict,
    teacher: dict,
    final_metrics: dict,
    config: dict,
    provenance: dict,
    final_guidance: dict,
    files: dict[str, str],
) -> dict:
    """Put together what `best_cell.json` holds.

    Parameters
    ----------
    best
        What the search wrote. Read: ``id``, ``hash``, ``genotype``, ``reward``,
        ``record.premature`` and ``record.teacher`` (``TG``, a number or one for each layer
        choice, and for each region ``corrected_for_noise``, ``crossed``, ``paper``),
        ``leaderboard``, ``states``; where there, ``cost``, ``dates``.
    teacher
        Read: ``name``, ``kind``, ``regions`` and, for each, ``ceiling`` and ``reliability``
        (Spearman-Brown; both None or NaN without repetitions), ``n_sites``, ``n_stimuli``; where
        there, ``simulated`` (of the teacher or of a region), ``datasets`` or ``dataset`` (else
        those of the configuration), ``level``.
    final_metrics
        What `train_final` returned.
    config
        The whole configuration. Read: ``search`` (``guidance``, ``alpha``, ``strategy``,
        ``space``, ``generations``, ``candidates``, ``seed``, ``layer_choice``), ``final.data``,
        ``final.target``, ``recordings.regions``; all of it is kept under ``configuration``.
    provenance
        Read: ``run`` (the name of the search), ``digests``, ``versions``; where there, ``dates``.
    final_guidance
        Of the final network, what `measure_teacher_guidance` returned.
    files
        What to the path where it lies, relative to the folder of the run.

    Returns
    -------
    dict
        As `workflow/schemas/best_cell.schema.yaml` describes it.
    """
    search, record = config["search"], best["record"]
    content = {
        "genotype": best["genotype"],
        "drawing": {
            "picture": files["picture"],
            "text": describe_genotype(read_genotype(best["genotype"])),
        },
        "hash": best["hash"],
        "id": str(best["id"]),
        "reward": best["reward"],
        "guidance": search.get("guidance", "p_plus_tg"),
        "alpha": search["alpha"],
        "premature": {key: record["premature"].get(key) for key in PREMATURE},
        "teacher": _describe_teacher(teacher, record["teacher"], config),
        "final": _describe_final(final_metrics, config, files["metrics"])
        | {"teacher": _describe_guidance(final_guidance, search.get("layer_choice", "crossed"))},
        "leaderboard": best["leaderboard"][:LEADERS],
        "search": {
            "name": provenance["run"],
            **{key: search[key] for key in ("strategy", "space", "generations", "candidates")},
            "evaluated": sum(best["states"].values()),
            "states": best["states"],
            "seed": search["seed"],
        },
        "configuration": config,
        "digests": provenance["digests"] | final_metrics.get("digests", {}),
        "versions": provenance["versions"],
        "files": files,
        "cost": {"search": best.get("cost", {}), "final": final_metrics["cost"]},
        "dates": {
            "search": best.get("dates", {}),
            "final": final_metrics.get("dates", {}),
            **provenance.get("dates", {}),
        },
    }
    return {
        "simulated_or_toy": list_simulated_or_toy(content),
        "note": build_note(content),
        **content,
    }


def write_best_cell(path: str | Path, content: dict, schema: str | Path = SCHEMA) -> None:
    """Check `content` against its schema and write it as JSON, whole or not at all.

    Raises
    ------
    UserError
        Naming the key that is wrong, and how.
    """
    validate_best_cell(content, schema)
    write_json(path, content)


def validate_best_cell(content: Any, schema: str | Path = SCHEMA) -> None:
    """Raise `UserError` for the first key of `content` that does not fit the schema."""
    try:
        rules = yaml.safe_load(Path(schema).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{schema}: no such file; run inside the project's folder, where it belongs"
        ) from None
    found = Draft202012Validator(rules).iter_errors(content)
    for error in sorted(found, key=lambda error: list(map(str, error.absolute_path))):
        key = ".".join(map(str, error.absolute_path)) or "best_cell.json"
        what = error.message if len(error.message) < 300 else error.message[:300] + " ..."
        raise UserError(f"best_cell.json: {key}: {what}")


def _describe_teacher(teacher: dict, measured: dict, config: dict) -> dict:
    names = list(measured["regions"])
    missing = [name for name in names if name not in teacher["regions"]]
    if missing:
        raise UserError(
            f"teacher: region {missing[0]!r} of the best candidate is not among its regions: "
            f"{', '.join(teacher['regions'])}; the search was run with another teacher"
        )
    layer_choice = config["search"].get("layer_choice", "crossed")
    guidance = measured["TG"]
    return {
        "name": teacher["name"],
        "kind": teacher["kind"],
        "simulated": _is_simulated(teacher),
        "level": teacher.get("level"),
        "TG": guidance[layer_choice] if isinstance(guidance, dict) else guidance,
        "layer_choice": layer_choice,
        "regions": {
            name: _describe_region(
                teacher["regions"][name],
                measured["regions"][name],
                _list_datasets(name, teacher["regions"][name], config),
                layer_choice,
            )
            for name in names
        },
    }


def _is_simulated(teacher: dict) -> bool:
    regions = teacher["regions"].values()
    return bool(teacher.get("simulated")) or any(region.get("simulated") for region in regions)


def _list_datasets(name: str, region: dict, config: dict) -> list[str]:
    if "datasets" in region:
        return list(region["datasets"])
    if "dataset" in region:
        return [region["dataset"]]
    return list(config.get("recordings", {}).get("regions", {}).get(name, {}).get("datasets", []))


def _describe_region(region: dict, measured: dict, datasets: list[str], layer_choice: str) -> dict:
    chosen = measured[layer_choice]
    return {
        "datasets": datasets,
        "simulated": bool(region.get("simulated")),
        "description": region["description"],
        **{key: region.get(key) for key in ("n_sites", "n_stimuli")},
        **{key: _keep_finite(region.get(key)) for key in ("reliability", "ceiling")},
        "corrected": measured["corrected_for_noise"],
        "crossed": measured.get("crossed"),
        "paper": measured.get("paper"),
        "TG": chosen["corrected"],
        "layer": measured["paper"]["layer"],
    }


def _describe_guidance(measured: dict, layer_choice: str) -> dict:
    return {
        "TG": measured["TG"][layer_choice],
        "regions": {
            name: {
                "crossed": region["crossed"],
                "paper": region["paper"],
                "TG": region[layer_choice] and region[layer_choice]["corrected"],
                "layer": region["paper"] and region["paper"]["layer"],
            }
            for name, region in measured["regions"].items()
        },
    }


def _keep_finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _describe_final(metrics: dict, config: dict, path: str) -> dict:
    data = config["final"]["data"]
    return {
        "dataset": name_images(data),
        "data": data,
        "simulated": data.get("kind") == "simulated",
        "target": config["final"].get("target"),
        **{key: metrics[key] for key in FINAL},
        "per_class": path,
    }


def name_images(data: dict[str, Any]) -> str:
    """The name of a classification data set: of its folder or archive, where it has no other."""
    if data["kind"] in NAMES:
        return NAMES[data["kind"]]
    path = data.get("path") or data.get("root")
    if path is None:
        return "simulated objects"
    name = Path(path).name
    return next((name.removesuffix(end) for end in ARCHIVES if name.endswith(end)), name)
