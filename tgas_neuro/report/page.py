"""The page: facts, charts, drawings and RDMs of one run or several in one HTML file."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from markupsafe import Markup

from tgas_neuro import __version__
from tgas_neuro.report.comparison import compare_runs
from tgas_neuro.report.explorer import Explorer
from tgas_neuro.report.facts import Facts
from tgas_neuro.report.shown import COLOURS, list_networks, prepare_run
from tgas_neuro.report.words import format_percent, format_time
from tgas_neuro.runtime.provenance import get_time

TEMPLATE = Path(__file__).parent / "template"
NO_MODEL = (
    "The RDM of the model is not there: it is made after the final training, by "
    "snakemake --cores 1 layer_rdms"
)


def build_page(runs: Sequence[Facts], explorers: Sequence[Explorer | None]) -> str:
    """The page as HTML.

    Parameters
    ----------
    runs
        At least one; several are shown side by side first, and each by itself below.
    explorers
        The RDM explorer of each run, or None.
    """
    labels = _label_runs(runs)
    shown = [
        prepare_run(index, label, facts, explorer)
        for index, (label, facts, explorer) in enumerate(zip(labels, runs, explorers, strict=True))
    ]
    comparison = compare_runs(runs, labels) if len(runs) > 1 else None
    specs: dict[str, dict[str, Any]] = {}
    if comparison is not None:
        specs |= comparison.specs
    for run in shown:
        specs |= run.charts
    payload = {
        "charts": specs,
        "runs": [
            {
                "label": run.label,
                "candidates": run.rows,
                "cells": run.cells,
                "explorer": _dump_explorer(run.explorer),
            }
            for run in shown
        ],
        "colours": base64.b64encode(_list_colours().tobytes()).decode(),
    }
    return _load_template().render(
        title=labels[0] if len(runs) == 1 else f"{len(runs)} runs side by side",
        made=get_time(),
        version=__version__,
        runs=shown,
        comparison=comparison,
        networks=list_networks,
        percent=format_percent,
        format_time=format_time,
        style=Markup(_read("page.css")),
        library=Markup(_load_library()),
        script=Markup("".join(_read(name) for name in ("page.js", "explorer.js", "start.js"))),
        payload=Markup(_dump_json(payload)),
    )


def _label_runs(runs: Sequence[Facts]) -> list[str]:
    """The titles of the runs; of equal ones the folders are added."""
    titles = [facts.title for facts in runs]
    return [
        title if titles.count(title) == 1 else f"{title} ({facts.name})"
        for title, facts in zip(titles, runs, strict=True)
    ]


def _dump_explorer(explorer: Explorer | None) -> dict[str, Any] | None:
    if explorer is None:
        return None
    regions = [asdict(region) | {"why": NO_MODEL} for region in explorer.regions]
    return {"regions": regions, "sprites": explorer.sprites}


def _list_colours() -> np.ndarray:
    """(256, rgb), uint8, from the lowest to the highest percentile."""
    return (COLOURS(np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def _dump_json(content: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@cache
def _load_library() -> str:
    """The JavaScript of Vega, Vega-Lite and Vega-Embed, as one script."""
    import vl_convert

    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # the stub wants a snippet
    return bundle.replace("</script", "<\\/script")


def _read(name: str) -> str:
    return (TEMPLATE / name).read_text(encoding="utf-8")


@cache
def _load_template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template("page.html")
