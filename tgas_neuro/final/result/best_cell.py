"""From the files of all stages to `best_cell.json`, with a note on what its numbers can show."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from tgas_neuro.architecture.spaces import describe_genotype, read_genotype
from tgas_neuro.config.configuration import Configuration
from tgas_neuro.config.premature import FinalImages, ImageFolder
from tgas_neuro.config.section import dump_section
from tgas_neuro.final.result.content import BestCell, Final, Part, Premature, TeacherPart
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.provenance import list_versions
from tgas_neuro.scoring.layers import LayerChoice, RegionScore, Score, get_guidance, get_similarity
from tgas_neuro.search.records import Best
from tgas_neuro.search.rewards import describe_basis

if TYPE_CHECKING:  # they load torch or xarray
    from tgas_neuro.final.evaluation.teacher_guidance import FinalGuidance
    from tgas_neuro.final.training.training import FinalMetrics
    from tgas_neuro.teacher.teacher import Teacher

Checked = TypeVar("Checked", bound=Part)

LEADERS = 10
NAMES = {
    "simulated": "simulated objects",
    "imagenet": "ImageNet (ILSVRC2012)",
    "tiny_imagenet": "Tiny-ImageNet",
}
NO_BRAIN = dict(
    network="a network, not a brain", control="a control, made to guide without any brain"
)
ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")
# A training split with fewer images is a toy: CIFAR-10's, the smallest one with which papers of
# the field report final accuracies, has as many.
SERIOUS = 50_000
# A search of fewer candidates says little about the space, whatever its result.
FEW_CANDIDATES = 100


def make_best_cell(
    best: Best,
    teacher: "Teacher",
    metrics: "FinalMetrics",
    guidance: "FinalGuidance",
    config: Configuration,
    names: dict[str, str],
    digests: dict[str, str],
    files: dict[str, str],
    chain: str | None = None,
) -> BestCell:
    """Make the content of `best_cell.json`.

    Parameters
    ----------
    best
        Content of ``best.json`` of the search.
    teacher
        The teacher that guided it.
    metrics
        Content of ``metrics.json`` of the final training.
    guidance
        Content of ``teacher_guidance.json``, the final network compared with the teacher.
    config
        The whole configuration.
    names
        Folders of the results, ``teacher``, ``search`` and ``final``.
    digests
        SHA-256 of the configuration of each stage.
    files
        From the keys of `Files` to their paths.
    chain
        Root of the chain of digests (see `tgas_neuro.runtime.ledger`), if it is known.

    Raises
    ------
    UserError
        The best candidate was compared with another teacher; or a value is not as `BestCell`
        describes it.
    """
    record, search, data = best["record"], config.search, config.final.data
    layer_choice = best["layer_choice"]
    premature, score = record["premature"], record["teacher"]
    assert premature is not None and score is not None  # a failed candidate never wins
    searched_simulated = config.premature.data.kind == "simulated"
    teacher_part = check_part(
        TeacherPart,
        {
            "name": names["teacher"],
            "kind": config.teacher.kind,
            "level": config.teacher.level,
            **_describe_teacher(teacher, score, layer_choice),
        },
        "teacher",
    )
    final_part = check_part(
        Final,
        {
            "dataset": name_images(data),
            "data": dump_section(data),
            "simulated": data.kind == "simulated",
            "target": config.final.target and dump_section(config.final.target),
            **{key: value for key, value in metrics.items() if key in Final.model_fields},
            "per_class": files["metrics"],
            "teacher": {
                "TG": get_guidance(guidance, layer_choice),
                "regions": {
                    name: _describe_similarity(region, layer_choice)
                    for name, region in guidance["regions"].items()
                },
            },
        },
        "final",
    )
    evaluated = sum(best["states"].values())
    content = {
        **{key: value for key, value in best.items() if key in BestCell.model_fields},
        "simulated_or_toy": list_simulated_or_toy(teacher_part, final_part, searched_simulated),
        "note": build_note(teacher_part, final_part, searched_simulated, evaluated),
        "drawing": {
            "picture": files["picture"],
            "text": describe_genotype(read_genotype(best["genotype"])),
        },
        "reward_basis": describe_basis(best),
        "premature": {k: value for k, value in premature.items() if k in Premature.model_fields},
        "teacher": teacher_part,
        "final": final_part,
        "leaderboard": best["leaderboard"][:LEADERS],
        "search": {
            "name": names["search"],
            "strategy": search.strategy,
            "space": search.space,
            "generations": search.generations,
            "candidates": search.candidates,
            "evaluated": evaluated,
            "states": best["states"],
            "seed": search.seed,
        },
        "configuration": dump_section(config),
        "digests": {f"{stage}_configuration": digest for stage, digest in digests.items()}
        | {
            f"stimuli_{name}": region.attrs["stimuli_digest"]
            for name, region in teacher.regions.items()
        }
        | metrics["digests"]
        | ({"chain": chain} if chain else {}),
        "versions": list_versions(),
        "files": files,
        "cost": {"search": best["cost"], "final": metrics["cost"]},
        "dates": {"search": record["dates"], "final": metrics["dates"]},
    }
    return check_part(BestCell, content)


def check_part(model: type[Checked], content: Any, place: str = "") -> Checked:
    """Validate the content of ``best_cell.json``, or of the part of it at `place`.

    Raises
    ------
    UserError
        The first key that is wrong, its value, and what is expected.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        key = ".".join(map(str, ([place] if place else []) + list(found["loc"]))) or "the file"
        value = "" if found["type"] == "missing" else f"{found['input']!r:.200}; "
        raise UserError(f"best_cell.json: {key}: {value}{found['msg']}") from None


