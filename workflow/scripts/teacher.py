from pathlib import Path

from tgas_neuro.provenance import build_provenance
from tgas_neuro.rule import running_rule
from tgas_neuro.teacher.recordings import build_recordings_teacher, read_options
from tgas_neuro.teacher.teacher import write_teacher

with running_rule(snakemake.log[0]) as report:
    config, seed = snakemake.params.config, snakemake.params.seed
    regions = config["recordings"]["regions"]
    teacher = build_recordings_teacher(
        {name: Path("results/recordings", set_) for name, set_ in snakemake.params.regions.items()},
        {name: source["select"] for name, source in regions.items()},
        read_options(config, seed),
        build_provenance(seed, **snakemake.params.digests),
        report,
    )
    write_teacher(snakemake.output[0], teacher)
