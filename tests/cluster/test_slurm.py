"""The toy workflow on a real SLURM: what it gives, and what faults do to it."""

import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster.slurm import wait_until
from cluster.toy import ClusterToy
from soak.soak import read_result
from support.toy_run import Toy

pytestmark = [pytest.mark.workflow, pytest.mark.cluster]


@pytest.fixture
def running(cluster, second_generation):
    """Candidates of a generation as jobs: the Snakemake that submitted them, and one of them."""
    with following(cluster, second_generation.start(second_generation.target)) as process:
        yield process, wait_for_candidate(cluster)


@contextmanager
def following(cluster, process):
    """A Snakemake that submits jobs; whatever happens, nothing of it is left for other tests."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        cluster.ask("scancel", "--user=root")


def assert_ended_well(process, toy):
    assert process.wait(600) == 0, (toy.folder / "output.txt").read_text()[-6000:]


def wait_for_candidate(cluster):
    """Number of a running job that trains a candidate."""
    wait_until(lambda: find_candidates(cluster), "no candidate runs")
    return find_candidates(cluster)[0]


def find_candidates(cluster):
    jobs = cluster.list_jobs("running")
    return [number for number, comment in jobs.items() if "candidate" in comment]


def test_the_result_is_the_local_one(toy, finished, cluster):
    toy.run("results/best_cell.json")
    assert read_result(toy.folder) == read_result(finished.folder)
    # what the profile and the rules ask for is what SLURM was asked for
    jobs = cluster.ask("squeue", "--states=all", "--noheader", "--format=%k|%C|%m|%l|%j").stdout
    rows = {line.split("|")[0]: line.split("|")[1:] for line in jobs.splitlines()}
    found = next(row for comment, row in rows.items() if "candidate" in comment)
    assert found[:3] == ["1", "4000M", "1:00:00"]
    assert found[3].startswith("tgas_")
    local_rules = ("proposals", "history", "best", "best_cell")
    assert not [comment for comment in rows if comment.split("_wildcards")[0][5:] in local_rules]


def test_a_cancelled_candidate_runs_again(cluster, running, second_generation, is_same):
    process, job = running
    cluster.ask("scancel", job)
    assert_ended_well(process, second_generation)
    assert is_same(second_generation)
    assert job in cluster.list_jobs("cancelled")


@pytest.mark.slow
def test_a_slurmd_killed_and_started_again(cluster, running, second_generation, is_same):
    process, job = running
    node = cluster.find_node(job)
    cluster.kill_daemon(node)
    time.sleep(5)
    cluster.start_node(node)
    assert_ended_well(process, second_generation)
    assert is_same(second_generation)
    cluster.wait_for_nodes()


def test_a_node_that_dies_with_its_jobs(cluster, running, second_generation, is_same):
    process, job = running
    node = cluster.find_node(job)
    cluster.kill_node(node)
    assert_ended_well(process, second_generation)
    assert is_same(second_generation)
    assert job in cluster.list_jobs("node_fail")
    cluster.start_node(node)
    cluster.wait_for_nodes()


@pytest.mark.slow
def test_a_slurmctld_that_is_away(cluster, running, second_generation, is_same):
    process, _ = running
    cluster.stop_controller()
    time.sleep(15)
    assert process.poll() is None
    cluster.start_controller()
    assert_ended_well(process, second_generation)
    assert is_same(second_generation)


def test_a_requeued_final_training_goes_on(cluster, finished, tmp_path):
    """As after a preemption: the same job starts again, and goes on to the same numbers."""
    alone, toy = Toy(tmp_path / "alone"), ClusterToy(tmp_path / "toy", cluster)
    for one in (alone, toy):
        one.copy_results(finished)
        one.config["final"]["epochs"] = 40
    alone.run("results/best_cell.json")
    with following(cluster, toy.start("results/best_cell.json")) as process:
        folder = Path(read_result(alone.folder)["best_cell"]["files"]["weights"]).parent
        checkpoint = toy.folder / folder / "work" / "checkpoint.pt"
        wait_until(checkpoint.exists, "no checkpoint", 120)
        (job,) = [n for n, comment in cluster.list_jobs("running").items() if "final" in comment]
        cluster.ask("scontrol", "requeue", job)
        # SLURM lets a requeued job wait for two minutes; an administrator need not
        wait_until(lambda: job in cluster.list_jobs("pending"), "not requeued")
        cluster.ask("scontrol", "update", f"JobId={job}", "StartTime=now")
        assert_ended_well(process, toy)
    assert read_result(toy.folder) == read_result(alone.folder)
    shown = cluster.ask("scontrol", "show", "job", job).stdout
    assert "Restarts=1" in shown
    log = (toy.folder / f"results/logs/final/{folder.name}.log").read_text()
    (done,) = re.findall(r"^final: going on after epoch (\d+) of 40", log, re.MULTILINE)
    assert int(done) < 40


def test_leftovers_of_a_killed_snakemake(cluster, running, second_generation, is_same):
    toy = second_generation
    process, job = running
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert cluster.ask("scontrol", "suspend", job).returncode == 0  # it is there until cancelled
    leftovers = [sys.executable, "-m", "tgas_neuro", "leftovers"]
    found = subprocess.run(
        leftovers, cwd=toy.folder, env=toy.environment, capture_output=True, text=True
    )
    assert job in found.stdout
    assert job in cluster.list_jobs("suspended")
    toy.run("--unlock")
    refused = toy.run(toy.target, check=False)
    assert refused.returncode != 0, refused.stdout
    assert "leftovers --cancel" in refused.stdout
    subprocess.run([*leftovers, "--cancel"], cwd=toy.folder, env=toy.environment, check=True)
    assert not cluster.list_jobs("running", "pending", "completing", "suspended")
    toy.run(toy.target)
    assert is_same(toy)


def test_what_leftovers_finish_is_kept(cluster, running, second_generation, is_same):
    toy = second_generation
    process, _ = running
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until(lambda: not cluster.list_jobs("running", "pending", "completing"), "jobs go on")
    toy.run("--unlock")
    assert "Candidate" not in toy.run(toy.target).stdout
    assert is_same(toy)
