import os
import subprocess
import sys
from pathlib import Path

import yaml

from tgas_neuro.plan.plan import build_plan
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import copy_whole, written_whole
from tgas_neuro.runtime.ledger import noted
from tgas_neuro.runtime.processes import running_rule

config, folder = snakemake.params.config, Path(snakemake.params.folder)
project = Path(snakemake.params.project)
with running_rule(snakemake.log[0]) as report, noted(snakemake):
    key = f"teachers.{snakemake.wildcards.key}"
    plan = build_plan(config, [Path("neural_data").resolve(), project / "neural_data"], key)
    teacher = f"results/teacher/{plan.teacher}/teacher.nc"
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(folder / "config.yaml") as beside:
        beside.write_text(yaml.safe_dump(config, sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(project / "Snakefile")]
    command += ["--directory", str(folder), "--cores", str(snakemake.threads), "--quiet", "all"]
    modules = [str(project / "workflow/experiments"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [*command, "--", teacher],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, modules))},
    )
    if done.returncode:
        lines = [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]
        said = (
            [line for line in lines if line.startswith("Error: ")] or lines[-1:] or ["no message"]
        )
        raise UserError(f"{key}: its workflow in {folder} failed: {said[0]}")
    copy_whole(folder / teacher, snakemake.output[0])
    report(f"made {plan.teacher}")
