"""Averages and halves of repetitions against plain loops."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.rdm.repetitions import (
    Repetitions,
    average_repetitions,
    draw_split,
    index_repetitions,
    list_stimuli,
    standardise_sites,
)
from tgas_neuro.runtime.errors import UserError


@pytest.fixture
def indexed(make_assembly):
    generator = np.random.default_rng(0)
    rates = generator.lognormal(1, 0.8, size=(12, 5))
    counts = generator.integers(1, 8, size=12)
    assembly = make_assembly(rates, counts, generator)
    assembly = assembly.isel(presentation=generator.permutation(assembly.sizes["presentation"]))
    ids = np.unique(assembly["stimulus_id"].values)
    return assembly, ids, counts


def test_stimuli_are_listed_in_order_and_as_text(make_assembly):
    assembly = make_assembly(np.ones((4, 2)), np.array([2, 1, 3, 1]), np.random.default_rng(0))
    named = np.array(["b", "b", "a10", "a9", "a9", "a9", "\u00e9"], dtype=object)
    assembly = assembly.assign_coords(stimulus_id=("presentation", named))
    found = list_stimuli(assembly)
    assert list(found) == ["a10", "a9", "b", "\u00e9"]
    assert found.dtype == np.dtype("U3")
    numbered = assembly.assign_coords(stimulus_id=("presentation", [2, 2, 10, 1, 1, 1, 0]))
    assert list(list_stimuli(numbered)) == ["0", "1", "10", "2"]  # the order of text


def test_average_equals_groupby(indexed):
    assembly, ids, counts = indexed
    repetitions = index_repetitions(assembly, ids, np.arange(len(ids)))
    np.testing.assert_array_equal(repetitions.counts, counts)
    expected = assembly.astype(float).groupby("stimulus_id").mean("presentation")
    np.testing.assert_allclose(average_repetitions(repetitions), expected.sel(stimulus_id=ids))


def test_objects_weigh_images_equally(indexed):
    assembly, ids, _ = indexed
    objects = np.arange(len(ids)) // 3
    found = average_repetitions(index_repetitions(assembly, ids, objects))
    images = average_repetitions(index_repetitions(assembly, ids, np.arange(len(ids))))
    np.testing.assert_allclose(found, images.reshape(4, 3, 5).mean(axis=1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_average_of_some_presentations(indexed, dtype):
    """Against a loop; a stimulus of which nothing is kept is NaN."""
    assembly, ids, _ = indexed
    repetitions = index_repetitions(assembly, ids, np.arange(len(ids)), dtype)
    keep = np.random.default_rng(3).random(assembly.sizes["presentation"]) < 0.5
    keep[assembly["stimulus_id"].values == ids[4]] = False
    found = average_repetitions(repetitions, torch.from_numpy(keep))
    assert found.dtype == torch.float64
    for number, identifier in enumerate(ids):
        chosen = assembly.values[keep & (assembly["stimulus_id"].values == identifier)]
        expected = chosen.astype(float).mean(axis=0) if len(chosen) else np.full(5, np.nan)
        np.testing.assert_allclose(found[number], expected, rtol=1e-6)


def test_sums_in_float64_without_a_copy(indexed):
    """Responses that float32 cannot sum exactly; those of the assembly stay where they are."""
    assembly, ids, _ = indexed
    assembly = assembly / np.float32(3)
    repetitions = index_repetitions(assembly, ids, np.arange(len(ids)))
    assert np.shares_memory(repetitions.responses.numpy(), assembly.values)
    expected = [
        assembly.values[assembly["stimulus_id"].values == identifier].astype(float).mean(axis=0)
        for identifier in ids
    ]
    np.testing.assert_allclose(average_repetitions(repetitions), expected, rtol=1e-14)
    in_float32 = index_repetitions(assembly, ids, np.arange(len(ids)), torch.float32)
    assert not np.allclose(average_repetitions(in_float32), expected, rtol=1e-9, atol=0)


@given(
    counts=st.lists(st.integers(0, 6), min_size=1, max_size=8).filter(any),
    double=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_sums_in_float64_whatever_the_counts(counts, double, seed):
    """Stimuli in mixed order, some of them never shown, in either type: as a loop has them."""
    generator = np.random.default_rng(seed)
    stimulus = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    responses = generator.normal(size=(len(stimulus), 3))
    responses = responses.astype(np.float64 if double else np.float32)
    repetitions = Repetitions(
        torch.from_numpy(responses), torch.from_numpy(stimulus), torch.arange(len(counts))
    )
    expected = np.array(
        [
            responses[stimulus == number].astype(float).mean(axis=0)
            if count
            else np.full(3, np.nan)
            for number, count in enumerate(counts)
        ]
    )
    np.testing.assert_allclose(average_repetitions(repetitions), expected, rtol=1e-12, atol=1e-15)


def test_float64_responses_stay_float64(indexed):
    assembly, ids, _ = indexed
    assembly = assembly.astype(np.float64) + 1e-9  # which float32 does not hold
    found = average_repetitions(index_repetitions(assembly, ids, np.arange(len(ids))))
    expected = assembly.groupby("stimulus_id").mean("presentation").sel(stimulus_id=ids)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_objects_of_which_an_image_is_missing(indexed):
    assembly, ids, _ = indexed
    objects = np.array([2, 0, 1] * 4)  # not in the order of the stimuli
    repetitions = index_repetitions(assembly, ids, objects)
    keep = torch.from_numpy(assembly["stimulus_id"].values != ids[3])
    images = average_repetitions(index_repetitions(assembly, ids, np.arange(len(ids))))
    kept = np.arange(len(ids)) != 3
    expected = [
        images[torch.from_numpy(kept & (objects == number))].mean(dim=0) for number in range(3)
    ]
    np.testing.assert_allclose(average_repetitions(repetitions, keep), torch.stack(expected))


def test_unknown_stimulus(indexed):
    assembly, ids, _ = indexed
    with pytest.raises(UserError, match=f"stimulus_id: '{ids[0]}' of the recordings is not among"):
        index_repetitions(assembly, ids[1:], np.arange(len(ids) - 1))


def test_split_halves(indexed):
    assembly, ids, counts = indexed
    repetitions = index_repetitions(assembly, ids, np.arange(len(ids)))
    generator = np.random.default_rng(1)
    sizes = []
    for _ in range(200):
        first, second = draw_split(repetitions, generator)
        assert torch.equal(first, ~second)
        sizes.append(torch.bincount(repetitions.stimulus[first], minlength=len(ids)).numpy())
    sizes = np.array(sizes)
    even = counts % 2 == 0
    assert (sizes[:, even] == counts[even] // 2).all()
    odd = sizes[:, ~even] - counts[~even] // 2
    assert set(np.unique(odd)) == {0, 1}  # the odd repetition goes to either half
    assert abs(odd.mean() - 0.5) < 0.1


def test_every_presentation_is_in_either_half_equally_often(indexed):
    assembly, ids, _ = indexed
    repetitions = index_repetitions(assembly, ids, np.arange(len(ids)))
    generator = np.random.default_rng(2)
    share = torch.stack([draw_split(repetitions, generator)[0] for _ in range(600)])
    np.testing.assert_allclose(share.double().mean(dim=0), 0.5, atol=0.1)


def test_standardise():
    responses = torch.tensor([[1.0, 7.0], [3.0, 7.0], [5.0, 7.0]], dtype=torch.float64)
    found = standardise_sites(responses)
    np.testing.assert_allclose(found[:, 0], np.array([-1, 0, 1]) / np.sqrt(2 / 3))
    assert (found[:, 1] == 0).all()  # a constant site says nothing
    assert torch.equal(standardise_sites(responses, "none"), responses)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_constant_site_of_unequal_repetitions(make_assembly, dtype):
    """0.1 has no exact float32: its averages differ by rounding, which must not be z-scored."""
    generator = np.random.default_rng(4)
    assembly = make_assembly(np.full((20, 2), 3.0), generator.integers(2, 60, size=20), generator)
    assembly.values[:, 1] = 0.1
    ids = np.unique(assembly["stimulus_id"].values)
    averages = average_repetitions(index_repetitions(assembly, ids, np.arange(20), dtype))
    assert (standardise_sites(averages)[:, 1] == 0).all()
    np.testing.assert_allclose(standardise_sites(averages)[:, 0].std(correction=0), 1)
