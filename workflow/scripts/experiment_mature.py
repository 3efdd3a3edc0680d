from pathlib import Path

from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.experiments import MatureTraining, Training
from tgas_neuro.experiments.measurement import train_mature
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    cell = read_json(snakemake.input.cells)["cells"][int(snakemake.wildcards.cell)]
    accuracy = train_mature(
        read_genotype(cell["genotype"]),
        check_section(Training, snakemake.params.training, "params", ["training"]),
        check_section(MatureTraining, snakemake.params.mature, "params", ["mature"]),
        Path(snakemake.input.train[0]).parents[1],
        report,
    )
    write_json(snakemake.output[0], {"hash": cell["hash"], "mature": accuracy})
