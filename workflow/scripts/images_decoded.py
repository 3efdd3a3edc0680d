from pathlib import Path

from tgas_neuro.classification.splits import decode_training_split
from tgas_neuro.plan import Images
from tgas_neuro.rule import running_rule

with running_rule(snakemake.log[0]) as report:
    images = Images(**snakemake.params.images)
    made = Path(snakemake.input.folder) if snakemake.input.folder else None
    folder = Path(snakemake.output[0]).parent
    checked = Path("results/images/checked")
    number = decode_training_split(images, snakemake.params.size, folder, made, checked, report)
    report(f"decoded {number} training images of {images.name}")
