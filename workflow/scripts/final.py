from pathlib import Path

from tgas_neuro.config.section import dump_section
from tgas_neuro.final.launch.job import Job, train_job
from tgas_neuro.images.decoded import Images
from tgas_neuro.images.splits import SPLITS
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.files import copy_whole, read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

params, given, work = snakemake.params, snakemake.input, Path(snakemake.params.folder)
images = Images(**params.images)
written = [*snakemake.output, str(work / "job.json")]
folders = [] if images.is_made else map(images.get_split_folder, SPLITS)
with running_rule(snakemake.log[0]) as report, noted(snakemake, written, folders=folders):
    # with the keys that numbers do not depend on, which are no params
    config = dump_section(check_configuration(snakemake.config).final) | params.config
    genotype = read_json(given.best)["genotype"]
    made = {split: str(given.get(split)) for split in SPLITS if given.get(split)}
    job = Job(config, genotype, params.images, params.checked, params.folder, params.seed, made)
    train_job(job, report)
    copy_whole(work / "weights.pt", snakemake.output.weights)
    copy_whole(work / "log.csv", snakemake.output.log_table)
    copy_whole(job.metrics, snakemake.output.metrics)
