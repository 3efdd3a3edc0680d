"""Random SIGKILLs change no number and leave nothing behind; the soak script sends a hundred."""

import copy

import pytest
from soak.soak import TOY, TOY_RECORDINGS, Tally, soak

pytestmark = pytest.mark.workflow


@pytest.mark.parametrize(
    ("kills", "per_job"),
    [
        pytest.param(10, 1, marks=pytest.mark.slow),
        pytest.param(10, 3, marks=pytest.mark.slow),
    ],
)
def test_kills_change_nothing(tmp_path_factory, kills, per_job):
    config, tally = copy.deepcopy(TOY), Tally()
    config["search"]["candidates_per_job"] = per_job
    folder = tmp_path_factory.mktemp("soak")  # a short name: there will be sockets
    soak(folder, config, TOY_RECORDINGS, kills=kills, seed=1, tally=tally)
    assert tally.faults == []
    assert sum(tally.kills.values()) == kills
    assert len(tally.kills) == 4  # the workflow, a job, a candidate's process, the worker
