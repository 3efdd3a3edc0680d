import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation.objects import build_objects
from tgas_neuro.simulation.sites import (
    GRID,
    calc_gabor_energies,
    calc_it_drives,
    calc_shape_views,
    calc_v4_drives,
    standardise,
)
from tgas_neuro.simulation.stimuli import simulate_stimuli


@pytest.fixture(scope="module")
def shown():
    images, table = simulate_stimuli(0, {"V3": 2}, 32)
    return calc_gabor_energies(images), table, build_objects(0)


def assert_standardised(drives, shape):
    assert drives.shape == shape
    np.testing.assert_allclose(drives.mean(axis=0), 0.0, atol=1e-6)
    np.testing.assert_allclose(drives.std(axis=0), 1.0, atol=1e-6)


def test_standardise_leaves_what_is_constant_at_zero():
    values = np.array([[1.0, 5.0], [3.0, 5.0]])
    np.testing.assert_array_equal(standardise(values), [[-1.0, 0.0], [1.0, 0.0]])


def test_drives_are_standardised_and_follow_the_generator(shown):
    energies, table, objects = shown
    for calc in (
        lambda rng: calc_v4_drives(energies, 7, rng),
        lambda rng: calc_it_drives(energies, table, objects, 7, rng),
    ):
        drives = calc(np.random.default_rng(1))
        assert_standardised(drives, (128, 7))
        np.testing.assert_array_equal(drives, calc(np.random.default_rng(1)))
        assert not np.allclose(drives, calc(np.random.default_rng(2)))


def test_a_v4_site_sees_only_its_receptive_field():
    rng = np.random.default_rng(0)
    energies = rng.uniform(0.0, 0.1, (60, 18, GRID, GRID)).astype(np.float32)
    changed = energies.copy()
    changed[:, :, :, : GRID // 2] = rng.permutation(changed[:, :, :, : GRID // 2])
    one = calc_v4_drives(energies, 40, np.random.default_rng(3))
    other = calc_v4_drives(changed, 40, np.random.default_rng(3))
    kept = [np.corrcoef(a, b)[0, 1] for a, b in zip(one.T, other.T, strict=True)]
    # Shuffling the left half of the pictures leaves sites on the right alone, and no others.
    assert np.sum(np.array(kept) > 0.99) >= 5
    assert np.sum(np.array(kept) < 0.5) >= 5


def test_shape_ignores_position_and_size_but_not_rotation(shown):
    _, table, objects = shown
    views = calc_shape_views(table, objects)
    moved = table.assign(position_x=0.5, position_y=-0.7, size=1.2)
    np.testing.assert_array_equal(calc_shape_views(moved, objects), views)
    turned = table.assign(rotation_z=table["rotation_z"] + 45.0)
    assert (np.abs(calc_shape_views(turned, objects) - views).max(axis=1) > 0.05).all()


def test_an_unknown_object_is_named(shown):
    _, table, objects = shown
    with pytest.raises(UserError, match="object_name: 'teapot' is not one of the 64"):
        calc_shape_views(table.assign(object_name="teapot"), objects)
