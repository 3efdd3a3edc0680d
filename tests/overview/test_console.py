"""The lines of a run's console, from the events that Snakemake sends."""

import logging

import pytest
from support.run_folders import build_record, build_search, draw, write_run

from tgas_neuro.overview.candidate_line import describe_candidate
from tgas_neuro.overview.console import Console
from tgas_neuro.runtime.files import write_json
from tgas_neuro.search.runs import load_run

GENOTYPES = draw(4)
NOON = 1_767_268_800.0


def send(
    console, event, seconds=0.0, message="", level=logging.INFO, path="snakemake/dag.py", **more
):
    """Send an event of so many seconds after noon; its lines without the time of day."""
    record = logging.LogRecord("snakemake", level, f"/lib/{path}", 1, message, None, None)
    record.created = NOON + seconds
    if event is not None:
        record.event = event
    for key, value in more.items():
        setattr(record, key, value)
    lines = console.handle(record)
    parts = [part for line in lines for part in line.splitlines() if "log: /" not in part]
    assert all(len(part) <= 80 for part in parts)
    return [line.partition("  ")[2] if line[2:3] == ":" else line for line in lines]


def begin(console, number, rule, seconds=0.0, outputs=(), message=None):
    more = {"rule_msg": message or rule, "output": list(outputs)}
    return send(console, "job_info", seconds, jobid=number, rule_name=rule, **more)


def end(console, number, seconds):
    return send(console, "job_finished", seconds, job_id=number)


@pytest.fixture
def folder(tmp_path):
    records = [
        [
            build_record("g000_c00", GENOTYPES[0], P=0.2, crossed=0.1),
            build_record("g000_c01", GENOTYPES[1], "timeout"),
            None,
        ]
    ]
    folder = write_run(tmp_path / "results/search/run-1", records, build_search(), finished=False)
    note = {"generations": 1, "candidates": 3, "started": "2026-01-01T00:00:00+00:00"}
    write_json(folder / "run.json", note | {"name": "baseline", "rules": {"candidate": 3}})
    return folder


def test_a_whole_run(folder):
    console = Console(folder, "baseline")
    record = str(folder / "generation_000/candidate_0{}.json")
    assert send(console, None, message="Assuming unrestricted shared filesystem usage.") == []
    assert send(console, "workflow_started") == []
    assert send(console, None, message="Building DAG of jobs...") == []
    assert send(console, "resources_info", cores=2) == []
    stats = {"teacher": 1, "teacher_figure": 1, "proposals": 1, "candidate": 2, "all": 1}
    (line,) = send(console, "run_info", stats=stats | {"total": 6})
    assert line.endswith(": 5 jobs on 2 cores, run run-1 (baseline)")
    assert begin(console, 1, "teacher") == ["teacher         begins"]
    assert begin(console, 2, "proposals") == []  # beside the teacher: the search is not due
    assert end(console, 2, 3) == []
    assert end(console, 1, 75) == ["teacher         ended after 1 min 15 s"]
    assert begin(console, 3, "teacher_figure", 75) == []  # and does not begin it again
    assert begin(console, 4, "candidate", 76, [record.format(0)]) == [
        "search          begins",
        " done  candidate  state      P      TG   reward  seconds  best so far",
    ]
    assert begin(console, 5, "candidate", 76, [record.format(1)]) == []
    assert end(console, 4, 80) == [
        "  1/3  g000_c00   ok     0.200   0.100    0.400      1.5  0.400 g000_c00"
    ]
    assert end(console, 5, 90) == [
        "  2/3  g000_c01   timeout: timeout because",
        "search          ended after 14 s",
    ]
    assert begin(console, 6, "all", 90) == []
    assert send(console, None, 95, message="Complete log(s): /x/.snakemake/log/a.log") == []
    assert send(console, None, 95, message="Elapsed time: 0:01:35") == ["finished after 1 min 35 s"]


def test_a_failed_job_and_its_log(folder, tmp_path):
    log = tmp_path / "teacher.log"
    log.write_text("first\nError: teacher.nc: is damaged\n")
    console = Console(folder)
    send(console, "workflow_started")
    begin(console, 1, "teacher", message="Building the teacher")
    failed = {"jobid": 1, "rule_name": "teacher", "log": [str(log)]}
    assert send(console, "job_error", 3, level=40, aux={}, **failed)[0] == (
        "Failed: Building the teacher (rule teacher, job 1)"
    )
    remote = send(console, "job_error", 3, level=40, aux={"external_jobid": "77"}, **failed)
    assert remote[1] == "  external_jobid: 77"
    assert remote[-2:] == ["  | first", "  | Error: teacher.nc: is damaged"]
    error = "RuleException:\nCalledProcessError in file ..."
    assert send(console, "error", 3, message=error, level=40) == []
    assert send(console, None, 3, message="Exiting because a job execution failed.", level=40) == []
    assert send(console, None, 4, message="Complete log(s): a.log") == ["Snakemake's log: a.log"]
    assert send(console, None, 4, message="Elapsed time: 1") == ["stopped after 4 s: 2 jobs failed"]


