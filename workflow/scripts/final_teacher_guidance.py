from pathlib import Path

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.evaluation.teacher_guidance import measure_teacher_guidance
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.teacher.options import read_sources

with running_rule(snakemake.log[0]) as report, noted(snakemake):
    params, given = snakemake.params, snakemake.input
    folder = Path(given.stimuli[0]).parents[1]
    score = measure_teacher_guidance(
        read_json(given.best)["genotype"],
        Skeleton(**read_json(given.metrics)["network"]),
        Path(given.weights),
        Path(given.teacher),
        Path(given.ranks),
        read_sources(params.recordings, params.regions, folder),
        params.visual_degrees,
        params.computing,
        params.scoring,
        params.seed,
    )
    write_json(snakemake.output[0], score)
    values = [
        f"{choice} {'none' if TG is None else f'{TG:.3f}'}" for choice, TG in score["TG"].items()
    ]
    report(f"TG of the final network: {', '.join(values)}")