def write_best_cell(path: str | Path, content: BestCell) -> None:
    """Write the result as JSON, whole or not at all."""
    write_json(path, content.model_dump(mode="json"))


def _describe_teacher(
    teacher: "Teacher", measured: Score, layer_choice: LayerChoice
) -> dict[str, Any]:
    missing = [name for name in measured["regions"] if name not in teacher.regions]
    if missing:
        raise UserError(
            f"teacher: region {missing[0]!r} of the best candidate is not among its regions: "
            f"{', '.join(teacher.regions)}; the search was run with another teacher"
        )
    found = {name: teacher.regions[name] for name in measured["regions"]}
    return {
        "simulated": any(bool(region.attrs["simulated"]) for region in found.values()),
        "TG": get_guidance(measured, layer_choice),
        "layer_choice": layer_choice,
        "regions": {
            name: {
                "datasets": str(region.attrs["dataset"]).split(", "),
                "simulated": bool(region.attrs["simulated"]),
                "description": str(region.attrs["description"]),
                "n_sites": int(region.attrs["n_sites"]),
                "n_stimuli": region.sizes["stimulus"],
                "reliability": _keep_finite(region.attrs["reliability"]),
                "ceiling": _keep_finite(region.attrs["ceiling"]),
                "ceiling_from": region.attrs.get("ceiling_from"),
                "corrected": measured["regions"][name]["corrected_for_noise"],
                **_describe_similarity(measured["regions"][name], layer_choice),
            }
            for name, region in found.items()
        },
    }


def _describe_similarity(region: RegionScore, layer_choice: LayerChoice) -> dict[str, Any]:
    paper, chosen = region["paper"], get_similarity(region, layer_choice)
    return {
        "crossed": region["crossed"],
        "paper": paper,
        **({"mean": chosen} if layer_choice == "mean" else {}),
        "TG": chosen and chosen["corrected"],
        "layer": paper and paper["layer"],
    }


def _keep_finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def name_images(data: FinalImages) -> str:
    """The name of a classification data set, or else of its folder or archive."""
    if data.kind in NAMES:
        return NAMES[data.kind]
    assert isinstance(data, ImageFolder)  # the only kind without a name
    name = Path(data.path).name
    return next((name.removesuffix(end) for end in ARCHIVES if name.endswith(end)), name)


def list_simulated_or_toy(
    teacher: TeacherPart, final: Final, searched_simulated: bool
) -> list[str]:
    """List every part of a result that is simulated, or so small that it is a toy."""
    found = [
        f"recordings of {name}: simulated"
        for name, region in teacher.regions.items()
        if region.simulated
    ]
    if searched_simulated:
        found.append("images of the search: simulated")
    size = f"{final.n_train_images:,} in {final.n_classes:,} classes"
    if final.simulated:
        found.append(f"images of the final training: simulated, {size}")
    elif final.n_train_images < SERIOUS:
        found.append(f"images of the final training: {size}, a toy beside ImageNet's 1,281,167")
    return found


def build_note(teacher: TeacherPart, final: Final, searched_simulated: bool, evaluated: int) -> str:
    """What the result can show, given its recordings, its images, and the size of the search."""
    simulated = (
        "Simulated recordings: the result shows that the software works, and says nothing about "
        "brains."
    )
    few = (
        f"Small search: the best of {evaluated} candidates need not be better than its neighbours, "
        "and does not show that one strategy or teacher is better than another."
    )
    return " ".join(
        [
            *([simulated] if teacher.simulated else []),
            _describe_regions(teacher),
            _describe_images(final, searched_simulated),
            *([few] if evaluated < FEW_CANDIDATES else []),
        ]
    )


def _describe_regions(teacher: TeacherPart) -> str:
    if teacher.kind != "recordings":
        regions = [f"{name}, {region.description}" for name, region in teacher.regions.items()]
        return f"The teacher is {NO_BRAIN[teacher.kind]}: {'; '.join(regions)}."
    regions = [
        f"{name} from {' and '.join(region.datasets)}"
        + ("" if region.corrected else " (not corrected for noise)")
        for name, region in teacher.regions.items()
    ]
    return f"Teacher: {', '.join(regions)}."


def _describe_images(final: Final, searched_simulated: bool) -> str:
    places = {"the search": searched_simulated, "the final training": final.simulated}
    simulated = [place for place, found in places.items() if found]
    if simulated:
        return (
            f"Simulated images in {' and '.join(simulated)}: accuracies there say nothing about "
            "natural images."
        )
    low, high = final.top1_interval
    return (
        f"Final accuracy: {final.top1:.1%} top-1 of {final.n_images} validation images in "
        f"{final.n_classes} classes (95 % interval {low:.1%} to {high:.1%}), of one training."
    )
