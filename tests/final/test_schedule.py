import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tgas_neuro.final.schedule import calc_learning_rate


def test_equals_torch_cosine_without_warmup():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    for step in range(40):
        expected = optimizer.param_groups[0]["lr"]
        assert calc_learning_rate(step, 40, 0.3, 0.0) == pytest.approx(expected, abs=1e-12)
        optimizer.step()
        cosine.step()


def test_warmup_by_hand():
    rates = [calc_learning_rate(step, 20, 1.0, 0.2) for step in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[12] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.01


@given(st.integers(1, 500), st.floats(0, 0.99), st.floats(1e-4, 10))
def test_stays_above_zero_and_below_the_peak(n_steps, warmup, peak):
    for step in {0, n_steps // 2, n_steps - 1}:
        assert 0 < calc_learning_rate(step, n_steps, peak, warmup) <= peak
