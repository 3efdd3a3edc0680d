"""Charts of the page, as Vega-Lite specifications that altair checks.

Colours are those of Okabe and Ito, which people with any kind of colour vision tell apart.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from tgas_neuro.report.facts import Candidate, Facts, Region

BLUE, ORANGE, GREEN, PINK, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9"
GREY, INK = "#767676", "#222222"
RUNS = [BLUE, ORANGE, GREEN, PINK, SKY, "#e69f00", GREY]
NETWORKS = {
    "untrained": ("winner before its training", SKY, "circle"),
    "searched": ("winner of the search", ORANGE, "triangle-up"),
    "final": ("final network", BLUE, "square"),
}
WHOLE = alt.TooltipContent("data")  # the page shows the candidate with its drawing
CANDIDATES = "candidates"
CURVE_HEIGHT = 300  # [px]


def list_rows(label: str, candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Candidates as rows of the charts, with the best reward so far."""
    rows, best = [], None
    for one in candidates:
        if one.reward is not None and one.complete and (best is None or one.reward > best):
            best = one.reward
        rows.append(
            {
                "run": label,
                "number": one.number,
                "id": one.id,
                "hash": one.hash,
                "state": one.state,
                "reward": one.reward,
                "best": best,
                "P": one.P,
                "TG": one.TG,
                "params": one.params,
                "macs": one.macs,
                "images": one.images_so_far,
            }
        )
    return rows


def build_accuracy_chart(runs: Sequence[Facts], labels: Sequence[str]) -> dict[str, Any] | None:
    """Top-1 of each run with its interval, and chance; None before a final training has ended."""
    rows = [
        {
            "run": label,
            "top-1": facts.final.metrics["top1"],
            "low": facts.final.metrics["top1_interval"][0],
            "high": facts.final.metrics["top1_interval"][1],
            "chance": facts.final.chance,
        }
        for facts, label in zip(runs, labels, strict=True)
        if facts.final is not None
    ]
    if not rows:
        return None
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("run:N", title=None, sort=None, axis=alt.Axis(labelLimit=220)),
        tooltip=[
            alt.Tooltip("run:N"),
            alt.Tooltip("top-1:Q", format=".1%"),
            alt.Tooltip("low:Q", format=".1%"),
            alt.Tooltip("high:Q", format=".1%"),
            alt.Tooltip("chance:Q", format=".1%"),
        ],
    )
    axis = alt.Axis(format="%", title="top-1 on the validation images, 95 % interval")
    accuracy = alt.X("top-1:Q", scale=alt.Scale(domainMin=0), axis=axis)
    chart = alt.layer(
        base.mark_tick(color=ORANGE, thickness=3, size=26).encode(x="chance:Q"),
        base.mark_rule(color=BLUE, strokeWidth=3).encode(x="low:Q", x2="high:Q"),
        base.mark_point(color=BLUE, filled=True, size=90, opacity=1).encode(x=accuracy),
        base.mark_text(color="#a04500", dy=-20, fontSize=11, text="chance").encode(x="chance:Q"),
    )
    return _finish(chart, height=max(70, 44 * len(rows)))


