from tgas_neuro import __version__
from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.experiments.page import build_page, describe_answer
from tgas_neuro.figures.experiments import build_gain_figure, render_svg
from tgas_neuro.figures.pictures import save_figure
from tgas_neuro.runtime.files import read_json, written_whole
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake) as root:
    experiment = check_experiment(snakemake.params.experiment, snakemake.wildcards.experiment)
    result = read_json(snakemake.input[0])
    pictures = {}
    for caption, partial in (
        ("What P, TG and their sum know along the training", False),
        ("The same with size held constant", True),
    ):
        figure = build_gain_figure(result, experiment, partial)
        if not partial:
            save_figure(figure, snakemake.output.picture)
        pictures[caption] = render_svg(figure)
    made = f"Made by tgas-neuro {__version__} from {snakemake.input[0]}; digest {root[:16]}."
    with written_whole(snakemake.output.page) as beside:
        beside.write_text(build_page(result, experiment, pictures, made), encoding="utf-8")
    report(describe_answer(result["primary"], experiment))
