from tgas_neuro.rdm.streaming.ranked import Sample
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.teacher.teacher import load_teacher

with running_rule(snakemake.log[0]), noted(snakemake):
    params = snakemake.params
    sample = Sample.choose(params.get("pairs"), params.get("seed"))
    write_ranks(snakemake.output[0], load_teacher(snakemake.input.teacher), sample)
