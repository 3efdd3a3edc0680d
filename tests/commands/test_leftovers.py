"""Jobs that a killed Snakemake left in SLURM's queue: which they are, and that only they end."""

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.__main__ import main
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.slurm import (
    NOTE,
    SEPARATOR,
    Job,
    find_run_jobs,
    parse_jobs,
    refuse_leftovers,
)

UUID = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
HOST = socket.gethostname()
PROFILE = Path(__file__).parents[2] / "profiles/slurm/profile.yaml"

printable = st.text(st.characters(exclude_characters="\n\x1f", exclude_categories=["Cs"]))


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "project"
    (folder / ".snakemake").mkdir(parents=True)
    return folder


@pytest.fixture
def start_snakemake(folder):
    """Starts a process that looks like Snakemake in the folder, with these arguments."""
    (folder / "snakemake").write_text("import time; print(1, flush=True); time.sleep(60)\n")
    started = []

    def start(*arguments, cwd=folder, shell=None):
        command = [sys.executable, str(folder / "snakemake"), *arguments]
        environment = os.environ | {"PWD": str(shell or cwd)}
        process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@given(st.lists(st.builds(Job, printable, printable, printable, printable, printable)))
def test_jobs_are_read_as_they_were_written(jobs):
    fields = [(job.id, job.name, job.state, job.folder, job.comment) for job in jobs]
    text = "".join(SEPARATOR.join(values) + "\n" for values in fields)
    assert parse_jobs(text) == jobs


@given(st.lists(printable).filter(lambda fields: len(fields) != 5))
def test_a_line_that_is_no_job_is_passed_over(fields):
    assert parse_jobs(f"{SEPARATOR.join(fields)}\n") == []


def test_only_the_jobs_of_runs_in_this_folder_are_listed(queue, folder, tmp_path, capsys):
    other = tmp_path / "project_2"
    other.mkdir()
    (tmp_path / "link").symlink_to(folder)
    queue.add("11", folder, comment="rule_candidate_wildcards_generation_000_candidate_01")
    queue.add("12_3", folder, state="PENDING", comment="a|b % c")
    queue.add("13", tmp_path / "link", state="COMPLETING", looks=9)
    queue.add("14", other)
    queue.add("15", folder / "results")
    queue.add("16", folder, name="tgas_training")
    queue.add("17", folder, name=f"other_{UUID}")
    queue.add("18", folder, name=UUID)
    queue.add("19", folder, name=f"tgas_{UUID}|RUNNING|{folder}")
    queue.add("20", folder, name=f"my_tgas_{UUID}")
    queue.add("21", other, name=UUID)
    queue.add("22", folder, name=f"tgas{UUID}")
    queue.add("23", folder, name=f"_{UUID}")
    queue.add("24", folder, name=f"{UUID}_2")
    queue.add("25", folder, name=f"my notes {UUID}")
    found = find_run_jobs(tmp_path / "link")
    assert [job.id for job in found] == ["11", "12_3", "13", "17", "18", "20"]
    assert found == find_run_jobs(folder)
    assert found[1] == Job("12_3", f"tgas_{UUID}", "PENDING", str(folder), "a|b % c")

    assert main(["leftovers", str(folder)]) == 0
    head, *rows, left_out, empty, way_out = capsys.readouterr().out.splitlines()
    assert head.split() == ["job", "state", "rule"]
    assert left_out == "no room for: name (--csv has all columns)"
    assert [row.split()[0] for row in rows] == ["11", "12_3", "13", "17", "18", "20"]
    assert "candidate_wildcards_generation_000_candidate_01" in rows[0]
    assert (empty, way_out) == (
        "",
        f"to cancel them: python -m tgas_neuro leftovers --cancel {folder}",
    )
    assert queue.list_cancelled() == []


@pytest.mark.parametrize(
    ("options", "ids"),
    [
        ([], "11 12 13 14 15"),
        (["--prefix", "mine"], "12 14"),
        (["--prefix", ""], "13"),
        (["--prefix", "tgas"], "11"),
        (["--prefix=-mine"], "15"),
        (["--prefix", "."], ""),
        (["--host", "login2"], "11 12 13 14 15"),
    ],
)
def test_the_printed_command_cancels_what_was_listed(queue, tmp_path, capsys, options, ids):
    folder = tmp_path / "a folder; of 'mine'"
    (folder / ".snakemake").mkdir(parents=True)
    (folder / NOTE).write_text(json.dumps({"host": "login2" if "--host" in options else HOST}))
    for number, prefix in enumerate(["tgas_", "mine_", "", "mine_", "-mine_"]):
        queue.add(str(11 + number), folder, name=f"{prefix}{UUID}")
    assert main(["leftovers", *options, str(folder)]) == 0
    *rows, way_out = capsys.readouterr().out.splitlines()
    if not ids:
        assert way_out == "no jobs are left in SLURM's queue from this folder"
        return
    assert " ".join(row.split()[0] for row in rows[1:-1]) == ids
    command = way_out.removeprefix("to cancel them: python -m tgas_neuro ")
    assert main(shlex.split(command)) == 0
    assert queue.list_cancelled() == [ids]


