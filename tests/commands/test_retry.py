"""Records that a limit or the machine ended are taken back, with all that was made from them."""

import json
import subprocess
import sys

import pytest
from support.run_folders import build_record, build_search, draw, write_run

from tgas_neuro.__main__ import main
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.slurm import note_host

GENOTYPES = draw(12)
FAILED = {"g000_c01": "timeout", "g001_c00": "out_of_memory", "g001_c02": "diverged"}


def read_out(capsys):
    """What was printed, as one line."""
    return " ".join(capsys.readouterr().out.split()) + "\n"


def write(folder, failed, generations=3):
    """A finished run of three candidates a generation, its best, and the result of its project."""
    records = [
        [
            build_record(name, GENOTYPES[3 * g + c], failed.get(name, "ok"))
            for c in range(3)
            for name in [f"g{g:03d}_c{c:02d}"]
        ]
        for g in range(generations)
    ]
    write_run(folder, records, build_search(candidates=3))
    write_json(folder / "best.json", {"id": "g000_c00"})
    files = {"best": f"results/search/{folder.name}/best.json"}
    write_json(folder.parents[1] / "best_cell.json", {"files": files})
    return folder


@pytest.fixture
def project(tmp_path, monkeypatch, queue):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(project):
    return write(project / "results/search/run-1", FAILED)


