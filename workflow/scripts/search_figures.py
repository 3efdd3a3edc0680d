from pathlib import Path

from tgas_neuro.figures.pictures import draw_best_cell, draw_search
from tgas_neuro.images.decoded import load_classes
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    params, output = snakemake.params, snakemake.output
    best, history = read_json(snakemake.input.best), read_json(snakemake.input.history[0])
    chance = None
    if Path(params.decoded, "classes.json").is_file():
        chance = 1 / len(load_classes(params.decoded))
    else:
        report(f"{params.decoded}: not here, so that the search curve has no chance level")
    draw_search(history, best["run"], params.simulated, output.curve, chance)
    draw_best_cell(best, output.cell)
