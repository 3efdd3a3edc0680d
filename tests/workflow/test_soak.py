"""Five random SIGKILLs; the soak script sends a hundred."""

import pytest
from soak.soak import TOY, TOY_RECORDINGS, Tally, soak

pytestmark = pytest.mark.workflow


def test_five_kills_change_nothing(tmp_path):
    tally = Tally()
    soak(tmp_path, TOY, TOY_RECORDINGS, kills=5, seed=1, tally=tally)
    assert tally.faults == []
    assert sum(tally.kills.values()) == 5
