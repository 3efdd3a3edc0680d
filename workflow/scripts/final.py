import shutil
from pathlib import Path

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.files import read_json, write_json
from tgas_neuro.final.training import train_final
from tgas_neuro.rule import running_rule

with running_rule(snakemake.log[0]) as report:
    params, work = snakemake.params, Path(snakemake.params.folder)
    metrics = train_final(
        params.config,
        read_genotype(read_json(snakemake.input.best)["genotype"]),
        Path(params.train),
        Path(params.val),
        work,
        params.seed,
        report,
    )
    shutil.copyfile(work / "weights.pt", snakemake.output.weights)
    shutil.copyfile(work / "log.csv", snakemake.output.log_table)
    write_json(snakemake.output.metrics, metrics)
