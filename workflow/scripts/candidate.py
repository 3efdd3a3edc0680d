from pathlib import Path

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.premature import Premature
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.search.candidate import Inputs, find_proposal, import_once
from tgas_neuro.search.candidate.kept import make_kept_record
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.runs.status import describe_record

params, run = snakemake.params, Path(snakemake.params.run)
# Not a param: those must not depend on how many candidates go into a job.
generation = snakemake.wildcards.generation
names = [Path(path).stem.replace("candidate_", f"g{generation}_c") for path in snakemake.output]
inputs = Inputs(Path(params.images), Path(snakemake.input.teacher), Path(snakemake.input.ranks))
search = read_search(params.search)
premature = check_section(Premature, params.premature, "params", ["premature"])
several, known = len(names) > 1, {}  # what all candidates of the job read
for number, (name, log) in enumerate(zip(names, snakemake.log, strict=True)):
    weights = run / "weights" / f"{name}.pt" if search.keep_weights else None
    written = [snakemake.output[number]]
    with running_rule(log, shown=True) as report, noted(snakemake, written, known) as root:
        if several:
            import_once()
        proposals = read_json(snakemake.input.proposals)
        record = make_kept_record(
            run,
            root,
            find_proposal(proposals, name),
            proposals["rungs"],
            search,
            premature,
            inputs,
            weights,
            params.digests,
        )
        write_json(snakemake.output[number], record)
        written += [str(weights)] if weights is not None and weights.is_file() else []
        report(describe_record(record, Rating.from_search(search), run))
