from tgas_neuro.final.result.best_cell import make_best_cell, write_best_cell
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.files import copy_whole, read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.teacher.teacher import load_teacher

with running_rule(snakemake.log[0], shown=True) as report, noted(snakemake) as root:
    content = make_best_cell(
        read_json(snakemake.input.best),
        load_teacher(snakemake.input.teacher),
        read_json(snakemake.input.metrics),
        read_json(snakemake.input.guidance),
        check_configuration(snakemake.params.config),
        snakemake.params.names,
        snakemake.params.digests,
        snakemake.params.files,
        root,
    )
    copy_whole(snakemake.input.picture, snakemake.output.picture)
    write_best_cell(snakemake.output.result, content)
    report(content.note)
