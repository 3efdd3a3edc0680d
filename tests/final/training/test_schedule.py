import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tgas_neuro.final.training.schedule import calc_learning_rate


def describe(peak, warmup=0.0, schedule="cosine", decay_epochs=2.4):
    return {
        "schedule": schedule,
        "learning_rate": peak,
        "warmup": warmup,
        "decay": 0.97,
        "decay_epochs": decay_epochs,
    }


def test_equals_torch_cosine_without_warmup():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    for step in range(40):
        expected = optimizer.param_groups[0]["lr"]
        found = calc_learning_rate(step, 40, 10, describe(0.3))
        assert found == pytest.approx(expected, abs=1e-12)
        optimizer.step()
        cosine.step()


def test_exponential_equals_torch_steps():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.3)
    stairs = torch.optim.lr_scheduler.StepLR(optimizer, step_size=24, gamma=0.97)
    for step in range(100):
        found = calc_learning_rate(step, 100, 10, describe(0.3, schedule="exponential"))
        assert found == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        optimizer.step()
        stairs.step()


def test_warmup_by_hand():
    rates = [calc_learning_rate(step, 20, 5, describe(1.0, 0.2)) for step in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[12] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.01


def test_stairs_are_at_least_a_step():
    config = describe(0.3, schedule="exponential", decay_epochs=0.1)
    found = [calc_learning_rate(step, 3, 1, config) for step in range(3)]
    assert found[1] / found[0] == pytest.approx(config["decay"])
    assert found[2] / found[1] == pytest.approx(config["decay"])


@given(
    st.integers(1, 500),
    st.floats(0, 0.99),
    st.floats(1e-4, 10),
    st.sampled_from(["cosine", "exponential"]),
)
def test_stays_above_zero_and_below_the_peak(n_steps, warmup, peak, schedule):
    for step in {0, n_steps // 2, n_steps - 1}:
        assert 0 < calc_learning_rate(step, n_steps, 7, describe(peak, warmup, schedule)) <= peak
