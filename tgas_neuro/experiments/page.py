"""The page of an experiment: one HTML file without a server, pictures and tables in it."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.efficiency_page import describe_efficiency
from tgas_neuro.experiments.statistics import TOP, Rated
from tgas_neuro.experiments.surrogates import DEFINITIONS
from tgas_neuro.experiments.tables import (
    SUMS,
    build_html_table,
    format_estimate,
    in_percent,
)

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
table { border-collapse: collapse; font-size: 14px; margin: 1rem 0; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #ddd;
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } tr.control td:first-child { color: #b04a00; }
.wide { overflow-x: auto; } .answer { border-left: 4px solid #0072b2; padding: .2rem 1rem;
  background: #f2f7fb; } .note { color: #555; font-size: 14px; } svg { max-width: 100%;
  height: auto; }
"""
CHOICES = {
    "crossed": "the layer chosen on one half of the stimuli and scored on the other",
    "paper": "the highest layer",
    "mean": "the mean over layers",
}


def build_page(
    result: Mapping[str, Any],
    efficiency: Mapping[str, Any],
    experiment: Experiment,
    pictures: Mapping[str, str],
    made: str,
    sections: Sequence[str] = (),
) -> str:
    """The page as HTML.

    Parameters
    ----------
    result
        From `rate_surrogates`.
    efficiency
        From `rate_efficiency`.
    experiment
        What was asked.
    pictures
        Caption to a picture, as SVG.
    made
        A line that says from what and with what it was made.
    sections
        Further parts, as HTML.
    """
    parts = [
        f"<h1>{escape(experiment.title)}</h1>",
        _describe_cells(result, experiment),
        "<h2>The primary comparison</h2>",
        _describe_primary(result["primary"], experiment),
    ]
    parts += [
        "<h2>How many images does guidance save?</h2>",
        describe_efficiency(efficiency, experiment),
    ]
    for caption, svg in pictures.items():
        parts += [f"<h2>{escape(caption)}</h2>", svg[svg.index("<svg") :]]
    parts += [
        *sections,
        _tabulate_teachers(result, experiment),
        "<h2>Other definitions of TG and of the sum</h2>",
        _tabulate_definitions(result, experiment),
        _tabulate_differences(result, experiment),
    ]
    if any(result["reliability"].values()):
        parts += ["<h2>How reliable are P and TG?</h2>", _tabulate_reliability(result, experiment)]
    body = "\n".join([*parts, f'<p class="note">{escape(made)}</p>'])
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(experiment.title)}</title><style>{STYLE}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def describe_answer(primary: Mapping[str, Any], experiment: Experiment) -> str:
    """The primary comparison in words, by the rules that were fixed beforehand."""
    teacher = experiment.teachers[experiment.primary.teacher].title
    control = experiment.teachers[experiment.primary.control].title
    above, given_size, over_control = primary["above_zero"]
    if above and given_size and over_control:
        return (
            f"{teacher} helps to rank these cells: the gain over P is above zero, also with size "
            f"held constant, and above that of {control}."
        )
    if above:
        missing = [] if given_size else ["with size held constant it is not above zero"]
        missing += [] if over_control else [f"it is not above that of {control}"]
        return (
            f"The gain of {teacher} over P is above zero, but {' and '.join(missing)}: TG adds "
            "what another measure would add, too."
        )
    low, high = primary["gain"]["r"]["interval"]
    return (
        f"No gain of {teacher} over P was found; the interval leaves gains of {low:+.2f} to "
        f"{high:+.2f} possible."
    )


def _describe_cells(result: Mapping[str, Any], experiment: Experiment) -> str:
    cells, truth = result["cells"], result["truth"]
    steps = ", ".join(f"{step:,}" for step in experiment.training.steps)
    dropped = [
        f"{number} cells {text}"
        for number, text in (
            (cells["without_truth"], "have no mature accuracy and are left out"),
            (cells["without_value"]["P"], "diverged at some step and count there as the lowest P"),
            (
                cells["without_value"]["TG"],
                "have no TG of some teacher at some step and count there as the lowest",
            ),
        )
        if number
    ]
    return (
        f"<p>{cells['ranked']} cells of the space {escape(experiment.space)} were trained and "
        f"measured after {steps} steps. Their mature "
        f"accuracy is {truth['lowest']:.1%} to {truth['highest']:.1%}, the median "
        f"{truth['median']:.1%}. {escape('; '.join(dropped))}{'.' if dropped else ''}</p>"
    )


