from pathlib import Path

from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.experiments import Training
from tgas_neuro.experiments.measurement import measure_cell
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.teacher.teacher import load_teacher

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    cell = read_json(snakemake.input.cells)["cells"][int(snakemake.wildcards.cell)]
    record = measure_cell(
        read_genotype(cell["genotype"]),
        int(snakemake.wildcards.repetition),
        check_section(Training, snakemake.params.training, "params", ["training"]),
        Path(snakemake.input.images[0]).parents[1],
        load_teacher(snakemake.input.teacher, for_scoring=True),
        Path(snakemake.input.ranks),
        snakemake.params.known,
        report,
    )
    write_json(snakemake.output[0], record)
