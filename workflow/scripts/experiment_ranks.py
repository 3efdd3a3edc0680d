from pathlib import Path

from tgas_neuro.experiments.measurement import join_teachers
from tgas_neuro.rdm.streaming.ranked import Sample
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.teacher.teacher import load_teacher, write_teacher

with running_rule(snakemake.log[0]), noted(snakemake):
    joined = join_teachers(
        {Path(path).stem: load_teacher(path) for path in snakemake.input.teachers},
        [load_teacher(path) for path in snakemake.input.grids],
    )
    write_teacher(snakemake.output.teacher, joined)
    sample = Sample.choose(snakemake.params.pairs, snakemake.params.seed)
    write_ranks(snakemake.output.ranks, joined, sample)
