"""A real SLURM for the tests of this folder, and the toy workflow on it."""

import json
import tempfile
from pathlib import Path

import pytest
from cluster.slurm import Cluster, find_reason_to_skip
from cluster.toy import ClusterToy
from soak.checks import drop_cost_and_dates


@pytest.fixture(scope="session")
def cluster():
    """Two nodes on loopback, stopped at the end; skips where SLURM is not installed."""
    reason = find_reason_to_skip()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="slurm") as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def toy(tmp_path, cluster):
    """A toy with nothing done."""
    return ClusterToy(tmp_path, cluster)


@pytest.fixture
def second_generation(tmp_path, cluster, finished):
    """A toy with all done but two candidates of its last generation, and what to ask for."""
    toy = ClusterToy(tmp_path / "toy", cluster)
    toy.copy_results(finished)
    for number in (0, 1):
        (record,) = toy.folder.glob(f"results/search/*/generation_001/candidate_0{number}.json")
        record.unlink()
    (history,) = toy.folder.glob("results/search/*/generation_001/history.json")
    history.unlink()
    toy.target = str(history.relative_to(toy.folder))
    return toy


@pytest.fixture(scope="session")
def is_same(finished):
    """Whether the records and histories of a toy are the local run's, cost and dates aside."""

    def compare(toy):
        for name in ("candidate_*.json", "history.json"):
            pattern = f"results/search/*/generation_*/{name}"
            paths = [path.relative_to(finished.folder) for path in finished.folder.glob(pattern)]
            assert paths
            for path in paths:
                assert read(toy.folder / path) == read(finished.folder / path), path
        return True

    return compare


def read(path):
    return drop_cost_and_dates(json.loads(path.read_text()))
