from functools import partial
from pathlib import Path

from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.rule import running_rule
from tgas_neuro.search.candidate.batch import drop_kept, import_once, make_kept_record
from tgas_neuro.search.candidate.record import find_proposal, make_record
from tgas_neuro.search.runs.progress import describe_record

params, run = snakemake.params, Path(snakemake.params.run)
generation, several = snakemake.wildcards.generation, len(snakemake.output) > 1
names = [Path(path).stem.replace("candidate_", f"g{generation}_c") for path in snakemake.output]
make = partial(make_kept_record, run) if several else make_record
for name, log, output in zip(names, snakemake.log, snakemake.output, strict=True):
    with running_rule(log) as report:
        if several:
            import_once()
        record = make(
            find_proposal(read_json(snakemake.input.proposals), name),
            params.config,
            Path(snakemake.input.images[0]).parent,
            Path(snakemake.input.teacher),
            Path(snakemake.input.ranks),
            run / "weights" / f"{name}.pt" if params.config["search"]["keep_weights"] else None,
            params.digests,
        )
        write_json(output, record)
        report(describe_record(record, params.config["search"], run))
drop_kept(run, names)
