"""Draw the pictures of stored results again; nothing is measured.

    python benchmarks/redraw.py [noise_ceiling] [guidance] [surrogates_early] [surrogates_500]
        [surrogates_some] [--output FOLDER]

Of the study's sittings (`surrogates_*`), rank correlations and their intervals are calculated from
the stored tables, which takes minutes.
"""

import argparse
from collections.abc import Collection
from functools import partial
from pathlib import Path

from guidance_report import draw_report
from matplotlib.figure import Figure
from noise_ceiling_truth import draw_truth

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


def draw_surrogates(name: str, teachers: Collection[str] = ()) -> Figure:
    """What they know early of cells of NAS-Bench-201, in sittings of the study.

    Of some teachers and controls alone if they are named.
    """
    experiment = load_experiment(name, [find_project() / "workflow/experiments"])
    table = read_table(RESULTS / f"{name}.csv.gz", experiment)
    result = rate_surrogates(table, experiment)
    shown = {key: one for key, one in experiment.teachers.items() if key in teachers}
    experiment = experiment.model_copy(update={"teachers": shown or experiment.teachers})
    return build_gain_figure(result, experiment, partial=False)


PICTURES = {
    "noise_ceiling": draw_noise_ceiling,
    "guidance": draw_guidance,
    "surrogates_early": partial(draw_surrogates, "surrogates_early"),
    "surrogates_500": partial(draw_surrogates, "surrogates_500"),
    "surrogates_some": partial(draw_surrogates, "surrogates_500", ("v4_it", "it", "shuffled")),
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
