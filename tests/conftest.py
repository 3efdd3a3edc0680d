"""Fixtures that all tests share."""

import fcntl
import os
import shutil
import sys
from pathlib import Path

import hypothesis
import matplotlib
import numpy as np
import pytest
import torch
from support.image_folders import write_noise
from support.lengthy import FILES, FOLDERS
from support.toy_run import SNAKEMAKE, Toy

from tgas_neuro.recordings.assembly import build_assembly

PROJECT = Path(__file__).parents[1]
LENGTHY = {PROJECT / "tests" / name for name in (*FOLDERS, *FILES)}

# As in the Snakefile: no library that tests import compiles grammars of URIs for seconds.
sys.modules.setdefault("rfc3987_syntax", None)

# No deadline: a busy machine is not a wrong value. The same examples on every machine.
hypothesis.settings.register_profile(
    "project",
    deadline=None,
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("project")
matplotlib.use("Agg")  # no screen

torch.set_num_threads(1)  # small tensors: more threads only wait for each other


def pytest_ignore_collect(collection_path, config):
    """What `make quick` leaves out is not imported either."""
    return ("not lengthy" in config.option.markexpr and collection_path in LENGTHY) or None


def pytest_collection_modifyitems(config, items):
    """Long tests come first and are marked; slow ones are run by name only: pytest -m slow."""
    places = {item: item.path.relative_to(PROJECT / "tests") for item in items}
    for item, place in places.items():
        if place.parts[0] in FOLDERS or place.as_posix() in FILES:
            item.add_marker("lengthy")
    items.sort(key=lambda item: places[item].parts[0] not in FOLDERS)
    if "slow" not in config.option.markexpr:
        skip = pytest.mark.skip(reason="takes minutes; pytest -m slow runs it")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(skip)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Seed torch's generator, before fixtures too: no test's numbers depend on those before it.

    TGAS_TEST_SEED takes another seed, to look for tests that pass by luck.
    """
    torch.manual_seed(int(os.environ.get("TGAS_TEST_SEED", "0")))


@pytest.fixture
def keep_settings_of_torch():
    """What a candidate sets in this process ends with the test."""
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with the macaque files; they are never committed."""
    folder = Path(os.environ.get("TGAS_TEST_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder} (or TGAS_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A toy run from beginning to end on two cores, as a user's starts; not to be changed.

    Several workers of pytest share one run: the first makes it, each has a copy.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return run_whole(tmp_path_factory.mktemp("finished"))
    made, done = folder.parent / "finished", folder.parent / "finished.txt"
    with (folder.parent / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(made, ignore_errors=True)  # of one that failed
            done.write_text(run_whole(made).output)
    copied = Toy(tmp_path_factory.mktemp("finished"))
    copied.snakemake, copied.output = SNAKEMAKE, done.read_text()
    shutil.copytree(made, copied.folder, symlinks=True, dirs_exist_ok=True)
    return copied


def run_whole(folder):
    toy = Toy(folder)
    toy.snakemake = SNAKEMAKE
    toy.output = toy.run().stdout
    return toy


@pytest.fixture
def make_assembly():
    """Build an assembly of Poisson counts with known true rates."""

    def make(rates, repetitions, generator, region="IT"):
        """`rates` (stimulus, neuroid), `repetitions` (stimulus,)."""
        stimulus = np.repeat(np.arange(len(rates)), repetitions)
        repetition = np.concatenate([np.arange(count) for count in repetitions])
        counts = generator.poisson(rates[stimulus]).astype(np.float32)
        n_sites = rates.shape[1]
        return build_assembly(
            counts,
            {
                "stimulus_id": np.array([f"s{number:04d}" for number in stimulus]),
                "repetition": repetition,
            },
            {
                "neuroid_id": np.array([f"n{number}" for number in range(n_sites)]),
                "region": np.full(n_sites, region),
                "animal": np.full(n_sites, "A"),
            },
        )

    return make


@pytest.fixture(scope="session")
def write_images():
    return write_noise


@pytest.fixture
def folders(tmp_path):
    """Training and validation split: 23 and 9 images in three classes."""
    return (
        write_noise(tmp_path / "train", {"cat": 8, "dog": 8, "owl": 7}, seed=1),
        write_noise(tmp_path / "val", {"cat": 3, "dog": 3, "owl": 3}, seed=2),
    )


@pytest.fixture
def ax():
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    yield axes
    pyplot.close(figure)
