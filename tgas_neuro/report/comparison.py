"""Several runs side by side: their results, what differs, and what must not be compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

from tgas_neuro.config.section import dump_section
from tgas_neuro.overview import runs as overview
from tgas_neuro.report import charts
from tgas_neuro.report.facts import Facts, Region, Stage
from tgas_neuro.report.words import format_percent, format_time, format_value, join_words

ABSENT = "–"
HEADINGS = {
    "accuracy": ("Accuracy", "Top-1 of each run with its interval, beside chance"),
    "ceiling": ("Similarity and ceiling", "Similarity of each run's networks to each region"),
    "curve": ("Rewards by training images", "Reward of each candidate by images seen, by run"),
    "training": ("Final training", "Top-1 on the validation images by epoch, by run"),
}


@dataclass(frozen=True)
class Comparison:
    """What the page shows of several runs together.

    Attributes
    ----------
    warnings, lines
        What must not be compared; what the intervals say.
    rows, settings
        Name to a cell for each run: results, and settings that differ.
    charts, specs
        Id, heading and description of each chart; id to its content.
    """

    warnings: list[str]
    lines: list[str]
    rows: list[tuple[str, list[str]]]
    settings: list[tuple[str, list[str]]]
    charts: list[tuple[str, str, str]]
    specs: dict[str, dict[str, Any]]


def compare_runs(runs: Sequence[Facts], labels: Sequence[str]) -> Comparison:
    """Compare at least two runs, which are called by their labels."""
    built: dict[str, dict[str, Any]] = {
        "accuracy": {"spec": charts.build_accuracy_chart(runs, labels)},
        "ceiling": {"spec": charts.build_ceiling_chart(runs, labels)},
        "curve": {
            "spec": charts.build_curve_chart(runs, labels) if _ranks_alike(runs) else None,
            "candidates": list(range(len(runs))),
        },
        "training": {"spec": charts.build_training_chart(runs, labels)},
    }
    specs = {f"{name}-all": one for name, one in built.items() if one["spec"] is not None}
    return Comparison(
        warnings=list_warnings(runs),
        lines=describe_intervals(runs, labels),
        rows=list_results(runs),
        settings=list_differences(runs),
        charts=[(f"{name}-all", *HEADINGS[name]) for name in built if f"{name}-all" in specs],
        specs=specs,
    )


def list_warnings(runs: Sequence[Facts]) -> list[str]:
    """Why numbers of these runs must not be compared, a line each."""
    found = []
    if len({facts.results_version for facts in runs if facts.candidates}) > 1:
        found.append("Their results are of different versions: do not compare their numbers.")
    if len(_list_validations(runs)) > 1:
        found.append("Top-1 was measured on different images: do not compare it.")
    if len({facts.teacher.name for facts in runs if facts.teacher}) > 1:
        found.append(
            "Their teachers differ: TG and ceilings are those of each run's own teacher, and do "
            "not compare as numbers. Top-1 does, where the images and the final training are the "
            "same."
        )
    if not _ranks_alike(runs):
        found.append("They rank candidates in different ways: rewards do not compare.")
    return found


def _ranks_alike(runs: Sequence[Facts]) -> bool:
    return len({facts.rating.describe() for facts in runs}) == 1


def _list_validations(runs: Sequence[Facts]) -> set[str]:
    """Digests of the validation images of finished runs."""
    return {
        facts.final.metrics["digests"]["validation_images"]
        for facts in runs
        if facts.final is not None
    }


def describe_intervals(runs: Sequence[Facts], labels: Sequence[str]) -> list[str]:
    """Whether the intervals of top-1 of each two runs overlap; nothing on different images."""
    if len(_list_validations(runs)) != 1:
        return []
    lines = []
    for (one, first), (other, second) in combinations(zip(runs, labels, strict=True), 2):
        if one.final is None or other.final is None:
            continue
        low, high = one.final.metrics["top1_interval"]
        other_low, other_high = other.final.metrics["top1_interval"]
        if low > other_high:
            lines.append(f"Top-1 of {first} is above that of {second}: the intervals are apart.")
        elif high < other_low:
            lines.append(f"Top-1 of {second} is above that of {first}: the intervals are apart.")
        else:
            lines.append(
                f"Top-1 of {first} and of {second}: the intervals overlap, so that these images do "
                "not tell them apart."
            )
    if lines:
        lines.append(
            "Each is one search and one training: the intervals leave out how much another seed "
            "would change."
        )
    return lines


def list_results(runs: Sequence[Facts]) -> list[tuple[str, list[str]]]:
    """Name to what each run found."""
    regions = dict.fromkeys(
        region.name for facts in runs for region in (facts.teacher.regions if facts.teacher else ())
    )
    named: dict[str, Callable[[Facts], str]] = {
        "state": lambda facts: facts.phase,
        "simulated or toy": lambda facts: "; ".join(facts.simulated) or "none known",
        "teacher": _describe_teacher,
        "ranked by": lambda facts: facts.rating.describe(),
        "candidates": lambda facts: f"{len(facts.candidates):,}",
        "best candidate": lambda facts: facts.best.id if facts.best else ABSENT,
        "its reward": lambda facts: format_value(facts.best.reward) if facts.best else ABSENT,
        "its P": lambda facts: format_value(facts.best.P) if facts.best else ABSENT,
        "its TG": lambda facts: format_value(facts.best.TG) if facts.best else ABSENT,
        "top-1": _describe_accuracy,
        "chance": lambda facts: format_percent(facts.final.chance) if facts.final else ABSENT,
        **{f"final network and {name}": partial(_describe_region, name) for name in regions},
        "parameters": partial(_count, "params"),
        "multiply-adds": partial(_count, "macs"),
        "cost of the search": partial(_describe_stage, "search"),
        "cost of the final training": partial(_describe_stage, "final training"),
        "failures": lambda facts: str(sum(one.count for one in facts.failures)),
        "seed": lambda facts: ABSENT if facts.seed is None else str(facts.seed),
    }
    return [(name, [describe(facts) for facts in runs]) for name, describe in named.items()]


def _describe_teacher(facts: Facts) -> str:
    if facts.teacher is None:
        return ABSENT
    return "; ".join(
        f"{region.name} from {join_words(region.datasets)} ({region.title or region.description})"
        for region in facts.teacher.regions
    )


def _describe_accuracy(facts: Facts) -> str:
    if facts.final is None:
        return ABSENT
    low, high = facts.final.metrics["top1_interval"]
    top1 = format_percent(facts.final.metrics["top1"])
    return f"{top1} ({format_percent(low)} to {format_percent(high)})"


def _describe_region(name: str, facts: Facts) -> str:
    regions: Sequence[Region] = facts.teacher.regions if facts.teacher else ()
    region = next((one for one in regions if one.name == name), None)
    if region is None or region.final is None:
        return ABSENT
    ceiling = region.ceiling if region.corrected else None
    beside = "no ceiling" if ceiling is None else f"ceiling {format_value(ceiling)}"
    return f"{format_value(region.final.raw)} as measured ({beside})"


def _count(key: str, facts: Facts) -> str:
    return f"{facts.final.metrics[key]:,}" if facts.final else ABSENT


def _describe_stage(name: str, facts: Facts) -> str:
    stage: Stage | None = next(
        (one for one in facts.stages if one.name == name and one.images_seen is not None), None
    )
    if stage is None:
        return ABSENT
    return f"{stage.images_seen:,} images, {format_time(stage.seconds)}"


def list_differences(runs: Sequence[Facts]) -> list[tuple[str, list[str]]]:
    """Keys of the configurations that differ, each with its value in every run."""
    contents = [dump_section(facts.configuration) if facts.configuration else {} for facts in runs]
    return [
        (name, [ABSENT if value in ("", None) else str(value) for value in values])
        for name, values in overview.list_differences(contents).items()
    ]