def build_ceiling_chart(runs: Sequence[Facts], labels: Sequence[str]) -> dict[str, Any] | None:
    """Similarity of the networks to each region as measured, beside the ceiling."""
    rows, points = [], []
    for facts, label in zip(runs, labels, strict=True):
        for region in facts.teacher.regions if facts.teacher else ():
            name = f"{region.name}, {label}" if len(runs) > 1 else region.name
            rows.append({"region": name, **_get_ceiling(region)})
            points += _list_points(region, name)
    if not rows:
        return None
    order = [str(row["region"]) for row in rows]
    y = alt.Y("region:N", title=None, sort=order, axis=alt.Axis(labelLimit=240))
    ceilings = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    tooltip = [
        alt.Tooltip("region:N"),
        alt.Tooltip("network:N"),
        alt.Tooltip("similarity:Q", format=".3f", title="as measured"),
        alt.Tooltip("corrected:Q", format=".3f"),
        alt.Tooltip("layers:N"),
    ]
    ceiling_tip = [
        alt.Tooltip("region:N"),
        alt.Tooltip("ceiling:Q", format=".3f"),
        alt.Tooltip("low:Q", format=".3f"),
        alt.Tooltip("high:Q", format=".3f"),
    ]
    names = [name for name, _, _ in NETWORKS.values()]
    colours = [colour for _, colour, _ in NETWORKS.values()]
    shapes = [shape for _, _, shape in NETWORKS.values()]
    legend = alt.Legend(orient="bottom", title=None, columns=3)
    chart = alt.layer(
        ceilings.mark_bar(color="#bbbbbb", height=22).encode(
            x=alt.X("low:Q"), x2="high:Q", tooltip=ceiling_tip
        ),
        ceilings.mark_tick(color=INK, thickness=2, size=26).encode(
            x="ceiling:Q", tooltip=ceiling_tip
        ),
        alt.Chart(alt.InlineData(values=points))
        .mark_point(filled=True, size=90, opacity=1)
        .encode(
            y=y,
            x=alt.X(
                "similarity:Q",
                scale=alt.Scale(domainMax=1),
                axis=alt.Axis(
                    title="similarity as measured; the black mark is the ceiling, grey its interval"
                ),
            ),
            color=alt.Color("network:N", scale=alt.Scale(domain=names, range=colours)).legend(
                legend
            ),
            shape=alt.Shape("network:N", scale=alt.Scale(domain=names, range=shapes)).legend(
                legend
            ),
            tooltip=tooltip,
        ),
    )
    return _finish(chart, height=max(80, 40 * len(rows)))


def _get_ceiling(region: Region) -> dict[str, float | None]:
    low, high = region.ceiling_low, region.ceiling_high
    return {"ceiling": region.ceiling, "low": low, "high": high}


def _list_points(region: Region, name: str) -> list[dict[str, Any]]:
    return [
        {
            "region": name,
            "network": title,
            "similarity": found.raw,
            "corrected": found.corrected,
            "layers": ", ".join(found.layers) or "mean of all",
        }
        for stage, (title, _, _) in NETWORKS.items()
        if (found := getattr(region, stage)) is not None
    ]


def build_curve_chart(runs: Sequence[Facts], labels: Sequence[str]) -> dict[str, Any] | None:
    """The rewards by the training images that all candidates have seen, and the best so far.

    The data are the rows of `list_rows`, under the name `CANDIDATES`. None without a candidate.
    """
    candidates = [one for facts in runs for one in facts.candidates]
    if not candidates:
        return None
    base = alt.Chart(alt.NamedData(CANDIDATES)).encode(
        x=alt.X(
            "images:Q",
            title="training images that all candidates have seen so far",
            axis=alt.Axis(format=",d"),
        )
    )
    color, y = _color_runs(labels), alt.Y(title="reward; the line is the best so far")
    rated = [one for one in candidates if one.reward is not None]
    layers = []
    if any(one.complete for one in rated):
        line = base.transform_filter("datum.best !== null").mark_line(
            interpolate="step-after", strokeWidth=2
        )
        layers.append(line.encode(y=y.field("best").type("quantitative"), color=color))
    for repeated in (False, True):
        if any((one.state == "duplicate") is repeated for one in rated):
            sign = "===" if repeated else "!=="
            points = base.transform_filter(
                f"datum.reward !== null && datum.state {sign} 'duplicate'"
            ).mark_point(filled=not repeated, size=45, opacity=0.85, tooltip=WHOLE)
            layers.append(points.encode(y=y.field("reward").type("quantitative"), color=color))
    if len(rated) < len(candidates):
        failed = base.transform_filter("datum.reward === null").mark_point(
            shape="cross", filled=True, angle=45, size=70, color=INK, tooltip=WHOLE
        )
        layers.append(failed.encode(y=alt.value(CURVE_HEIGHT - 6)))
    return _finish(alt.layer(*layers), height=CURVE_HEIGHT)