def _describe_primary(primary: Mapping[str, Any], experiment: Experiment) -> str:
    wanted = experiment.primary
    teacher, control = (experiment.teachers[key].title for key in (wanted.teacher, wanted.control))
    rows = [
        ("P alone", primary["P"], None),
        (f"{SUMS[wanted.scale]}, {teacher}", primary["sum"], primary["gain"]),
        (f"{SUMS[wanted.scale]}, {control}", primary["control"], primary["gain_of_control"]),
    ]
    lines = [
        [
            name,
            format_estimate(rated["r"]),
            format_estimate(gain["r"], True) if gain else "",
            format_estimate(rated["partial"]),
            format_estimate(gain["partial"], True) if gain else "",
            format_estimate(in_percent(rated["regret"])),
        ]
        for name, rated, gain in rows
    ]
    head = [
        f"after {wanted.steps:,} steps",
        "rank correlation",
        "gain over P",
        "given size",
        "gain over P",
        f"top-{TOP} regret [%]",
    ]
    return (
        f'<p class="answer">{escape(describe_answer(primary, experiment))}</p>'
        f'<p class="note">Fixed before it was run: {escape(SUMS[wanted.scale])} with TG as '
        f"{CHOICES[wanted.layer_choice]}, after {wanted.steps:,} steps. Rank correlations are "
        "Spearman's with the mature accuracy; brackets are 95 % intervals over cells. Difference "
        f"to the control: {format_estimate(primary['above_control'], True)}. Top-{TOP} regret: the "
        f"highest accuracy less the mean of the {TOP} cells that are ranked first.</p>"
        + build_html_table(head, lines)
    )


def _tabulate_teachers(result: Mapping[str, Any], experiment: Experiment) -> str:
    """Rank correlations at all steps, by the definition of the primary comparison."""
    wanted, steps = experiment.primary, [str(step) for step in experiment.training.steps]
    head = ["rank correlation", *(f"{int(step):,} steps" for step in steps)]
    found = result["steps"]
    lines = [["P", *(format_estimate(found[step]["P"]["r"]) for step in steps)]]
    controls = [False]
    for key, teacher in experiment.teachers.items():
        rows = [found[step]["teachers"][key][wanted.layer_choice] for step in steps]
        sums = [row[wanted.scale] for row in rows]
        lines += [
            [f"TG, {teacher.title}", *(format_estimate(row["TG"]["r"]) for row in rows)],
            ["gain of the sum", *(format_estimate(row["gain"]["r"], True) for row in sums)],
            ["same, given size", *(format_estimate(row["gain"]["partial"], True) for row in sums)],
        ]
        controls += [teacher.control] * 3
    size = format_estimate(result["size"]["r"])
    lines.append(["number of parameters", size, *[""] * (len(steps) - 1)])
    return "<h2>All teachers and controls</h2>" + build_html_table(head, lines, [*controls, False])


def _tabulate_definitions(result: Mapping[str, Any], experiment: Experiment) -> str:
    """Every layer choice and scale, of the primary teacher and its control."""
    steps = [str(step) for step in experiment.training.steps]
    head = ["gain over P", *(f"{int(step):,} steps" for step in steps)]
    lines, controls = [], []
    for key in (experiment.primary.teacher, experiment.primary.control):
        teacher = experiment.teachers[key]
        for choice, meaning in CHOICES.items():
            for scale, name in SUMS.items():
                gains: list[Rated] = [
                    result["steps"][step]["teachers"][key][choice][scale]["gain"] for step in steps
                ]
                texts = (format_estimate(gain["r"], True) for gain in gains)
                lines.append([f"{teacher.title}: {name}, {meaning}", *texts])
                controls.append(teacher.control)
    return build_html_table(head, lines, controls)


def _tabulate_differences(result: Mapping[str, Any], experiment: Experiment) -> str:
    """How much more the other definitions gain than that of the paper's sum."""
    found, teacher = result["definitions"], experiment.teachers[experiment.primary.teacher].title
    steps = found["steps"]
    head = ["gain, less that of P + TG, crossed", *(f"{int(step):,} steps" for step in steps)]
    lines = [
        [
            f"{SUMS[scale]}, {CHOICES[choice]}",
            *(format_estimate(one[f"{choice}_{scale}"], True) for one in steps.values()),
        ]
        for choice, scale in DEFINITIONS
    ]
    level = 100 - 5 / found["comparisons"]
    return (
        f"<p>The same definitions compared with each other, for {escape(teacher)}, over the same "
        f"resamples. {found['comparisons']} comparisons share 5 %: the intervals are at "
        f"{level:.4g} %.</p>" + build_html_table(head, lines)
    )


def _tabulate_reliability(result: Mapping[str, Any], experiment: Experiment) -> str:
    """Rank correlation between two trainings of the same cells."""
    found = {step: one for step, one in result["reliability"].items() if one}
    head = ["", *(f"{int(step):,} steps" for step in found)]
    choice = experiment.primary.layer_choice
    lines = [["P", *(f"{one['P']:.2f}" for one in found.values())]]
    lines += [
        [f"TG, {teacher.title}", *(f"{one['teachers'][key][choice]:.2f}" for one in found.values())]
        for key, teacher in experiment.teachers.items()
    ]
    return (
        "<p>Rank correlation between two trainings of the first "
        f"{experiment.cells.repeated} cells, with other weights and batches.</p>"
        + build_html_table(head, lines)
    )
