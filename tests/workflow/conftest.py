"""The workflow at toy size, in a folder of its own."""

import copy

import pytest
from soak.checks import drop_cost_and_dates
from support.toy_run import TOY, Toy
from support.warm import serving


@pytest.fixture(scope="session")
def toy_config():
    """The toy configuration, to be written to a folder of the test's own."""
    return copy.deepcopy(TOY)


@pytest.fixture(scope="module")
def warm():
    """Toys of this module start in processes that have loaded the libraries."""
    with serving() as command, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Toy, "snakemake", command)
        yield


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
