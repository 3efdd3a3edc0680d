from pathlib import Path

from tgas_neuro.images.decoded import load_images_digest
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.search.runs.reuse import describe_reused, make_reused

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    params = snakemake.params
    digests = params.digests | {"images": load_images_digest(Path(params.images))}
    reused = make_reused(params.runs, read_search(params.search), digests)
    write_json(snakemake.output[0], reused)
    for line in describe_reused(reused):
        report(line)
