"""Steps, their micro-batches, the process of each, and the learning rate."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.final_settings import build_settings
from torch import nn

from tgas_neuro.config.final import check_batches
from tgas_neuro.final.training.order import (
    Steps,
    calc_learning_rate,
    count_processes,
    deal_micro_batches,
    draw_order,
    plan_steps,
)
from tgas_neuro.runtime.errors import UserError


def describe(batch_size, micro_batch=None, processes="auto", device="cuda"):
    return build_settings(
        batch_size=batch_size, micro_batch=micro_batch, processes=processes, device=device
    )


def test_order_is_a_permutation_of_seed_and_epoch_alone():
    steps = Steps(steps=3, micro_batches=2, size=4)
    order = draw_order(5, 1, 25, steps)
    assert order.shape == (3, 2, 4)
    assert len(set(order.ravel())) == 24 and set(order.ravel()) <= set(range(25))
    np.testing.assert_array_equal(order, draw_order(5, 1, 25, steps))
    other = draw_order(5, 1, 25, Steps(steps=6, micro_batches=1, size=4))
    np.testing.assert_array_equal(order.ravel(), other.ravel())
    assert (order != draw_order(5, 2, 25, steps)).any()
    assert (order != draw_order(6, 1, 25, steps)).any()


@given(
    st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(1, 5), st.integers(0, 4)
)
def test_processes_share_every_step(processes, per_process, size, n_steps, first):
    steps = Steps(n_steps, processes * per_process, size)
    order = draw_order(0, 0, n_steps * steps.images, steps)
    first = min(first, n_steps)
    dealt = [deal_micro_batches(order, first, rank, processes) for rank in range(processes)]
    for step in range(first, n_steps):
        start = (step - first) * per_process
        found = [micro for own in dealt for micro in own[start : start + per_process].tolist()]
        assert sorted(found) == sorted(order[step].tolist())
    assert all(len(own) == (n_steps - first) * per_process for own in dealt)


def test_micro_batches_are_dealt_in_turn():
    order = np.arange(12).reshape(2, 3, 2)
    assert deal_micro_batches(order, 0, 1, 3).tolist() == [[2, 3], [8, 9]]
    assert deal_micro_batches(order, 1, 0, 1).tolist() == [[6, 7], [8, 9], [10, 11]]


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "micro_batch", "expected"),
    [
        (100, 32, None, Steps(3, 1, 32)),
        (100, 32, 8, Steps(3, 4, 8)),
        (20, 32, 8, Steps(1, 2, 8)),  # a split smaller than a step: whole micro-batches
        (5, 32, 8, Steps(1, 1, 5)),
        (5, 32, None, Steps(1, 1, 5)),
    ],
)
def test_steps_of_an_epoch(n_samples, batch_size, micro_batch, expected):
    assert plan_steps(n_samples, describe(batch_size, micro_batch)) == expected


def test_a_small_split_that_processes_cannot_share():
    with pytest.raises(UserError, match=r"final\.batch_size: 32, but there are only 20 training"):
        plan_steps(20, describe(32, 4), 4)


def test_mistakes_are_found_in_the_configuration():
    with pytest.raises(UserError, match=r"final\.micro_batch: 5 images do not divide .*, 32"):
        check_batches(describe(32, 5))
    with pytest.raises(UserError, match=r"null, the whole batch; .* 32 images has 1 of them, wh"):
        check_batches(describe(32, None, 2))
    with pytest.raises(UserError, match=r"final\.micro_batch: 8; .* has 4 .* 3 processes"):
        check_batches(describe(32, 8, 3))
    check_batches(describe(32, 8, 4))


@pytest.mark.parametrize(
    ("gpus", "micro_batch", "expected"), [(0, 8, 1), (4, 8, 4), (3, 8, 2), (8, None, 1), (9, 4, 8)]
)
def test_auto_takes_as_many_gpus_as_can_share_a_step(gpus, micro_batch, expected):
    assert count_processes(describe(32, micro_batch), gpus) == expected
    assert count_processes(describe(32, micro_batch, 3), 0 if gpus < 3 else gpus) == 3


def test_one_gpu_is_not_for_several_processes():
    check_batches(describe(32, 8, processes=1, device="cuda:1"))
    check_batches(describe(32, 8, processes="auto", device="cuda:1"))
    with pytest.raises(UserError, match=r"final\.device: cuda:1 is one GPU, and final.processes 2"):
        check_batches(describe(32, 8, processes=2, device="cuda:1"))


def test_no_more_processes_than_gpus():
    assert count_processes(describe(32, 8, processes=2), 2) == 2
    assert count_processes(describe(32, 8, processes=4), 0) == 4  # on the CPU
    with pytest.raises(UserError, match=r"final\.processes: 4, but this machine shows 2 GPUs"):
        count_processes(describe(32, 8, processes=4), 2)


def describe_schedule(peak, warmup=0.0, schedule="cosine", decay_epochs=2.4):
    return build_settings(
        schedule=schedule, learning_rate=peak, warmup=warmup, decay_epochs=decay_epochs
    )


def test_equals_torch_cosine_without_warmup():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
    for step in range(40):
        expected = optimizer.param_groups[0]["lr"]
        found = calc_learning_rate(step, 40, 10, describe_schedule(0.3))
        assert found == pytest.approx(expected, abs=1e-12)
        optimizer.step()
        cosine.step()


def test_exponential_equals_torch_steps():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.3)
    stairs = torch.optim.lr_scheduler.StepLR(optimizer, step_size=24, gamma=0.97)
    for step in range(100):
        found = calc_learning_rate(step, 100, 10, describe_schedule(0.3, schedule="exponential"))
        assert found == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-12)
        optimizer.step()
        stairs.step()


def test_warmup_by_hand():
    rates = [calc_learning_rate(step, 20, 5, describe_schedule(1.0, 0.2)) for step in range(20)]
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[12] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.01


def test_stairs_are_at_least_a_step():
    config = describe_schedule(0.3, schedule="exponential", decay_epochs=0.1)
    found = [calc_learning_rate(step, 3, 1, config) for step in range(3)]
    assert found[1] / found[0] == pytest.approx(config.decay)
    assert found[2] / found[1] == pytest.approx(config.decay)


@given(
    st.integers(1, 500),
    st.floats(0, 0.99),
    st.floats(1e-4, 10),
    st.sampled_from(["cosine", "exponential"]),
)
def test_stays_above_zero_and_below_the_peak(n_steps, warmup, peak, schedule):
    for step in {0, n_steps // 2, n_steps - 1}:
        assert (
            0
            < calc_learning_rate(step, n_steps, 7, describe_schedule(peak, warmup, schedule))
            <= peak
        )
