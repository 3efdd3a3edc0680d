"""What the profile of SLURM has the executor ask for; no SLURM is needed for that."""

import shutil

import pytest
from soak.soak import PROJECT

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]

SBATCH = """#!/bin/sh
echo "$@" >> {folder}/asked
echo "no cluster here" >&2
exit 1
"""


@pytest.fixture
def ask(toy, finished, tmp_path):
    """Runs the workflow up to its candidates; returns what sbatch was asked for each of them."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("sbatch", "squeue", "scontrol", "sinfo", "sacctmgr", "sshare", "sacct"):
        text = SBATCH.format(folder=programs) if name == "sbatch" else "#!/bin/sh\n"
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    toy.environment["PATH"] = f"{programs}:{toy.environment['PATH']}"
    toy.copy_results(finished)
    shutil.rmtree(toy.folder / "results/search")

    def ask(*arguments):
        profile = ["--profile", str(PROJECT / "profiles/slurm"), "--retries", "0"]
        target = [] if "--until" in arguments else ["--until", "best"]
        options = [*profile, "--local-cores", "2", *target, *arguments]
        found = toy.run(*options, cores=None, check=False)
        assert found.returncode != 0
        asked = (programs / "asked").read_text().splitlines()
        return [line for line in asked if "rule_candidate" in line]

    ask.list_all = lambda: (programs / "asked").read_text().splitlines()
    return ask


def test_candidates_ask_for_what_their_rule_says(ask):
    asked = ask()
    assert len(asked) == 3
    for line in asked:
        assert "--mem 4000" in line
        assert "-t 60" in line
        assert "--cpus-per-task=1" in line
        assert "--gpus" not in line
        assert "--job-name tgas_" in line
        assert "-p main" in line


def test_a_group_of_candidates_on_a_gpu(ask, toy):
    toy.config["premature"]["device"] = "cuda"
    toy.config["search"]["candidates_per_job"] = 3
    (line,) = ask("--set-resources", "candidates_00:slurm_partition=gpu")
    assert "--gpus=1" in line
    assert "--ntasks-per-gpu" not in line
    assert "-t 180" in line
    assert "-p gpu" in line


def test_a_final_training_on_gpus_is_one_task_of_one_node(ask, toy, finished):
    shutil.copytree(finished.folder / "results/search", toy.folder / "results/search")
    (toy.folder / "results/best_cell.json").unlink()
    gpus = {"device": "cuda", "processes": 2, "threads": 3, "workers": 5, "batch_size": 8,
            "micro_batch": 4}  # fmt: skip
    toy.config["final"] |= gpus
    # options that replace what the profile says of single rules and of all rules
    others = ["--set-resources", "candidate:mem_mb=16000"]
    others += ["--default-resources", "slurm_partition=gpu"]
    assert ask("--until", "final", *others) == []
    (line,) = [line for line in ask.list_all() if "rule_final" in line]
    for option in ("--gpus=2", "--nodes=1", "--cpus-per-task=16", "--mem 24192", "--requeue"):
        assert option in line
    assert "--ntasks" not in line
