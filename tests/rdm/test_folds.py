"""Folds of presentations against plain loops."""

import numpy as np
import pytest
import torch

from tgas_neuro.rdm.repetitions import Repetitions, assign_folds, average_folds
from tgas_neuro.runtime.errors import UserError

STIMULUS = torch.tensor([0, 2, 0, 1, 2, 0, 1])


@pytest.fixture
def repetitions():
    responses = torch.from_numpy(np.random.default_rng(0).normal(size=(7, 3)))
    return Repetitions(responses, STIMULUS, torch.arange(3))


def test_repetitions_are_numbered_by_their_labels_or_counted(repetitions):
    labels = np.array([5, 5, 9, 5, 7, 7, 9])
    assert assign_folds(repetitions, "repetitions", labels).tolist() == [0, 0, 2, 0, 1, 1, 2]
    assert assign_folds(repetitions, "repetitions").tolist() == [0, 0, 1, 0, 1, 2, 1]


def test_halves_differ_by_one_presentation_at_most(repetitions):
    generator = np.random.default_rng(1)
    drawn = set()
    for _ in range(300):
        fold = assign_folds(repetitions, "halves", generator=generator)
        drawn.add(tuple(fold.tolist()))
        for stimulus, sizes in enumerate(([1, 2], [1, 1], [1, 1])):
            assert sorted(torch.bincount(fold[stimulus == STIMULUS]).tolist()) == sizes
    assert len(drawn) == 6 * 2 * 2  # every split that there is


def test_average_equals_loops(repetitions):
    fold = torch.tensor([1, 0, 1, 0, 0, 0, 1])
    averaged, folds = average_folds(repetitions, fold)
    found = dict(
        zip(zip(averaged.stimulus.tolist(), folds.tolist(), strict=True), range(5), strict=True)
    )
    assert sorted(found) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
    for (stimulus, number), place in found.items():
        here = (stimulus == STIMULUS) & (fold == number)
        expected = repetitions.responses[here].mean(dim=0)
        torch.testing.assert_close(averaged.responses[place], expected)
    torch.testing.assert_close(averaged.row, repetitions.row)


def test_user_errors(repetitions):
    with pytest.raises(UserError, match="folds: 'runs' is not one of: repetitions, halves"):
        assign_folds(repetitions, "runs")
    with pytest.raises(UserError, match="generator: None"):
        assign_folds(repetitions, "halves")
