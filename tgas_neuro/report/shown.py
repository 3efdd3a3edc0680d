"""A run as the page shows it: its facts with drawings, charts, and tables in words and colours."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import matplotlib as mpl
import yaml

from tgas_neuro.architecture.spaces import describe_genotype
from tgas_neuro.config.section import dump_section
from tgas_neuro.report import charts
from tgas_neuro.report.answers import Answer, list_answers
from tgas_neuro.report.drawings import describe_candidates, draw_candidates, draw_genotype
from tgas_neuro.report.explorer import Explorer
from tgas_neuro.report.facts import Candidate, Facts, LayerMap, Region, Similarity
from tgas_neuro.report.packed import pack_json
from tgas_neuro.report.words import format_value
from tgas_neuro.scoring.layers import list_similarities
from tgas_neuro.search.history import describe_states

COLOURS = mpl.colormaps["viridis"]
CONTRAST = 0.18  # luminance below which white letters are easier to read than black ones


@dataclass(frozen=True)
class Cell:
    """A cell of the table of candidates: how it is sorted, and what it says."""

    value: str
    text: str


@dataclass(frozen=True)
class Leader:
    """A row of the table of candidates."""

    cells: list[Cell]


@dataclass(frozen=True)
class Shown:
    """A run as the page shows it; `tgas_neuro/report/template/page.html` reads the attributes."""

    index: int
    id: str
    label: str
    facts: Facts
    answers: tuple[Answer, ...]
    rows: list[dict[str, Any]]
    columns: list[str]
    leaders: list[Leader]
    unranked: str
    left_out: int
    cells: str
    winner: str
    genotype: list[str]
    maps: list[dict[str, Any]]
    explorer: Explorer | None
    configuration: str
    charts: dict[str, dict[str, Any]]

    @property
    def has_training(self) -> bool:
        """Whether there is a course of the final training."""
        return f"training-{self.id}" in self.charts

    @property
    def has_scatter(self) -> bool:
        """Whether any candidate has P and TG."""
        return f"scatter-{self.id}" in self.charts

    @property
    def configuration_uri(self) -> str:
        """The configuration as a file to save."""
        text = base64.b64encode(self.configuration.encode()).decode()
        return f"data:text/yaml;base64,{text}"


def prepare_run(index: int, label: str, facts: Facts, explorer: Explorer | None) -> Shown:
    """Make a run ready for the page; `index` is its place there, `label` what it is called."""
    identifier = str(index + 1)
    drawings, left_out = draw_candidates(facts.candidates)
    rows = charts.list_rows(label, facts.candidates)
    columns, leaders = _list_leaders(facts)
    others = [one.state if one.reward is None else _name_other(one) for one in facts.candidates
              if not _is_ranked(one)]  # fmt: skip
    best = facts.best
    winner = draw_genotype(best.genotype) if best is not None else ""
    return Shown(
        index=index,
        id=identifier,
        label=label,
        facts=facts,
        answers=list_answers(facts),
        rows=rows,
        columns=columns,
        leaders=leaders,
        unranked=describe_states({name: others.count(name) for name in sorted(set(others))}),
        left_out=left_out,
        cells=pack_json({"drawings": drawings, "texts": describe_candidates(facts.candidates)}),
        winner=f"data:image/svg+xml;base64,{base64.b64encode(winner.encode()).decode()}",
        genotype=describe_genotype(best.genotype) if best is not None else [],
        maps=[_colour_map(one) for one in facts.maps],
        explorer=explorer,
        configuration=_dump_configuration(facts),
        charts=_build_charts(identifier, index, label, facts),
    )


def _is_ranked(one: Candidate) -> bool:
    """Whether a candidate is on the leaderboard, as `rank_entries` lists them."""
    return one.reward is not None and one.complete and one.original is None


def _name_other(one: Candidate) -> str:
    return one.state if one.original is not None else "partial"


def _list_leaders(facts: Facts) -> tuple[list[str], list[Leader]]:
    """The columns of the table of candidates, and its rows, the best first."""
    regions = [region.name for region in facts.teacher.regions] if facts.teacher else []
    columns = [
        "rank", "candidate", "reward", "P", "TG", *regions, "TG at epoch 0", "parameters",
        "multiply-adds", "images",
    ]  # fmt: skip
    ranked = sorted(filter(_is_ranked, facts.candidates), key=lambda one: -cast(float, one.reward))
    leaders = []
    for rank, one in enumerate(ranked, 1):
        values = [one.reward, one.P, one.TG, *((one.regions or {}).get(name) for name in regions),
                  one.TG_untrained]  # fmt: skip
        counts = [one.params, one.macs, one.images_seen]
        leaders.append(
            Leader(
                [Cell(str(rank), str(rank)), Cell(one.id, one.id)]
                + [Cell("" if value is None else repr(value), _show(value)) for value in values]
                + [Cell(str(count), f"{count:,}") for count in counts]
            )
        )
    return columns, leaders


def _show(value: float | None) -> str:
    return "–" if value is None else format_value(value)


def list_networks(region: Region) -> Iterator[tuple[str, Similarity | None]]:
    """What a region was compared with, by name."""
    for stage, (name, _, _) in charts.NETWORKS.items():
        yield name, getattr(region, stage)


def _colour_map(found: LayerMap) -> dict[str, Any]:
    """A layer map with the colours of its cells."""
    similarities = list_similarities(found.regions)
    layers = list(dict.fromkeys(layer for values in similarities.values() for layer in values))
    known = [v for values in similarities.values() for v in values.values() if v is not None]
    low, high = min([0.0, *known]), max([0.0, *known])

    def build(region: str, layer: str) -> dict[str, Any]:
        value = similarities[region].get(layer)
        fill, ink = "#ffffff", "#222222"
        if value is not None:
            red, green, blue, _ = COLOURS((value - low) / (high - low) if high > low else 0.0)
            fill = mpl.colors.to_hex((red, green, blue))
            ink = "#ffffff" if _calc_luminance((red, green, blue)) < CONTRAST else "#000000"
        chosen = layer in found.chosen[region]
        return {"value": value, "fill": fill, "ink": ink, "chosen": chosen, "region": region}

    return {
        "title": found.title,
        "regions": list(similarities),
        "rows": [
            {"layer": layer, "cells": [build(region, layer) for region in similarities]}
            for layer in layers
        ],
    }


def _calc_luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance of an sRGB colour, as WCAG defines it."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _build_charts(
    identifier: str, index: int, label: str, facts: Facts
) -> dict[str, dict[str, Any]]:
    winner = facts.best.id if facts.best else None
    measured = any(one.P is not None and one.TG is not None for one in facts.candidates)
    of_candidates = {
        "curve": charts.build_curve_chart([facts], [label]),
        "scatter": charts.build_scatter_chart(facts, winner) if measured else None,
    }
    others = {
        "accuracy": charts.build_accuracy_chart([facts], [label]),
        "training": charts.build_training_chart([facts], [label]),
        "ceiling": charts.build_ceiling_chart([facts], [label]),
    }
    built: dict[str, dict[str, Any]] = {
        f"{name}-{identifier}": {"spec": spec, "candidates": [index]}
        for name, spec in of_candidates.items()
        if spec is not None
    }
    return built | {
        f"{name}-{identifier}": {"spec": spec} for name, spec in others.items() if spec is not None
    }


def _dump_configuration(facts: Facts) -> str:
    if facts.configuration is None:
        return ""
    content = dump_section(facts.configuration)
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
