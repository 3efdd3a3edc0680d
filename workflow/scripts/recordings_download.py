from tgas_neuro.recordings.datasets.description import Download
from tgas_neuro.recordings.datasets.files import fetch_download
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

with running_rule(snakemake.log[0]), noted(snakemake):
    params = snakemake.params
    file = Download.model_validate(params.file)
    fetch_download(file, snakemake.wildcards.dataset, params.folder, params.mirror)