def build_scatter_chart(facts: Facts, winner: str | None) -> dict[str, Any]:
    """P against TG of each candidate, by size and reward; the winner has a ring."""
    base = alt.Chart(alt.NamedData(CANDIDATES)).transform_filter(
        "datum.P !== null && datum.TG !== null"
    )
    x = alt.X("TG:Q", title="TG, similarity to the teacher", scale=alt.Scale(zero=False))
    y = alt.Y(
        "P:Q",
        title="P, accuracy after the short training",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(zero=False),
    )
    size = alt.Size(
        "params:Q",
        scale=alt.Scale(type="sqrt", range=[25, 320]),
        legend=alt.Legend(title="parameters", format=",d", orient="bottom", tickCount=3),
    )
    color = alt.Color(
        "reward:Q",
        scale=alt.Scale(scheme="viridis"),
        legend=alt.Legend(title="reward", orient="bottom", gradientLength=140),
    )
    layers = [
        base.mark_point(
            filled=True, opacity=0.9, stroke="white", strokeWidth=0.5, tooltip=WHOLE
        ).encode(x=x, y=y, size=size, color=color)
    ]
    if winner is not None:
        ring = base.transform_filter(alt.datum.id == winner)
        layers.append(
            ring.mark_point(size=420, color=ORANGE, strokeWidth=2.5, filled=False).encode(x=x, y=y)
        )
    if facts.chance is not None:
        row = [{"chance": facts.chance}]
        layers.append(
            alt.Chart(alt.InlineData(values=row))
            .mark_rule(color=GREY, strokeDash=[4, 4])
            .encode(y="chance:Q", tooltip=alt.Tooltip("chance:Q", format=".1%"))
        )
    return _finish(alt.layer(*layers), height=320)


def build_training_chart(runs: Sequence[Facts], labels: Sequence[str]) -> dict[str, Any] | None:
    """Top-1 on the validation images along the final training, and chance; None without any."""
    rows = [
        {"run": label, "epoch": epoch, "top-1": top1}
        for facts, label in zip(runs, labels, strict=True)
        for epoch, _, top1 in (facts.final.log if facts.final else ())
        if top1 is not None
    ]
    if len(rows) < 2:
        return None
    chances = {facts.final.chance for facts in runs if facts.final is not None}
    rule = alt.Chart(alt.InlineData(values=[{"chance": chance} for chance in sorted(chances)]))
    chart = alt.layer(
        rule.mark_rule(color=GREY, strokeDash=[4, 4]).encode(
            y="chance:Q", tooltip=alt.Tooltip("chance:Q", format=".1%")
        ),
        alt.Chart(alt.InlineData(values=rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("epoch:Q", title="epoch of the final training", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("top-1:Q", title="top-1; dashed: chance", axis=alt.Axis(format="%")),
            color=_color_runs(labels),
            tooltip=[
                alt.Tooltip("run:N"),
                alt.Tooltip("epoch:Q"),
                alt.Tooltip("top-1:Q", format=".1%"),
            ],
        ),
    )
    return _finish(chart, height=220)


def _color_runs(labels: Sequence[str]) -> alt.Color:
    legend = alt.Legend(orient="bottom", title=None, labelLimit=260) if len(labels) > 1 else None
    return alt.Color(
        "run:N", scale=alt.Scale(domain=list(labels), range=RUNS[: len(labels)]), legend=legend
    )


def _finish(chart: alt.LayerChart | alt.FacetChart, height: int) -> dict[str, Any]:
    """Set size and letters, and check the chart."""
    content: dict[str, Any] = (
        chart.properties(width="container", height=height)
        .configure(
            font="system-ui, sans-serif",
            background="transparent",
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        )
        .configure_axis(labelFontSize=12, titleFontSize=12, titleFontWeight="normal", grid=True)
        .configure_legend(labelFontSize=12, titleFontSize=12, titleFontWeight="normal")
        .configure_view(stroke=None)
        .to_dict()
    )
    return content