def list_files(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def list_generation(number, *names):
    names = names or ("proposals", "candidate_00", "candidate_01", "candidate_02", "history")
    return {f"generation_{number:03d}/{name}.json" for name in names}


def test_the_record_and_what_was_made_from_it_are_moved(run, project, capsys):
    before = list_files(run)
    assert main(["retry", "run-1", "--state", "timeout"]) == 0
    assert read_out(capsys) == (
        "took back 1 of run run-1 (1 timeout): g000_c01; the next run evaluates them again and "
        "repeats generation_001 to generation_002, which learned from them (6 other candidates) "
        "and the final stage; the old files are in results/search/run-1/retried/000\n"
    )
    aside = list_files(run / "retried/000")
    left = {name: text for name, text in list_files(run).items() if "retried" not in name}
    assert set(left) == list_generation(0, "proposals", "candidate_00", "candidate_02")
    assert not (project / "results/best_cell.json").exists()
    assert aside.pop("best_cell.json")
    assert left | aside == before  # nothing is lost, nothing is changed


def test_all_three_states_by_default(run, capsys):
    assert main(["retry"]) == 0
    assert "took back 2 of run run-1 (1 timeout, 1 out_of_memory): g000_c01, g001_c00; " in (
        read_out(capsys)
    )


def test_of_the_last_generation_only_the_history_is_repeated(project, capsys):
    run = write(project / "results/search/run-1", {"g002_c01": "crashed", "g002_c02": "crashed"})
    assert main(["retry", str(run), "--state", "crashed,timeout"]) == 0
    assert read_out(capsys).startswith(
        "took back 2 of run run-1 (2 crashed): g002_c01, g002_c02; the next run evaluates them "
        "again and repeats the final stage; the old files are in "
    )
    left = {name for name in list_files(run) if "retried" not in name}
    assert left == list_generation(0) | list_generation(1) | list_generation(
        2, "proposals", "candidate_00"
    )


@pytest.mark.parametrize("reused", [0, 5])
def test_generations_that_had_not_seen_it_are_kept(project, reused):
    """With search.lag 2, generation 1 learned from none and generation 2 from generation 0."""
    run = write(project / "results/search/run-1", {"g000_c02": "timeout"}, generations=4)
    for generation, seen in enumerate([0, 0, 3, 6]):
        path = run / f"generation_{generation:03d}/proposals.json"
        write_json(path, read_json(path) | {"history_seen": seen + reused})
    if reused:
        write_json(run / "reused.json", {"runs": [], "records": [{}] * reused})
    assert main(["retry"]) == 0
    left = {name for name in list_files(run) if "retried" not in name} - {"reused.json"}
    kept = ("proposals", "candidate_00", "candidate_01")
    assert left == list_generation(0, *kept) | list_generation(1, *kept, "candidate_02")


def test_weights_and_kept_records_go_too(project):
    run = write(project / "results/search/run-1", {"g001_c00": "timeout"})
    for name in ("g000_c00", "g001_c01", "g002_c02"):
        (run / "weights").mkdir(exist_ok=True)
        (run / "weights" / f"{name}.pt").write_text(name)
    for name, state in (("g001_c00", "timeout"), ("g001_c02", "ok"), ("g002_c00", "ok")):
        write_json(run / "kept" / f"{name}.json", build_record(name, GENOTYPES[0], state))
    assert main(["retry"]) == 0
    assert {path.name for path in (run / "weights").iterdir()} == {"g000_c00.pt", "g001_c01.pt"}
    assert {path.name for path in (run / "kept").iterdir()} == {"g001_c02.json"}


def test_a_record_that_only_a_killed_job_kept(project, capsys):
    run = write_run(project / "results/search/run-1", [[None] * 3], finished=False)
    write_json(run / "kept/g000_c01.json", build_record("g000_c01", GENOTYPES[0], "timeout"))
    assert main(["retry"]) == 0
    assert read_out(capsys) == (
        "took back 1 of run run-1 (1 timeout): g000_c01; the next run evaluates them again; the "
        "old files are in results/search/run-1/retried/000\n"
    )
    assert (run / "retried/000/kept/g000_c01.json").is_file()
    assert main(["retry"]) == 0
    assert "no candidate is timeout or out_of_memory or crashed" in read_out(capsys)


def test_a_dry_run_moves_nothing_and_says_the_same(run, project, capsys):
    before = list_files(project)
    assert main(["retry", "--dry-run"]) == 0
    said = read_out(capsys)
    assert list_files(project) == before
    assert main(["retry"]) == 0
    done = read_out(capsys)
    assert said.replace("would take back", "took back").strip() == done.partition("; the old")[0]


def test_nothing_to_take_back(run, project, capsys):
    before = list_files(project)
    assert main(["retry", "--state", "crashed"]) == 0
    assert "no candidate is crashed, nothing to take back" in read_out(capsys)
    assert list_files(project) == before


def test_the_result_of_another_run_stays(run, project):
    other = {"files": {"best": "results/search/run-2/best.json"}}
    write_json(project / "results/best_cell.json", other)
    assert main(["retry"]) == 0
    assert read_json(project / "results/best_cell.json") == other


def test_each_call_has_a_folder_of_its_own(run):
    assert main(["retry", "--state", "out_of_memory"]) == 0
    assert main(["retry", "--state", "timeout"]) == 0
    assert (run / "retried/000/generation_001/candidate_00.json").is_file()
    assert (run / "retried/001/generation_000/candidate_01.json").is_file()


@pytest.mark.parametrize(
    "state", ["diverged", "ok", "oversized", "timeout,stopped", "timeout;crashed", ""]
)
def test_other_states_are_refused(run, project, capsys, state):
    before = list_files(project)
    assert main(["retry", "--state", state]) == 1
    error = capsys.readouterr().err
    assert error.startswith("Error: --state: ") and error.count("\n") == 1
    assert "is not one of: timeout, out_of_memory, crashed" in error
    assert list_files(project) == before


def test_a_live_run_is_left_alone(run, project, capsys):
    script = project / "snakemake"
    script.write_text("import time; print(1, flush=True); time.sleep(60)\n")
    before = list_files(project)
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=project, stdout=subprocess.PIPE, text=True
    )
    try:
        process.stdout.readline()
        assert main(["retry"]) == 1
        assert f"process {process.pid} is running Snakemake here" in capsys.readouterr().err
        assert main(["retry", "--dry-run"]) == 0
        assert list_files(project) == before
    finally:
        process.kill()
        process.wait()
    assert main(["retry"]) == 0


def test_a_run_of_another_machine_needs_its_name(run, project, capsys):
    note_host(project)
    (project / ".snakemake/started_on.json").write_text('{"host": "elsewhere"}')
    assert main(["retry"]) == 1
    assert "started on elsewhere" in capsys.readouterr().err
    assert main(["retry", "--host", "elsewhere"]) == 0


def test_records_that_a_later_run_needs_are_left(run, project, capsys):
    files = [f"results/search/run-1/{name}" for name in sorted(list_generation(2))]
    other = {"runs": [{"name": "run-1", "files": files}], "records": []}
    write_json(run.parent / "run-2/reused.json", other)
    before = list_files(project)
    assert main(["retry", "run-1"]) == 1
    error = capsys.readouterr().err
    assert "run-2 began with its candidates (search.reuse)" in error and error.count("\n") == 1
    assert list_files(project) == before


def test_a_folder_that_cannot_be_written_is_one_line(run, project, capsys):
    (run / "retried").write_text("a file is in the way")
    assert main(["retry"]) == 1
    error = capsys.readouterr().err
    assert "best_cell.json: cannot be moved to " in error and error.count("\n") == 1
    assert json.loads((project / "results/best_cell.json").read_text())
