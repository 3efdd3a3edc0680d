"""The status of a run at moments of its course, from folders made by hand."""

import base64
import datetime
import json
import os

import pytest
from support.run_folders import build_record, build_search, draw, write_run

from tgas_neuro.overview.jobs import load_jobs
from tgas_neuro.overview.status import look
from tgas_neuro.runtime.files import write_json

GENOTYPES = draw(6)
STARTED = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
ZERO = STARTED.timestamp()
RULES = {
    "recordings_responses": 1,
    "teacher": 1,
    "proposals": 3,
    "candidate": 6,
    "history": 3,
    "best": 1,
    "final": 1,
    "final_teacher_guidance": 1,
}
NOTE = {
    "generations": 3,
    "candidates": 2,
    "started": STARTED.isoformat(),
    "name": "baseline",
    "slots": 2,
    "rules": RULES,
    "teacher": "toy-1",
    "final": "cell-1",
    "epochs": 4,
    "finals": {},
}
SEARCH = "results/search/run"


def encode(output):
    return base64.urlsafe_b64encode(output.encode()).decode()


def note_job(working, output, began, ended=None):
    """Leave the note that Snakemake leaves of a job, after so many seconds of the run."""
    place = working / ".snakemake" / ("incomplete" if ended is None else "metadata")
    place.mkdir(parents=True, exist_ok=True)
    path = place / encode(output)
    times = {"starttime": ZERO + began, "endtime": ended and ZERO + ended}
    path.write_text(json.dumps({"external_jobid": None} if ended is None else times))
    os.utime(path, (ZERO + began, ZERO + began))


@pytest.fixture
def folder(tmp_path):
    """Three of six candidates have finished, one is running, the teacher was made before."""
    records = [
        [
            build_record("g000_c00", GENOTYPES[0], P=0.2),
            build_record("g000_c01", GENOTYPES[1], "diverged"),
        ],
        [build_record("g001_c00", GENOTYPES[2], P=0.7), None],
    ]
    folder = write_run(tmp_path / SEARCH, records, build_search(candidates=2), finished=False)
    write_json(folder / "run.json", NOTE)
    for output, began, ended in (
        ("results/recordings/toy/assembly.nc", 1, 9),
        ("results/recordings/toy/stimuli.csv", 1, 9),  # the same job
        ("results/teacher/toy-1/teacher.nc", -500, -490),
        ("results/teacher/other-2/teacher.nc", 3, 4),  # of another run
        (f"{SEARCH}/generation_000/proposals.json", 2, 3),
        (f"{SEARCH}/generation_000/candidate_00.json", 10, 20),
        (f"{SEARCH}/generation_000/candidate_01.json", 10, 22),
        (f"{SEARCH}/generation_001/candidate_00.json", 30, 40),
        (f"{SEARCH}/generation_001/candidate_01.json", 32, None),
    ):
        note_job(tmp_path, output, began, ended)
    return folder


def test_half_way(folder):
    status = look(folder, 123, ZERO + 45)
    assert (status.run, status.name, status.holder) == ("run", "baseline", 123)
    assert (status.generation, status.generations, status.done, status.total) == (2, 3, 3, 6)
    assert status.running == ["g001_c01"]
    assert status.states == {"diverged": 1, "ok": 2}
    assert status.failures == {"diverged": "g000_c01: diverged because"}
    assert [entry.id for entry in status.best] == ["g001_c00", "g000_c00"]
    assert (status.images_seen, status.seconds) == (21, 4.5)
    assert status.formula == "P + 2 x TG (crossed)"
    phases = {phase.phase: (phase.state, phase.done, phase.jobs) for phase in status.phases}
    assert phases == {
        "recordings": ("finished", 1, 1),
        "teacher": ("waiting", 0, 1),
        "images": ("not planned", 0, 0),
        "search": ("running", 4, 13),
        "final training": ("waiting", 0, 1),
        "evaluation": ("waiting", 0, 1),
    }
    assert not status.ended
    assert json.loads(json.dumps(status.to_json()))["phases"][3]["done"] == 4


