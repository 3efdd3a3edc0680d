"""A run does not start beside the SLURM jobs of a killed one, and asks for them once."""

import pytest
from support.slurm_queue import RUN, Queue

pytestmark = pytest.mark.workflow


@pytest.fixture
def queue(toy):
    queue = Queue(toy.folder / "slurm")
    toy.environment["PATH"] = f"{queue.folder}:{toy.environment['PATH']}"
    return queue


@pytest.mark.parametrize("name", [RUN, RUN.removeprefix("tgas_")])
def test_a_start_beside_leftovers_is_refused_in_one_line(toy, queue, name):
    queue.add("11", toy.folder, name=name)
    found = toy.run("recordings", check=False)
    assert found.returncode == 1
    (line,) = [line for line in found.stdout.splitlines() if line.startswith("Error")]
    assert line.endswith(f"python -m tgas_neuro leftovers --cancel {toy.folder}")
    assert "Traceback" not in found.stdout
    assert not list(toy.folder.glob("results/recordings/*"))
    assert not list(toy.folder.glob(".snakemake/locks/*"))
    assert queue.list_ids() == ["11"]
    assert queue.count_questions() == 1


def test_only_a_start_asks_for_leftovers(toy, queue):
    queue.add("11", toy.folder)
    toy.run("recordings", "--dry-run")
    toy.run("--unlock")
    assert queue.count_questions() == 0
    queue.jobs.clear()
    queue.add("12", toy.folder.parent)
    toy.run("recordings")
    assert list(toy.folder.glob("results/recordings/*/assembly.nc"))
    assert queue.count_questions() == 1  # and none of its jobs does
