from pathlib import Path

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.evaluation.layer_rdms import calc_layer_rdms, write_layer_rdms
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.teacher.options import read_sources

with running_rule(snakemake.log[0]), noted(snakemake):
    params, given = snakemake.params, snakemake.input
    folder = Path(given.stimuli[0]).parents[1]
    rdms = calc_layer_rdms(
        read_json(given.best)["genotype"],
        Skeleton(**read_json(given.metrics)["network"]),
        Path(given.weights),
        read_json(given.guidance),
        Path(given.teacher),
        read_sources(params.recordings, params.regions, folder),
        params.visual_degrees,
        params.computing,
        params.scoring,
        params.seed,
    )
    write_layer_rdms(snakemake.output[0], rdms)
