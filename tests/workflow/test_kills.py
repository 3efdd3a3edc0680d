"""A killed run: no process is left, and the same command again ends in the same numbers."""

import psutil
import pytest

pytestmark = pytest.mark.workflow


def test_a_killed_run_leaves_no_process_and_continues_to_the_same(finished, toy, comparable):
    below = toy.kill_when("results/search/*/*/candidate_*.json", 2)
    assert below
    _, alive = psutil.wait_procs(below, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    # one that was written in the very moment of the kill counts as unfinished to Snakemake
    finished_files = toy.list_noticed("results/search/*/*/candidate_*.json")
    kept = {path: path.stat().st_mtime_ns for path in finished_files}
    assert len(kept) >= 2
    toy.run("--unlock")
    toy.run()
    for path, changed in kept.items():
        assert path.stat().st_mtime_ns == changed  # no finished candidate is thrown away
    assert comparable(toy.read("results/best_cell.json")) == comparable(
        finished.read("results/best_cell.json")
    )
    assert not list(toy.folder.glob("results/**/*.part"))


def test_the_final_training_resumes_after_a_kill(finished, toy, comparable):
    toy.kill_when("results/final/*/work/checkpoint.pt", 1)
    toy.run("--unlock")
    assert "final: epoch 1/2" not in toy.run().stdout
    assert comparable(toy.read("results/best_cell.json")) == comparable(
        finished.read("results/best_cell.json")
    )
