"""What the page of an experiment says of searches that were replayed on its cells."""

from collections.abc import Mapping
from typing import Any

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.tables import SUMS, build_html_table, format_estimate, in_percent


def name_guidances(experiment: Experiment) -> dict[str, str]:
    """Keys of `rate_efficiency` to what is said of them."""
    primary = experiment.primary
    teacher, control = (
        experiment.teachers[key].title for key in (primary.teacher, primary.control)
    )
    return {
        "P": "P alone",
        "TG": f"TG alone, {primary.layer_choice}, {teacher}",
        "paper": f"{SUMS['raw']}, crossed (the paper's sum), {teacher}",
        "primary": f"{SUMS[primary.scale]}, {primary.layer_choice}, {teacher}",
        "control": f"{SUMS[primary.scale]}, {primary.layer_choice}, {control}",
        "learned": f"learned, {primary.layer_choice}, {teacher}",
        "learned_control": f"learned, {primary.layer_choice}, {control}",
    }


def describe_efficiency(efficiency: Mapping[str, Any], experiment: Experiment) -> str:
    """The factors of images, and what every strategy returns under every guidance."""
    strategies = efficiency["strategies"]
    parts = [describe_factors(efficiency, experiment)]
    if strategies:
        parts += [
            "<h2>Strategies that learn from their candidates</h2>",
            describe_strategies(strategies, efficiency["searches"], experiment),
            "<h2>What weight should TG have?</h2>",
            describe_weights(strategies, efficiency, experiment),
        ]
    return "\n".join(parts)


def describe_factors(efficiency: Mapping[str, Any], experiment: Experiment) -> str:
    """Images that P and each guidance need, in random searches."""
    names = name_guidances(experiment)
    head = ["", "highest quality of both [%]", "images, P", "images, guided", "factor"]
    lines = []
    for key, found in efficiency["guidances"].items():
        if key == "P":
            continue
        factor = found["factor"]
        lines.append(
            [
                names[key],
                f"{100 * factor['quality']:.2f}",
                *(f"{images:,.0f}" for images in factor["images"]),
                format_estimate(factor["factor"]),
            ]
        )
    return (
        '<p class="note">Random searches, replayed on the measured cells '
        f"({efficiency['searches']} of each kind): quality is the mature accuracy of the cell that "
        "the score ranks first, cost the training images of all candidates. Steps and number of "
        "candidates are chosen on one half of the cells, and count on the other, both ways round. "
        "The factor is how many times as many images P needs for the highest quality that both "
        "reach; brackets are 95 % intervals over cells.</p>" + build_html_table(head, lines)
    )


def describe_strategies(found: Mapping[str, Any], searches: int, experiment: Experiment) -> str:
    """What searches return that all have seen so many images.

    Parameters
    ----------
    found
        From `rate_strategies`.
    searches
        Of each kind.
    experiment
        What was asked.
    """
    names, probes = name_guidances(experiment), found["probes"]
    shown = sorted({(len(found["images"]) - 1) // 2, len(found["images"]) - 1})
    head = [
        "",
        *(f"accuracy [%], {found['images'][place]:,} images" for place in shown),
        "regret [%]",
    ]
    lines, controls = [], []
    for strategy, guidances in found["strategies"].items():
        for key, rated in guidances.items():
            quality = [format_estimate(in_percent(rated["quality"][place])) for place in shown]
            regret = format_estimate(in_percent(rated["regret"]))
            lines.append([f"{strategy}: {names[key]}", *quality, regret])
            controls.append(key.endswith("control"))
    learned = (
        f"Under learned, a share of {probes['share']:g} of the candidates is trained on to "
        f"{probes['steps']:,} steps. These images count, too, so that such a search has fewer "
        "candidates. "
        if probes
        else "Guidance learned is left out, as nothing was measured after these steps. "
    )
    return (
        f'<p class="note">{searches} searches of each kind, with the strategies of the package '
        f"and their default options, in generations of {found['generation']}. Each candidate is "
        f"trained for {found['steps']:,} steps. {learned}A proposal that was not measured is "
        "replaced by the cell that differs in the fewest choices, of those that the search has not "
        "seen; of equally near ones, one is drawn. Progressive has one stage here, that of all "
        "cells, because smaller networks were not measured. Accuracy is the mature one of the cell "
        "with the highest reward. Regret is the highest mature accuracy of all cells, "
        f"{found['best']:.2%}, less that, at the larger number of images. Brackets are 95 % "
        "intervals of the mean over searches. All searches are on the same cells, so they say "
        "nothing of other cells.</p>" + build_html_table(head, lines, controls)
    )


def describe_weights(
    found: Mapping[str, Any], efficiency: Mapping[str, Any], experiment: Experiment
) -> str:
    """Fixed weights of TG, and learned ones, in random searches of the same candidates."""
    primary = experiment.primary
    total = SUMS[primary.scale].replace("+ ", "+ alpha x ")
    titles = [experiment.teachers[key].title for key in (primary.teacher, primary.control)]
    head = ["regret [%]", *(name for title in titles for name in (title, "over P"))]
    lines = []
    for key in found["weights"]["primary"]:
        rated = [found["weights"][name][key] for name in ("primary", "control")]
        name = key.replace("alpha", f"{total}, alpha =")
        texts = [
            format_estimate(in_percent(one[part]), part == "over_P")
            for one in rated
            for part in ("regret", "over_P")
        ]
        lines.append([name, *texts])
    return (
        f'<p class="note">Random searches of {efficiency["candidates"][-1]} candidates, the same '
        "under all weights; what the longer training of probes costs is left out here. Over P: "
        "regret less that of P in the same searches, below 0 where it is smaller. Brackets are "
        "95 % intervals of the mean over searches.</p>" + build_html_table(head, lines)
    )
