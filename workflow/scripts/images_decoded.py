from pathlib import Path

from tgas_neuro.config.premature import Premature
from tgas_neuro.images.decoded import CHECKED, Images, check_held_back, load_decoded
from tgas_neuro.images.splits import decode_training_split
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

images = Images(**snakemake.params.images)
folders = [] if images.is_made else [images.get_split_folder("train")]
with running_rule(snakemake.log[0]) as report, noted(snakemake, folders=folders):
    made = snakemake.input.folder or None
    folder = Path(snakemake.output[0]).parent
    number = decode_training_split(
        images, snakemake.params.size, folder, made, Path(CHECKED), report
    )
    report(f"decoded {number} training images of {images.name}")
    # Not a param: another share does not need the images decoded again.
    premature = snakemake.config["premature"]
    share = premature.get("held_back", Premature.model_fields["held_back"].default)
    check_held_back(load_decoded(folder)[1], float(share), report)
