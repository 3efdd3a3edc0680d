"""A real SLURM for the tests of this folder, and the toy workflow on it."""

import json
import shutil
import tempfile
from pathlib import Path

import pytest
from cluster.slurm import Cluster, find_reason_to_skip
from soak.soak import PROJECT, drop_cost_and_dates
from toy_run import Toy

PROFILE = PROJECT / "profiles" / "slurm"
# The profile as it is, but for the patience that a file system on one machine needs not have.
QUICK = ["--latency-wait", "5", "--slurm-init-seconds-before-status-checks", "1"]
QUICK += ["--max-status-checks-per-second", "10", "--local-cores", "2"]


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


class ClusterToy(Toy):
    """The toy workflow whose jobs are SLURM's."""

    def __init__(self, folder: Path, cluster: Cluster):
        super().__init__(folder)
        self.environment |= {
            "SLURM_CONF": cluster.environment["SLURM_CONF"],
            "PATH": f"{PROFILE / 'without_accounting'}:{self.environment['PATH']}",
        }

    def build_command(self, *arguments, cores=None):
        return super().build_command("--profile", str(PROFILE), *QUICK, *arguments, cores=None)


@pytest.fixture(scope="session")
def local(tmp_path_factory):
    """The toy workflow run on this machine alone, which the cluster's must equal."""
    toy = Toy(tmp_path_factory.mktemp("local"))
    toy.run()
    return toy


@pytest.fixture
def toy(tmp_path, cluster):
    """A toy with nothing done."""
    return ClusterToy(tmp_path, cluster)


@pytest.fixture
def second_generation(tmp_path, cluster, local):
    """A toy with all done but the candidates of its last generation, and what to ask for."""
    toy = ClusterToy(tmp_path / "toy", cluster)
    for name in ("results", ".snakemake/metadata"):
        # with their times: whatever is newer is made again
        shutil.copytree(local.folder / name, toy.folder / name, symlinks=True)
    for record in toy.folder.glob("results/search/*/generation_001/candidate_*.json"):
        record.unlink()
    (history,) = toy.folder.glob("results/search/*/generation_001/history.json")
    history.unlink()
    toy.target = str(history.relative_to(toy.folder))
    return toy


@pytest.fixture(scope="session")
def is_same(local):
    """Whether the records and histories of a toy are the local run's, cost and dates aside."""

    def compare(toy):
        for name in ("candidate_*.json", "history.json"):
            pattern = f"results/search/*/generation_*/{name}"
            paths = [path.relative_to(local.folder) for path in local.folder.glob(pattern)]
            assert paths
            for path in paths:
                assert read(toy.folder / path) == read(local.folder / path), path
        return True

    return compare


def read(path):
    return drop_cost_and_dates(json.loads(path.read_text()))
