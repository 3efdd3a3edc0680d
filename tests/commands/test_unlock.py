"""The folder is freed after a killed run, and never while a live one holds it."""

import subprocess
import sys

import pytest

from tgas_neuro.__main__ import main
from tgas_neuro.commands.unlock import find_holder
from tgas_neuro.runtime.slurm import note_host


@pytest.fixture
def locked(tmp_path):
    folder = tmp_path / "project"
    (folder / ".snakemake/locks").mkdir(parents=True)
    (folder / ".snakemake/locks/0.input.lock").write_text("file\n")
    return folder


def test_a_dead_lock_is_removed(locked, capsys):
    assert main(["unlock", str(locked)]) == 0
    assert not (locked / ".snakemake/locks").exists()
    assert "removed the locks" in capsys.readouterr().out
    assert main(["unlock", str(locked)]) == 0  # nothing to do, nothing said
    assert capsys.readouterr().out == ""


def test_a_live_lock_is_left(locked, capsys):
    script = locked / "snakemake"
    script.write_text("import time; print(1, flush=True); time.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=locked, stdout=subprocess.PIPE, text=True
    )
    try:
        process.stdout.readline()
        assert find_holder(locked) == process.pid
        assert main(["unlock", str(locked)]) == 1
        assert f"process {process.pid} is running Snakemake here" in capsys.readouterr().err
        assert (locked / ".snakemake/locks/0.input.lock").exists()
    finally:
        process.kill()
        process.wait()
    assert find_holder(locked) is None


def test_a_run_in_another_folder_does_not_count(locked, tmp_path):
    script = tmp_path / "snakemake"
    script.write_text("import time; print(1, flush=True); time.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    try:
        process.stdout.readline()
        assert find_holder(locked) is None
    finally:
        process.kill()
        process.wait()


def test_a_missing_summary_is_one_line(tmp_path, capsys):
    assert main(["summary", str(tmp_path / "best_cell.json")]) == 1
    assert capsys.readouterr().err.startswith("Error: ")


def test_jobs_in_the_queue_keep_the_locks(locked, queue, capsys):
    queue.add("11", locked)
    queue.add("12", locked.parent)
    assert main(["unlock", str(locked)]) == 1
    error = capsys.readouterr().err
    assert "1 job of an earlier run" in error and "leftovers --cancel" in error
    assert error.count("\n") == 1
    assert (locked / ".snakemake/locks").exists()
    assert main(["leftovers", "--cancel", str(locked)]) == 0
    assert main(["unlock", str(locked)]) == 0
    assert not (locked / ".snakemake/locks").exists()


def test_the_snakemake_of_a_job_that_slurm_runs_here_is_named_by_its_job(locked, queue, capsys):
    queue.add("11", locked)
    script = locked / "snakemake"
    script.write_text("import time; print(1, flush=True); time.sleep(60)\n")
    process = subprocess.Popen(
        [sys.executable, str(script), "--mode", "remote"],
        cwd=locked,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        process.stdout.readline()
        assert find_holder(locked, submitting=True) is None
        assert main(["unlock", str(locked)]) == 1
        assert "leftovers --cancel" in capsys.readouterr().err
        assert main(["leftovers", "--cancel", str(locked)]) == 0
        assert main(["unlock", str(locked)]) == 1  # out of the queue, and still alive
        assert f"process {process.pid} is running Snakemake here" in capsys.readouterr().err
    finally:
        process.kill()
        process.wait()
    assert main(["unlock", str(locked)]) == 0


def test_a_slurm_that_does_not_answer_keeps_nobody_from_going_on(locked, queue, capsys):
    queue.fail("squeue", "squeue: fatal: no configuration")
    assert main(["unlock", str(locked)]) == 0
    assert "fatal: no configuration" in capsys.readouterr().err
    assert not (locked / ".snakemake/locks").exists()


def test_a_run_of_another_machine_is_not_unlocked(locked, capsys):
    note_host(locked)
    assert main(["unlock", str(locked)]) == 0  # this machine's
    (locked / ".snakemake/locks").mkdir()
    (locked / ".snakemake/locks/0.input.lock").write_text("file\n")
    (locked / ".snakemake/started_on.json").write_text('{"host": "elsewhere"}')
    assert main(["unlock", str(locked)]) == 1
    assert "started on elsewhere" in capsys.readouterr().err
    assert (locked / ".snakemake/locks/0.input.lock").exists()
    assert main(["unlock", str(locked), "--host", "elsewhere"]) == 0
    assert not (locked / ".snakemake/locks").exists()
