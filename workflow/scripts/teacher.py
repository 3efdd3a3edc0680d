from pathlib import Path

from tgas_neuro.provenance import build_provenance
from tgas_neuro.rule import running_rule
from tgas_neuro.teacher.build import build_teacher
from tgas_neuro.teacher.options import Source, read_options
from tgas_neuro.teacher.teacher import write_teacher

with running_rule(snakemake.log[0]) as report:
    config, seed = snakemake.params.config, snakemake.params.seed
    regions = config["recordings"]["regions"]
    sources = {
        name: Source(dataset, Path("results/recordings", dataset), regions[name]["select"])
        for name, dataset in snakemake.params.regions.items()
    }
    provenance = build_provenance(seed, **snakemake.params.digests)
    teacher = build_teacher(sources, read_options(config, seed), provenance, report)
    write_teacher(snakemake.output[0], teacher)
