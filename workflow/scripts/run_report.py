from pathlib import Path

from tgas_neuro.report.sources import Places
from tgas_neuro.report.write import write_report
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

given = snakemake.input
with running_rule(snakemake.log[0]), noted(snakemake):
    teacher, classes, metrics = (
        Path(path).absolute() for path in (given.teacher, given.classes, given.metrics)
    )
    places = Places(teacher, classes, metrics.parent)
    write_report([Path(given.best).parent], snakemake.output[0], places)
