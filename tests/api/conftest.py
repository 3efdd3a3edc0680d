"""A working folder whose data set `simulated` is small."""

import pytest
from soak.soak import TOY_RECORDINGS, build_toy
from support.toy_run import TOY


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Folder with a small neural_data/simulated.yaml; not to be changed."""
    folder = tmp_path_factory.mktemp("small")
    build_toy(folder, TOY, TOY_RECORDINGS)
    return folder


@pytest.fixture
def inside(small, monkeypatch):
    monkeypatch.chdir(small)
    return small
