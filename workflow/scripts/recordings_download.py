from pathlib import Path

from tgas_neuro.recordings.datasets.files import fetch_files
from tgas_neuro.runtime.rule import running_rule

with running_rule(snakemake.log[0]):
    description, name = snakemake.params.description, snakemake.wildcards.file
    wanted = [file for file in description["files"] if file["name"] == name]
    folder = Path(snakemake.output[0]).parent
    fetch_files(description | {"files": wanted}, folder, snakemake.params.mirror)
