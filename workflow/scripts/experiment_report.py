from tgas_neuro import __version__
from tgas_neuro.experiments.efficiency_page import name_guidances
from tgas_neuro.experiments.neurons_page import describe_neurons
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.experiments.page import build_page, describe_answer
from tgas_neuro.figures.experiments import (
    build_curve_figure,
    build_gain_figure,
    build_neurons_figure,
    build_strategies_figure,
    render_svg,
)
from tgas_neuro.figures.style import save_figure
from tgas_neuro.runtime.files import read_json, written_whole
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake) as root:
    experiment = check_experiment(snakemake.params.experiment, snakemake.wildcards.experiment)
    result = read_json(snakemake.input.surrogates)
    efficiency = read_json(snakemake.input.efficiency)
    figures = {
        "Quality for so many images": build_curve_figure(efficiency, name_guidances(experiment)),
        "What P, TG and their sum know along the training": build_gain_figure(
            result, experiment, partial=False
        ),
        "The same with size held constant": build_gain_figure(result, experiment, partial=True),
    }
    curve, gain, _ = figures.values()
    if strategies := efficiency["strategies"]:
        figures["Strategies at equal numbers of images"] = build_strategies_figure(strategies)
    save_figure(curve, snakemake.output.efficiency)
    save_figure(gain, snakemake.output.surrogates)
    pictures = {caption: render_svg(figure) for caption, figure in figures.items()}
    sections = []
    for path in snakemake.input.neurons:
        neurons = read_json(path)
        drawn = render_svg(build_neurons_figure(neurons, experiment))
        sections.append(describe_neurons(neurons, experiment, drawn))
    made = f"Made by tgas-neuro {__version__}; digest of all that it was made from: {root[:16]}."
    page = build_page(result, efficiency, experiment, pictures, made, sections)
    with written_whole(snakemake.output.page) as beside:
        beside.write_text(page, encoding="utf-8")
    report(describe_answer(result["primary"], experiment))
