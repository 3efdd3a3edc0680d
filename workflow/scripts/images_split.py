from pathlib import Path

from tgas_neuro.images.decoded import Images
from tgas_neuro.images.splits import make_split
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]), noted(snakemake):
    images = Images(**snakemake.params.images)
    make_split(images, snakemake.wildcards.split, Path(snakemake.output[0]))
