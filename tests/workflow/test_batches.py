"""Several candidates in a job: the same numbers, and nothing that was finished is lost."""

import signal
import time

import psutil
import pytest
from soak.targets import list_below, list_survivors, list_workers

from tgas_neuro.runtime.files import read_json

pytestmark = pytest.mark.workflow


def test_a_killed_job_of_several_candidates_goes_on_where_it_was(finished, toy, comparable):
    toy.copy_beginning(finished)
    toy.config["search"]["candidates_per_job"] = 3
    below = toy.kill_when("results/search/*/kept/*.json", 1)  # two more: not yet at its end
    psutil.wait_procs(below, timeout=60)
    kept = [read_json(path) for path in toy.folder.glob("results/search/*/kept/*.json")]
    before = {record["id"]: record["dates"] for record in [*kept, *toy.read_records().values()]}
    assert 1 <= len(before) < 6
    toy.run("--unlock")
    toy.run("--until", "best")
    records = toy.read_records()
    for name, dates in before.items():
        assert records[name]["dates"] == dates  # taken up, not trained again
    expected = finished.read_records()
    assert comparable(records) == comparable(expected)
    assert not list(toy.folder.glob("results/search/*/kept/*"))
    # neither run's name nor parameters of rules depend on how many go into a job
    toy.config["search"]["candidates_per_job"] = 1
    assert "candidate" not in toy.run("--until", "best", "--dry-run").stdout
    logs = {path.name for path in toy.folder.glob("results/logs/search/*/*_candidate_*.log")}
    assert logs == {f"00{g}_candidate_0{number}.log" for g in (0, 1) for number in (0, 1, 2)}


@pytest.mark.parametrize("per_job", [1, 3])
def test_a_job_whose_end_nobody_saw_is_not_repeated(finished, toy, comparable, per_job):
    toy.copy_beginning(finished)
    toy.config["search"]["candidates_per_job"] = per_job
    workflow = toy.start("--until", "best", cores=1)
    wait_until(lambda: list(toy.folder.glob("results/search/*/kept/*.json")), workflow)
    workflow.send_signal(signal.SIGSTOP)
    wait_until(lambda: len(toy.read_records()) == per_job, workflow)
    below, workers = list_below(psutil.Process(workflow.pid)), list_workers(workflow.pid)
    assert list_survivors([one for one in below if one not in workers]) == []
    before = toy.read_records()
    assert toy.list_noticed("results/search/*/*/candidate_*.json") == []
    workflow.kill()
    workflow.wait()
    toy.run("--unlock")
    toy.run("--until", "best")
    records = toy.read_records()
    assert {name: records[name]["dates"] for name in before} == {
        name: record["dates"] for name, record in before.items()
    }
    assert comparable(records) == comparable(finished.read_records())
    assert not list(toy.folder.glob("results/search/*/kept/*"))


def wait_until(condition, workflow):
    deadline = time.monotonic() + 600
    while not condition():
        assert workflow.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
