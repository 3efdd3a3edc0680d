import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tgas_neuro.api.variants import plan_variants
from tgas_neuro.experiments.measurement import join_teachers
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule
from tgas_neuro.teacher.teacher import write_teacher
from tgas_neuro.teacher.variants import build_variants

params = snakemake.params
sys.path.append(params.modules)
with (
    running_rule(snakemake.log[0]) as report,
    noted(snakemake),
    TemporaryDirectory(prefix="tgas-recordings-") as folder,
):
    descriptions = [Path(one) for one in params.descriptions]
    planned = plan_variants(params.configs, descriptions, params.name, Path(folder))
    write_teacher(snakemake.output[0], join_teachers(build_variants(planned, report)))