def test_of_an_earlier_start_no_job_counts(folder):
    """The teacher is older; if this start does not make it again, it was made earlier."""
    rules = {rule: number for rule, number in RULES.items() if rule != "teacher"}
    write_json(folder / "run.json", NOTE | {"rules": rules})
    phases = {phase.phase: phase.state for phase in look(folder, None, ZERO + 45).phases}
    assert phases["teacher"] == "earlier"


def test_without_a_workflow_nothing_runs_and_no_time_is_left(folder):
    status = look(folder, None, ZERO + 45)
    assert (status.running, status.seconds_left, status.ended) == ([], None, False)
    assert {phase.state for phase in status.phases} <= {"finished", "waiting", "not planned"}


def test_before_anything_has_been_proposed(tmp_path):
    folder = tmp_path / SEARCH
    write_json(folder / "run.json", NOTE)
    note_job(tmp_path, "results/recordings/toy/assembly.nc", 1)
    status = look(folder, 7, ZERO + 5)
    assert (status.done, status.best, status.generation, status.formula) == (0, [], None, "")
    assert status.phases[0].state == "running"
    assert status.seconds_left is None and "search" in status.unknown


def test_a_note_of_an_earlier_version(folder):
    """It has no jobs: candidates alone are shown."""
    write_json(folder / "run.json", {key: NOTE[key] for key in list(NOTE)[:3]})
    status = look(folder, 5, ZERO + 45)
    assert (status.phases, status.seconds_left, status.done, status.total) == ([], None, 3, 6)
    (folder / "run.json").unlink()
    assert look(folder, 5, ZERO + 45).total is None


def test_the_end(folder, tmp_path):
    rules = {"recordings_responses": 1}
    write_json(folder / "run.json", NOTE | {"rules": rules})
    assert look(folder, 1, ZERO + 45).ended
    write_json(folder / "run.json", NOTE | {"rules": rules | {"final": 1}})
    assert not look(folder, 1, ZERO + 45).ended


def test_epochs_of_the_final_training(folder, tmp_path):
    log = tmp_path / "results/final/cell-1/work/log.csv"
    log.parent.mkdir(parents=True)
    log.write_text("epoch,seconds,val_seconds\n1,10.0,1.0\n2,8.0,\n")
    os.utime(log, (ZERO + 100, ZERO + 100))
    note_job(tmp_path, "results/final/cell-1/metrics.json", 75)
    status = look(folder, 1, ZERO + 104)
    assert (status.epoch, status.epochs) == (2, 4)
    left = {phase.phase: phase.seconds_left for phase in status.phases}
    # the median epoch takes 9 s and 0.5 s of validation; two are left, 4 s have passed
    assert left["final training"] == pytest.approx(2 * 9.5 - 4 + 1.5)


def test_names_that_are_longer_than_a_file_name(tmp_path):
    """Snakemake then splits them into folders whose names begin with @."""
    output = f"results/recordings/{'x' * 300}/assembly.nc"
    encoded, place = encode(output), tmp_path / ".snakemake/metadata"
    parts = [encoded[:254], encoded[254:]]
    path = place / f"@{parts[0]}" / parts[1]
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"starttime": 1.0, "endtime": 4.0}))
    (job,) = load_jobs(tmp_path, "run", NOTE)
    assert (job.rule, job.output, job.seconds) == ("recordings_responses", output, 3.0)


def test_notes_that_are_being_written(tmp_path):
    note_job(tmp_path, "results/recordings/toy/assembly.nc", 1, 2)
    (path,) = (tmp_path / ".snakemake/metadata").iterdir()
    path.write_text('{"starttime": 1.')
    (path.parent / "not base64 .txt").touch()
    assert load_jobs(tmp_path, "run", NOTE) == []
