"""A killed run: no process is left, and the same command again ends in the same numbers."""

import shutil

import psutil
import pytest
import torch

pytestmark = pytest.mark.workflow

EPOCHS = 60  # of a final training that is still at it when the kill comes


def test_a_killed_run_leaves_no_process_and_continues_to_the_same(finished, toy, comparable):
    toy.copy_beginning(finished)
    below = toy.kill_when("results/search/*/*/candidate_*.json", 2)
    assert below
    _, alive = psutil.wait_procs(below, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    # one that was written in the very moment of the kill counts as unfinished to Snakemake
    finished_files = toy.list_noticed("results/search/*/*/candidate_*.json")
    kept = {path: path.stat().st_mtime_ns for path in finished_files}
    assert len(kept) >= 2
    toy.run("--unlock")
    toy.run("--until", "best")
    for path, changed in kept.items():
        assert path.stat().st_mtime_ns == changed  # no finished candidate is thrown away
    assert comparable(toy.read_records()) == comparable(finished.read_records())
    assert not list(toy.folder.glob("results/**/*.part"))


def test_the_final_training_resumes_after_a_kill(finished, build_toy, tmp_path, comparable):
    whole, broken = build_toy(tmp_path / "whole"), build_toy(tmp_path / "broken")
    for toy in (whole, broken):
        toy.copy_results(finished)
        shutil.rmtree(toy.folder / "results/final")
        toy.config["final"]["epochs"] = EPOCHS
    assert "going on after epoch" not in whole.run("results/best_cell.json").stdout
    below = broken.kill_when("results/final/*/work/checkpoint.pt", 1)
    _, alive = psutil.wait_procs(below, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    (checkpoint,) = broken.folder.glob("results/final/*/work/checkpoint.pt")
    done = torch.load(checkpoint, weights_only=True)["epoch"]
    assert done < EPOCHS
    broken.run("--unlock")
    output = broken.run("results/best_cell.json").stdout
    assert f"final: going on after epoch {done} of {EPOCHS}" in output
    assert f"final: epoch {done + 1}/{EPOCHS}" in output
    assert_same_weights(whole.folder, broken.folder)
    for name in ("results/final/*/metrics.json", "results/best_cell.json"):
        assert comparable(broken.read(name)) == comparable(whole.read(name))


def assert_same_weights(*folders):
    states = []
    for folder in folders:
        (path,) = folder.glob("results/final/*/weights.pt")
        states.append(torch.load(path, weights_only=True))
    first, second = states
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