@pytest.mark.parametrize("name", [UUID, f"mine_{UUID}"])
def test_a_start_is_refused_beside_jobs_of_any_prefix_or_none(queue, folder, capsys, name):
    queue.add("11", folder, name=name)
    with pytest.raises(UserError, match="1 job of an earlier run") as caught:
        refuse_leftovers(folder, submits=True)
    (folder / ".snakemake/locks").mkdir()
    (folder / ".snakemake/locks/0.input.lock").write_text("file\n")
    assert main(["unlock", str(folder)]) == 1
    error = capsys.readouterr().err
    assert error == f"Error: {caught.value}\n"
    command = error.rpartition("python -m tgas_neuro ")[2]
    assert main(shlex.split(command)) == 0
    assert queue.list_cancelled() == ["11"]
    assert main(["unlock", str(folder)]) == 0
    refuse_leftovers(folder, submits=True)


@pytest.mark.parametrize("command", ["leftovers", "unlock"])
def test_a_folder_that_is_not_there_is_one_line(queue, tmp_path, capsys, command):
    missing = tmp_path / "no such folder"
    assert main([command, str(missing)]) == 1
    assert capsys.readouterr() == (
        "",
        f"Error: {missing}: no such folder; give the one that Snakemake ran in\n",
    )
    assert queue.count_questions() == 0


def test_exactly_they_are_cancelled_and_waited_for(queue, folder, tmp_path, capsys, monkeypatch):
    queue.add("7", tmp_path)
    queue.add("11", folder, looks=5)
    queue.add("12_3", folder, state="PENDING", looks=1)
    queue.add("12_4", folder, name="somebody_else")
    monkeypatch.chdir(folder)
    assert main(["leftovers", "--cancel"]) == 0
    assert queue.list_cancelled() == ["11 12_3"]
    assert queue.list_ids() == ["7", "12_4"]
    first, _, *rows = capsys.readouterr().out.splitlines()
    assert first == "cancelled:"
    assert [row.split()[:2] for row in rows] == [["11", "RUNNING"], ["12_3", "PENDING"]]
    assert main(["leftovers", "--cancel"]) == 0
    assert capsys.readouterr().out == "no jobs are left in SLURM's queue from this folder\n"
    assert queue.list_cancelled() == ["11 12_3"]


def test_a_job_that_stays_is_said_and_is_exit_code_1(queue, folder, capsys):
    queue.add("11", folder, looks=1)
    queue.add("12", folder, looks=10**9)
    assert main(["leftovers", "--cancel", "--wait", "2", str(folder)]) == 1
    ended, left = capsys.readouterr().out.split("still in the queue after 2 s:\n")
    assert [line.split()[0] for line in ended.splitlines()] == ["cancelled:", "job", "11"]
    assert [line.split()[:2] for line in left.splitlines()[1:]] == [["12", "COMPLETING"]]


def test_jobs_of_a_live_snakemake_are_its_own(queue, folder, capsys, start_snakemake):
    queue.add("11", folder)
    process = start_snakemake("--jobs", "2")
    for options in ([], ["--cancel"]):
        assert main(["leftovers", *options, str(folder)]) == 1
        error = capsys.readouterr().err
        assert f"process {process.pid} (" in error and "snakemake --jobs 2)" in error
        assert error.count("\n") == 1
    start = "import pathlib; from tgas_neuro.runtime import slurm; "
    start += "slurm.refuse_leftovers(pathlib.Path(), submits=True)"
    subprocess.run([sys.executable, "-c", start], cwd=folder, check=True)  # the locks decide there
    assert queue.list_cancelled() == []
    process.kill()
    process.wait()
    assert main(["leftovers", "--cancel", str(folder)]) == 0
    assert queue.list_cancelled() == ["11"]


def test_jobs_of_one_that_was_started_here_for_another_folder_are_its_own(
    queue, folder, capsys, start_snakemake, tmp_path
):
    """``--directory``: it works there, and its jobs have the folder that it was started in."""
    other, link = tmp_path / "other", tmp_path / "link"
    other.mkdir()
    link.symlink_to(folder)
    queue.add("11", folder, name=UUID)
    process = start_snakemake("--directory", str(other), cwd=other, shell=link)
    assert main(["leftovers", "--cancel", str(folder)]) == 1
    assert f"process {process.pid} (" in capsys.readouterr().err
    assert queue.list_cancelled() == []
    with pytest.raises(UserError, match="1 job of an earlier run"):
        refuse_leftovers(folder, submits=True)
    process.kill()
    process.wait()
    start_snakemake(cwd=other)
    assert main(["leftovers", "--cancel", str(folder)]) == 0
    assert queue.list_cancelled() == ["11"]


