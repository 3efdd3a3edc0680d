from tgas_neuro.figures.pictures import draw_layer_maps
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]), noted(snakemake):
    best, guidance = read_json(snakemake.input.best), read_json(snakemake.input.guidance)
    draw_layer_maps(best, guidance, snakemake.output)
