import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tgas_neuro.api.teachers import gather_recordings
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.plan import build_plan
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.teacher.build import build_teacher
from tgas_neuro.teacher.options import read_options, read_sources
from tgas_neuro.teacher.teacher import write_teacher

params = snakemake.params
sys.path.append(params.modules)
with (
    running_rule(snakemake.log[0]) as report,
    noted(snakemake),
    TemporaryDirectory(prefix="tgas-recordings-") as folder,
):
    plan = build_plan(params.config, [Path(one) for one in params.descriptions], params.name)
    recordings, teacher, seed = plan.config.recordings, plan.config.teacher, plan.config.search.seed
    mirror = Path(recordings.mirror) if recordings.mirror else None
    gather_recordings(plan.descriptions, Path(folder), mirror)
    sections = {"recordings": dump_section(recordings), "teacher": dump_section(teacher)}
    sources = read_sources(sections["recordings"], plan.regions, folder)
    provenance = build_provenance(seed, teacher=plan.digests["teacher"])
    made = build_teacher(sources, read_options(sections, seed), provenance, report)
    write_teacher(snakemake.output[0], made)
