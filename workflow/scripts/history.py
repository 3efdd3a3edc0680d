from pathlib import Path

from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.search.candidate.kept import drop_kept
from tgas_neuro.search.generation import describe_history, make_history

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    previous, reused = snakemake.input.previous, snakemake.input.reused
    history = make_history(
        int(snakemake.wildcards.generation),
        Path(previous[0]) if previous else None,
        [Path(path) for path in snakemake.input.records],
        read_search(snakemake.params.search),
        snakemake.params.digests,
        Path(reused[0]) if reused else None,
    )
    write_json(snakemake.output[0], history)
    # Snakemake has seen the ends of the jobs of all these records
    ids = [read_json(path)["id"] for path in snakemake.input.records]
    drop_kept(Path(snakemake.output[0]).parents[1], ids)
    report(describe_history(history))
