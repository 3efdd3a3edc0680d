"""The part of an experiment's page on the number of sites and repetitions."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.neurons import Point, find_fewest
from tgas_neuro.experiments.page import CHOICES
from tgas_neuro.experiments.tables import SUMS, build_html_table, format_estimate

HEAD = (
    "sites",
    "repetitions",
    "reliable sites",
    "ceiling",
    "TG",
    "draws",
    "gain over P",
    "draws",
    "gain given size",
)


def describe_neurons(result: Mapping[str, Any], experiment: Experiment, picture: str) -> str:
    """The part as HTML: what was found in words, the picture, a table for each grid.

    Parameters
    ----------
    result
        From `rate_neurons`.
    experiment
        What was asked.
    picture
        As SVG.
    """
    primary = experiment.primary
    found = result["steps"][str(primary.steps)]["grids"]
    parts = [
        "<h2>How many sites and repetitions does a teacher need?</h2>",
        *(
            f'<p class="answer">{escape(describe_grid(points["points"], experiment, name))}</p>'
            for name, points in found.items()
        ),
        f'<p class="note">{escape(_explain(result, experiment))}</p>',
        picture[picture.index("<svg") :],
    ]
    for name, of_grid in found.items():
        parts += [
            f"<h3>{escape(experiment.grids[name].title)}</h3>",
            _tabulate(of_grid, experiment, name),
        ]
    return "\n".join(parts)


def describe_grid(points: Sequence[Point], experiment: Experiment, name: str) -> str:
    """From how many sites on the gain is above 0, for each number of repetitions."""
    texts = []
    for repetitions in dict.fromkeys(point["repetitions"] for point in points):
        fewest = find_fewest(points, repetitions)
        shown = format_repetitions(repetitions)
        texts.append(
            f"with {shown}, for no number of sites"
            if fewest is None
            else f"with {shown}, from {fewest:.0f} sites on"
        )
    return (
        f"{experiment.grids[name].title}: after {experiment.primary.steps:,} steps the interval of "
        f"the gain over P is above 0 {'; '.join(texts)}."
    )


def format_repetitions(repetitions: int | None) -> str:
    """A number of repetitions in words."""
    if repetitions is None:
        return "all repetitions"
    return f"{repetitions} repetition{'s' if repetitions > 1 else ''}"


def _explain(result: Mapping[str, Any], experiment: Experiment) -> str:
    primary = experiment.primary
    missing = result["without_TG"]
    counted = f" {missing} cells have no TG of some teacher and count there as the lowest."
    return (
        f"{SUMS[primary.scale]} with TG as {CHOICES[primary.layer_choice]}, after "
        f"{primary.steps:,} steps. Values are means over random draws of sites and repetitions; "
        "brackets are 95 % intervals over cells, the columns draws go from the lowest draw to the "
        "highest. Parts of the same recordings share the more of them, the larger they are, so "
        "that their draws come closer together than new recordings would. Ceiling and reliable "
        "sites are calculated from each part alone. A single repetition cannot be split: it has no "
        "ceiling, and no site is left out. A ceiling would divide all similarities of a region "
        "alike, which changes no rank correlation of a teacher of one region, and no sum of "
        "z-scores. These rows are described, not tested: with so many, some intervals are above 0 "
        f"by chance.{counted if missing else ''}"
    )


def _tabulate(of_grid: Mapping[str, Any], experiment: Experiment, name: str) -> str:
    lines = [_build_line(point) for point in of_grid["points"]]
    of = of_grid["of"]
    lines.append(
        [
            experiment.teachers[experiment.grids[name].of].title,
            *[""] * 3,
            format_estimate(of["TG"]["r"]),
            "",
            format_estimate(of["gain"]["r"], True),
            "",
            format_estimate(of["gain"]["partial"], True),
        ]
    )
    return build_html_table(HEAD, lines)


def _build_line(point: Point) -> list[str]:
    ceilings = [value for value in point["ceiling"] if value is not None]
    drawn = point["of_draws"]
    return [
        f"{point['neuroids']:.0f}",
        "all" if point["repetitions"] is None else str(point["repetitions"]),
        "" if point["sites"] is None else f"{point['sites']:.1f}",
        _format_range(ceilings, ".2f") if len(ceilings) == point["draws"] else "none",
        format_estimate(point["TG"]["r"]),
        _format_range(drawn["TG"], ".2f"),
        format_estimate(point["gain"]["r"], True),
        _format_range(drawn["gain"], "+.2f"),
        format_estimate(point["gain"]["partial"], True),
    ]


def _format_range(values: Sequence[float], form: str) -> str:
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"
