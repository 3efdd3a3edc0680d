from pathlib import Path

from tgas_neuro.recordings.download import check_files
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.rule import running_rule

with running_rule(snakemake.log[0]):
    files = {Path(path).name: Path(path) for path in snakemake.input.files}
    check_files(snakemake.params.description, files)
    ingest_recordings(snakemake.params.description, files, Path(snakemake.output[0]).parent)
