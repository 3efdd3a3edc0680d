from pathlib import Path

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.premature import Premature
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.search.generation import make_proposals

with running_rule(snakemake.log[0]), noted(snakemake):
    history, reused = snakemake.input.history, snakemake.input.reused
    params = snakemake.params
    proposals = make_proposals(
        int(snakemake.wildcards.generation),
        Path(history[0]) if history else None,
        [Path(path) for path in snakemake.input.in_flight],
        read_search(params.search),
        params.digests,
        check_section(Premature, params.premature, "params", ["premature"]),
        Path(reused[0]) if reused else None,
    )
    write_json(snakemake.output[0], proposals)
