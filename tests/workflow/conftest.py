"""The workflow at toy size, in a folder of its own."""

import copy

import pytest
from soak.checks import drop_cost_and_dates
from support.toy_run import SNAKEMAKE, TOY, Toy
from support.warm import serving


@pytest.fixture(scope="session")
def toy_config():
    """The toy configuration, to be written to a folder of the test's own."""
    return copy.deepcopy(TOY)


@pytest.fixture(scope="session")
def warm_snakemake():
    """The command of Snakemake whose processes have loaded the libraries."""
    with serving() as command:
        yield command


@pytest.fixture(scope="module")
def warm(warm_snakemake):
    """Toys of this module start in such processes; only the finished one starts as a user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Toy, "snakemake", warm_snakemake)
        yield


@pytest.fixture
def cold(monkeypatch):
    """Toys of this test start as a user's do: it changes or watches their processes."""
    monkeypatch.setattr(Toy, "snakemake", SNAKEMAKE)


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path)


@pytest.fixture(scope="session")
def build_toy():
    """Makes a toy in a folder, for fixtures that live longer than a test."""
    return Toy


@pytest.fixture(scope="session")
def comparable():
    return drop_cost_and_dates
