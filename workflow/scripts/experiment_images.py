from pathlib import Path
from tempfile import TemporaryDirectory

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.premature import Premature
from tgas_neuro.images.decoded import decode_listing
from tgas_neuro.images.splits import decode_training_split, load_split, make_split
from tgas_neuro.plan.images import plan_images
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

premature = check_section(Premature, snakemake.params.premature, "params", ["premature"])
images, split = plan_images(premature), snakemake.wildcards.split
size, folder = premature.image_size, Path(snakemake.output[0]).parent
folders = [] if images.is_made else [images.get_split_folder(split)]
with (
    running_rule(snakemake.log[0]) as report,
    noted(snakemake, folders=folders),
    TemporaryDirectory(dir=folder) as work,
):
    made = Path(work, split) if images.is_made else None
    if made is not None:
        make_split(images, split, made)
    if split == "train":
        number = decode_training_split(images, size, folder, made, None, report)
    else:
        listing = load_split(images, split, "premature.data", None, report, made)
        number = decode_listing(
            listing, size, folder, images.pictures, "premature.data.images", report
        )
    report(f"decoded {number} images")
