from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation.objects import (
    CANONICAL_VIEW,
    VARIATIONS,
    Pose,
    build_rotation,
    draw_pose,
)


def test_level_0_does_not_vary():
    rng = np.random.default_rng(0)
    assert {draw_pose("V0", rng) for _ in range(20)} == {Pose()}


@pytest.mark.parametrize("variation", ["V3", "V6"])
def test_poses_fill_the_range_of_their_level(variation):
    rng = np.random.default_rng(0)
    poses = np.array([astuple(draw_pose(variation, rng)) for _ in range(2000)])
    shift, factor, turn = VARIATIONS[variation]
    for column, bound in ((0, shift), (1, shift), (3, turn), (4, turn), (5, turn)):
        assert np.abs(poses[:, column]).max() <= bound
        assert np.abs(poses[:, column]).max() > 0.98 * bound
        # Standard deviation of a uniform distribution.
        assert poses[:, column].std() == pytest.approx(bound / np.sqrt(3), rel=0.05)
    logs = np.log(poses[:, 2]) / np.log(factor)
    assert np.abs(logs).max() <= 1.0 and logs.std() == pytest.approx(1 / np.sqrt(3), rel=0.05)
    correlations = np.corrcoef(poses.T)[np.triu_indices(6, 1)]
    assert np.abs(correlations).max() < 0.1


def test_unknown_level_is_named_with_the_known_ones():
    with pytest.raises(UserError, match="'V4' is not one of: V0, V3, V6"):
        draw_pose("V4", np.random.default_rng(0))


@settings(max_examples=50, deadline=None)
@given(*[st.floats(-180, 180)] * 3)
def test_rotations_are_proper(x, y, z):
    rotation = build_rotation(Pose(rotation_x=x, rotation_y=y, rotation_z=z))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_turns_are_about_the_viewers_axes():
    up = np.array([0.0, 1.0, 0.0])
    rotation = build_rotation(Pose(rotation_z=90.0)) @ CANONICAL_VIEW.T
    np.testing.assert_allclose(rotation @ up, [-1.0, 0.0, 0.0], atol=1e-12)
