from tgas_neuro.figures.pictures import draw_region
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.teacher.teacher import build_title, load_teacher

with running_rule(snakemake.log[0]), noted(snakemake):
    name = snakemake.wildcards.region
    region = load_teacher(snakemake.input.teacher).regions[name]
    draw_region(build_title(name, region), region, snakemake.output)
