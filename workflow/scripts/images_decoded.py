from pathlib import Path

from tgas_neuro.images.decoded import CHECKED, Images
from tgas_neuro.images.splits import decode_training_split
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report:
    images = Images(**snakemake.params.images)
    made = snakemake.input.folder or None
    folder = Path(snakemake.output[0]).parent
    number = decode_training_split(
        images, snakemake.params.size, folder, made, Path(CHECKED), report
    )
    report(f"decoded {number} training images of {images.name}")
