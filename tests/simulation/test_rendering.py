import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tgas_neuro.simulation.objects import (
    DEGREES,
    OBJECT_RADIUS,
    Pose,
    SimulatedObject,
    build_objects,
)
from tgas_neuro.simulation.rendering import (
    AMBIENT,
    LIGHT,
    calc_ellipsoid_matrices,
    calc_normals,
    cast_ellipsoids,
    draw_object,
    render_stimulus,
)

ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)
AXES = st.tuples(*[st.floats(0.3, 1.5)] * 3)
SIZE, WIDTH = 96, 8.0


def build_sphere() -> SimulatedObject:
    return SimulatedObject(
        name="simulated_sphere",
        category="none",
        centres=np.zeros((1, 3)),
        axes=np.ones((1, 3)),
        reflectance=np.ones(1),
        wave=np.ones(3),
        wave_depth=0.0,
    )


def calc_pixel_places() -> tuple[np.ndarray, np.ndarray]:
    at = ((np.arange(SIZE) + 0.5) / SIZE - 0.5) * WIDTH
    return np.meshgrid(at, -at)


def test_sphere_has_the_depth_and_normals_of_a_sphere():
    centre, radius = np.array([0.7, -0.4, 0.2]), 1.9
    axes = np.full((1, 3), radius)
    part, depth = cast_ellipsoids(centre[None], axes, np.eye(3), SIZE, WIDTH)
    x, y = calc_pixel_places()
    inside = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2
    np.testing.assert_array_equal(part >= 0, inside)
    height = np.sqrt(radius**2 - (x - centre[0]) ** 2 - (y - centre[1]) ** 2, where=inside)
    np.testing.assert_allclose(depth[inside], centre[2] + height[inside], atol=1e-3)
    offsets = np.stack([x, y, depth], axis=2)[inside] - centre
    matrix = calc_ellipsoid_matrices(axes, np.eye(3))
    normals = calc_normals(offsets, np.repeat(matrix, len(offsets), axis=0))
    np.testing.assert_allclose(normals, offsets / radius, atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(ANGLES, AXES, ANGLES)
def test_rays_end_on_the_surface_that_is_nearest(angles, axes, other_angles):
    rotation = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    centres, axes = np.array([[0.0, 0.0, 0.0], [0.5, 0.3, 0.4]]), np.array([axes, axes[::-1]])
    part, depth = cast_ellipsoids(centres, axes, rotation, SIZE, WIDTH)
    x, y = calc_pixel_places()
    seen = part >= 0
    points = np.stack([x, y, depth], axis=2)[seen]
    matrices = calc_ellipsoid_matrices(axes, rotation)
    offsets = points[:, None] - centres
    forms = np.einsum("npi,pij,npj->np", offsets, matrices, offsets)
    own = forms[np.arange(len(points)), part[seen]]
    np.testing.assert_allclose(own, 1.0, atol=0.02)  # steep at the outline
    # A step towards the viewer leaves every ellipsoid.
    offsets[..., 2] += 0.05
    assert (np.einsum("npi,pij,npj->np", offsets, matrices, offsets) > 1.0 - 1e-3).all()


@settings(max_examples=40, deadline=None)
@given(ANGLES, AXES)
def test_shadow_has_the_area_of_the_projected_ellipse(angles, axes):
    rotation = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    axes = np.array(axes)
    part, _ = cast_ellipsoids(np.zeros((1, 3)), axes[None], rotation, 256, WIDTH)
    covariance = (rotation * axes**2) @ rotation.T
    expected = np.pi * np.sqrt(np.linalg.det(covariance[:2, :2]))
    assert (part >= 0).mean() * WIDTH**2 == pytest.approx(expected, rel=0.05, abs=0.02)


@settings(max_examples=10, deadline=None)
@given(ANGLES)
def test_a_sphere_looks_the_same_however_it_is_turned(angles):
    still = draw_object(build_sphere(), Pose(), 32)
    turned = draw_object(build_sphere(), Pose(0.0, 0.0, 1.0, *angles), 32)
    # Single precision may move a ray at the outline.
    assert np.mean(np.abs(still[0] - turned[0]) > 1e-4) < 0.01


def test_a_quarter_turn_in_the_plane_turns_the_picture():
    thing = build_objects(0)["simulated_planes_1"]
    _, still = draw_object(thing, Pose(), 64)
    _, turned = draw_object(thing, Pose(rotation_z=90.0), 64)
    assert np.mean(np.abs(np.rot90(still) - turned) > 1e-4) < 0.005
    assert np.mean(np.abs(still - turned) > 0.5) > 0.02


def test_position_and_size_are_in_degrees():
    size = 128
    _, cover = draw_object(build_sphere(), Pose(position_x=1.0, position_y=0.5, size=0.5), size)
    y, x = np.mgrid[:size, :size]
    at_x = ((x + 0.5) / size - 0.5) * DEGREES
    at_y = (0.5 - (y + 0.5) / size) * DEGREES
    assert np.average(at_x, weights=cover) == pytest.approx(1.0, abs=0.01)
    assert np.average(at_y, weights=cover) == pytest.approx(0.5, abs=0.01)
    assert cover.mean() * DEGREES**2 == pytest.approx(np.pi * (0.5 * OBJECT_RADIUS) ** 2, rel=0.01)


def test_shading_is_lamberts():
    size = 65  # odd: one ray hits the point that faces the viewer
    grey, cover = draw_object(build_sphere(), Pose(), size, supersampling=1)
    assert cover[32, 32] == 1.0
    assert grey[32, 32] == pytest.approx(AMBIENT + (1 - AMBIENT) * LIGHT[2], abs=1e-4)
    assert np.linalg.norm(LIGHT) == pytest.approx(1.0, abs=1e-3)
    row, column = np.unravel_index(grey.argmax(), grey.shape)
    assert row < 32 and column < 32  # the light comes from the upper left
    assert grey.max() == pytest.approx(1.0, abs=1e-2)


def test_an_object_stands_before_its_background():
    thing = build_objects(0)["simulated_faces_1"]
    one, other = (render_stimulus(thing, Pose(), seed, 64).astype(int) for seed in (1, 2))
    _, cover = draw_object(thing, Pose(), 64)
    np.testing.assert_array_equal(one[cover == 1], other[cover == 1])
    assert np.abs(one - other)[cover == 0].mean() > 10
