"""Draw the pictures of stored results again; nothing is measured.

    python benchmarks/redraw.py [noise_ceiling] [guidance] [surrogates_early] [surrogates_500]
        [surrogates_some] [--output FOLDER]

Of the study's sittings (`surrogates_*`), rank correlations and their intervals are calculated from
the stored tables, which takes minutes.
"""

import argparse
from collections.abc import Collection
from functools import cache, partial
from pathlib import Path
from typing import Any

from guidance_report import draw_report
from matplotlib.figure import Figure
from noise_ceiling_truth import draw_truth

from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.options import load_experiment
from tgas_neuro.experiments.surrogates import rate_surrogates
from tgas_neuro.experiments.table import read_table
from tgas_neuro.figures.experiments import build_gain_figure
from tgas_neuro.figures.style import save_figure
from tgas_neuro.runtime.errors import check_choice
from tgas_neuro.runtime.files import find_project, read_json

RESULTS = Path(__file__).parent / "results"


def draw_noise_ceiling() -> Figure:
    """Ceilings against simulated truth."""
    return draw_truth(read_json(RESULTS / "noise_ceiling.json")["truth"])


def draw_guidance() -> Figure:
    """What P, TG and their sum know early of 24 cells."""
    content = read_json(RESULTS / "guidance.json")
    return draw_report(content, content["form"]["early"])


@cache
def rate(name: str) -> tuple[dict[str, Any], Experiment]:
    """Rank correlations of sittings of the study, calculated once for all pictures."""
    experiment = load_experiment(name, [find_project() / "workflow/experiments"])
    table = read_table(RESULTS / f"{name}.csv.gz", experiment)
    return rate_surrogates(table, experiment), experiment


def draw_surrogates(name: str, teachers: Collection[str] | None = None) -> Figure:
    """What they know early of cells of NAS-Bench-201: all teachers and controls, or some."""
    result, experiment = rate(name)
    if teachers:
        shown = {key: experiment.teachers[key] for key in teachers}
        experiment = experiment.model_copy(update={"teachers": shown})
    return build_gain_figure(result, experiment, partial=False)


PICTURES = {
    "noise_ceiling": draw_noise_ceiling,
    "guidance": draw_guidance,
    "surrogates_early": partial(draw_surrogates, "surrogates_early"),
    "surrogates_500": partial(draw_surrogates, "surrogates_500"),
    "surrogates_some": partial(draw_surrogates, "surrogates_500", ("it", "v4_it", "shuffled")),
}


def main() -> None:
    """Parse the command line, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", nargs="*", help=f"{', '.join(PICTURES)}; default: all")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder")
    chosen = parser.parse_args()
    for name in chosen.pictures or PICTURES:
        check_choice("pictures", name, PICTURES)
        save_figure(PICTURES[name](), chosen.output / f"{name}.png")
        print(chosen.output / f"{name}.png")


if __name__ == "__main__":
    main()
