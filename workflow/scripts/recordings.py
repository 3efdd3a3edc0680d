from pathlib import Path

from tgas_neuro.recordings.datasets.description import Description
from tgas_neuro.recordings.datasets.files import check_files
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    params = snakemake.params
    description = Description.model_validate(params.description)
    names = [file.name for file in description.files]
    files = dict(zip(names, map(Path, snakemake.input.files), strict=True))
    check_files(description, files)
    ingest_recordings(description, files, params.folder, report)
