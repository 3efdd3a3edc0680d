from pathlib import Path

from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.teacher.build import build_teacher
from tgas_neuro.teacher.options import read_options, read_sources
from tgas_neuro.teacher.teacher import write_teacher

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    config, seed = snakemake.params.config, snakemake.params.seed
    folder = Path(snakemake.input.recordings[0]).parents[1]
    sources = read_sources(config["recordings"], snakemake.params.regions, folder)
    provenance = build_provenance(seed, **snakemake.params.digests)
    teacher = build_teacher(sources, read_options(config, seed), provenance, report)
    write_teacher(snakemake.output[0], teacher)
