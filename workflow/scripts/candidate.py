from pathlib import Path

from tgas_neuro.candidate.record import find_proposal, make_record
from tgas_neuro.files import read_json, write_json
from tgas_neuro.rule import running_rule
from tgas_neuro.search.progress import describe_record

with running_rule(snakemake.log[0]) as report:
    proposals, params = read_json(snakemake.input.proposals), snakemake.params
    name = f"g{snakemake.wildcards.generation}_c{snakemake.wildcards.candidate}"
    keep = params.config["search"]["keep_weights"]
    record = make_record(
        find_proposal(proposals, name),
        params.config,
        Path(snakemake.input.images[0]).parent,
        Path(snakemake.input.teacher),
        Path(snakemake.input.ranks),
        Path(params.run, "weights", f"{name}.pt") if keep else None,
        params.digests,
    )
    write_json(snakemake.output[0], record)
    report(describe_record(record, params.config["search"], Path(params.run)))
