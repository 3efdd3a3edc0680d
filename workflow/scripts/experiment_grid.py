import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tgas_neuro.api.teachers import gather_recordings
from tgas_neuro.config.section import dump_section
from tgas_neuro.experiments.measurement import join_teachers
from tgas_neuro.plan.plan import build_plan
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.teacher.options import read_options, read_sources
from tgas_neuro.teacher.teacher import write_teacher
from tgas_neuro.teacher.variants import Variant, build_variants

params = snakemake.params
sys.path.append(params.modules)
with (
    running_rule(snakemake.log[0]) as report,
    noted(snakemake),
    TemporaryDirectory(prefix="tgas-recordings-") as folder,
):
    variants = {}
    for key, config in params.configs.items():
        plan = build_plan(config, [Path(one) for one in params.descriptions], params.name)
        recordings, seed = plan.config.recordings, plan.config.search.seed
        if not variants:  # all are of the same recordings
            mirror = Path(recordings.mirror) if recordings.mirror else None
            gather_recordings(plan.descriptions, Path(folder), mirror)
        dumped = {
            "recordings": dump_section(recordings),
            "teacher": dump_section(plan.config.teacher),
        }
        variants[key] = Variant(
            read_sources(dumped["recordings"], plan.regions, folder),
            read_options(dumped, seed),
            build_provenance(seed, teacher=plan.digests["teacher"]),
        )
    write_teacher(snakemake.output[0], join_teachers(build_variants(variants, report)))
