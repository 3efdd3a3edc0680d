from pathlib import Path

from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.rule import running_rule
from tgas_neuro.search.generation import make_proposals

with running_rule(snakemake.log[0]):
    history, reused = snakemake.input.history, snakemake.input.reused
    proposals = make_proposals(
        int(snakemake.wildcards.generation),
        Path(history[0]) if history else None,
        [Path(path) for path in snakemake.input.in_flight],
        snakemake.params.search,
        snakemake.params.digests,
        snakemake.params.premature,
        Path(reused[0]) if reused else None,
    )
    write_json(snakemake.output[0], proposals)
