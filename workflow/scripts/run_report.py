from pathlib import Path

from tgas_neuro.report.answers import list_answers
from tgas_neuro.report.write import write_report
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    (facts,) = write_report([Path(snakemake.params.search)], snakemake.output[0])
    for answer in list_answers(facts):
        report(f"{answer.question} {answer.text}")
