from tgas_neuro.figures.pictures import draw_best_cell, draw_search
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]), noted(snakemake):
    best, history = read_json(snakemake.input.best), read_json(snakemake.input.history[0])
    draw_search(history, best["run"], snakemake.params.simulated, snakemake.output.curve)
    draw_best_cell(best, snakemake.output.cell)