def test_the_snakemake_inside_a_job_is_not_the_one_that_waits(queue, folder, start_snakemake):
    queue.add("11", folder)
    start_snakemake("--mode", "remote")
    start_snakemake("--mode", "subprocess")
    assert main(["leftovers", "--cancel", str(folder)]) == 0
    assert queue.list_cancelled() == ["11"]


def test_jobs_submitted_from_another_machine_need_its_name(queue, folder, capsys):
    queue.add("11", folder)
    (folder / NOTE).write_text(json.dumps({"host": "login2"}))
    for options in ([], ["--host", "login3"]):
        assert main(["leftovers", "--cancel", *options, str(folder)]) == 1
        assert "started on login2" in capsys.readouterr().err
    assert queue.list_cancelled() == []
    assert main(["leftovers", "--cancel", "--host", "login2", str(folder)]) == 0
    assert queue.list_cancelled() == ["11"]


def test_a_start_notes_its_machine_and_refuses_beside_leftovers(queue, folder, capsys):
    for submits in (False, True):
        (folder / NOTE).unlink(missing_ok=True)
        refuse_leftovers(folder, submits)
        noted = {"host": socket.gethostname(), "submitted": submits}
        assert json.loads((folder / NOTE).read_text()) == noted
    queue.add("11", folder)
    for submits in (False, True):
        with pytest.raises(UserError, match=f"1 job .* tgas_neuro leftovers --cancel {folder}$"):
            refuse_leftovers(folder, submits)
    queue.fail("squeue", "squeue: error: no controller")
    refuse_leftovers(folder, submits=False)
    assert capsys.readouterr().err.startswith("Warning: whether jobs of an earlier run are left")
    with pytest.raises(UserError, match="no controller"):
        refuse_leftovers(folder, submits=True)


@pytest.mark.parametrize("note", ["{}", "[]", '{"host": "a"}', '{"submitted": true}', "{"])
def test_a_silent_slurm_is_news_only_where_jobs_may_have_been_submitted(
    queue, folder, capsys, note
):
    (folder / NOTE).unlink(missing_ok=True)
    queue.fail("squeue", "squeue: error: no controller")
    for _ in range(2):
        refuse_leftovers(folder, submits=False)
        assert capsys.readouterr() == ("", "")
    (folder / NOTE).write_text(note)  # of an earlier version, of one that submitted, or broken
    for _ in range(2):
        refuse_leftovers(folder, submits=False)
        assert "no controller" in capsys.readouterr().err


def test_without_squeue_a_start_asks_nothing(folder, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    refuse_leftovers(folder, submits=True)
    assert capsys.readouterr() == ("", "")
    assert main(["leftovers", str(folder)]) == 1
    assert capsys.readouterr().err.startswith("Error: squeue: not found on PATH")


@pytest.mark.parametrize("program", ["squeue", "scancel"])
def test_a_failure_of_slurm_is_one_line(queue, folder, capsys, program):
    queue.add("11", folder)
    queue.fail(program, f"{program}: error: Unable to contact slurm controller\n{program}: more")
    assert main(["leftovers", "--cancel", str(folder)]) == 1
    assert capsys.readouterr().err == (
        f"Error: {program}: error: Unable to contact slurm controller; "
        "see that SLURM answers (sinfo), then try again\n"
    )


def test_a_queue_that_does_not_answer_is_not_waited_for(queue, folder, capsys, monkeypatch):
    (queue.folder / "squeue").write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr("tgas_neuro.runtime.slurm.TIMEOUT", 0.2)
    begun = time.monotonic()
    assert main(["leftovers", str(folder)]) == 1
    assert time.monotonic() - begun < 30
    assert "squeue: no answer within 0 s" in capsys.readouterr().err


def test_defaults_of_the_user_hide_no_job(queue, folder, monkeypatch):
    queue.add("11", folder)
    script = queue.folder / "squeue"
    source = script.read_text().replace(
        "assert", 'import os; assert "SQUEUE_STATES" not in os.environ\nassert', 1
    )
    script.write_text(source.replace("-SE", "-S"))
    monkeypatch.setenv("SQUEUE_STATES", "PENDING")
    assert [job.id for job in find_run_jobs(folder)] == ["11"]


@pytest.mark.skipif(not PROFILE.is_file(), reason="profiles/slurm is not there")
def test_the_profile_gives_jobs_a_name_that_is_looked_for(queue, folder):
    prefix = yaml.safe_load(PROFILE.read_text())["slurm-jobname-prefix"]
    queue.add("11", folder, name=f"{prefix}_{UUID}")
    assert [job.id for job in find_run_jobs(folder)] == ["11"]


def test_the_commands_run_as_they_are_documented(queue, folder):
    queue.add("11", folder)
    command = [sys.executable, "-m", "tgas_neuro", "leftovers"]
    ends = [
        subprocess.run([*command, *options], cwd=folder, env=os.environ, capture_output=True)
        for options in ([], ["--cancel"])
    ]
    assert [end.returncode for end in ends] == [0, 0]
    assert queue.list_cancelled() == ["11"]
