from pathlib import Path

from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.search.best import make_best
from tgas_neuro.search.rewards import describe_basis

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    records, reused = [Path(path) for path in snakemake.input.records], snakemake.input.reused
    best = make_best(
        Path(snakemake.input.history[0]),
        records,
        snakemake.params.run,
        Path(reused[0]) if reused else None,
    )
    write_json(snakemake.output[0], best)
    report(f"best candidate {best['id']}, reward {best['reward']:.3f}")
    if basis := describe_basis(best):
        report(basis)