@pytest.mark.parametrize(
    ("ended", "lines"),
    [
        ("returned non-zero exit status 1.", []),  # the script has said why
        ("returned non-zero exit status 137.", ["  exit status 137"]),
        ("died with <Signals.SIGKILL: 9>.", ["  its process died with SIGKILL"]),
    ],
)
def test_how_the_process_of_a_failed_job_ended(folder, ended, lines):
    console = Console(folder)
    send(console, "workflow_started")
    for number in (1, 2):
        begin(console, number, "teacher", message=f"Building teacher {number}")
        error = f"RuleException:\nCalledProcessError in file ...\nCommand '...' {ended}"
        assert send(console, "error", 3, message=error, level=40) == []
        failed = {"jobid": number, "rule_name": "teacher", "log": []}
        assert send(console, "job_error", 3, level=40, aux={}, **failed) == [
            f"Failed: Building teacher {number} (rule teacher, job {number})",
            *lines,
        ]
    assert send(console, None, 4, message="Elapsed time: 1") == ["stopped after 4 s: 2 jobs failed"]


def test_a_failed_command_without_a_job_is_told_at_the_end(folder):
    console = Console(folder)
    send(console, "workflow_started")
    error = "RuleException:\nCalledProcessError in file ..."
    assert send(console, "error", 3, message=error, level=40) == []
    assert send(console, None, 4, message="Elapsed time: 1") == [error, "stopped after 4 s"]


def test_errors_and_warnings_are_kept_whole(folder):
    """An error that no job has told, however long it is."""
    console = Console(folder)
    record = logging.LogRecord("s", 40, "/lib/snakemake/a.py", 1, "x" * 200 + "\ny", None, None)
    record.event = "error"
    assert console.handle(record) == ["x" * 200 + "\ny"]
    assert send(console, None, message="the disk is slow", level=30) == ["the disk is slow"]


def test_the_queue_of_a_cluster_is_shown_with_names(folder):
    console = Console(folder)
    send(console, "workflow_started")
    begin(console, 7, "candidate", message="Candidate g000_c00")
    path = "snakemake_executor_plugin_slurm/__init__.py"
    submitted = "Job 7 has been submitted with SLURM jobid 33 (log: a/33.log)."
    assert send(console, None, message=submitted, path=path) == [
        "Candidate g000_c00: job 7 has been submitted with SLURM jobid 33 (log:\n  a/33.log)."
    ]
    assert send(console, None, message="Select jobs to execute...") == []
    assert send(console, None, message="Nothing to be done (all there).") == [
        "Nothing to be done (all there)."
    ]
    assert send(console, None, message="Trying to restart job 7.") == ["Trying to restart job 7."]


def test_jobs_of_an_experiment_have_a_line_each(folder):
    console = Console(folder)
    send(console, "run_info", stats={"experiment_cell": 2, "total": 2})
    assert begin(console, 1, "experiment_cell", message="Training cell 1") == ["Training cell 1"]
    assert begin(console, 2, "experiment_cell", message="Training cell 2") == ["Training cell 2"]


def test_candidates_after_killed_processes_and_of_reused_rewards(folder):
    run = load_run(folder)
    record = build_record("g000_c00", GENOTYPES[0], P=0.2, crossed=0.1)
    record["cost"] |= {"attempts": 3, "seconds": 1234.56}
    assert describe_candidate(record, run, "10/24").splitlines() == [
        "10/24  g000_c00   ok     0.200   0.100    0.400   1234.6  0.400 g000_c00",
        "                  after 2 killed processes",
    ]
    long = build_record("g000_c01", GENOTYPES[1], "crashed")
    long["message"] = "RuntimeError: " + "not enough of something " * 5
    lines = describe_candidate(long, run, "11/24").splitlines()
    assert lines[0].startswith("11/24  g000_c01   crashed: RuntimeError: not enough")
    assert all(line.startswith(" " * 18) and len(line) <= 80 for line in lines[1:])
    assert " ".join(" ".join(lines).split()).count("not enough of something") == 5
