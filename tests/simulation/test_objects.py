import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tgas_neuro.simulation.objects import (
    CATEGORIES,
    OBJECTS_PER_CATEGORY,
    Pose,
    build_objects,
)
from tgas_neuro.simulation.rendering import draw_object


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_objects_fill_the_unit_sphere_and_no_more(seed):
    objects = build_objects(seed)
    assert len(objects) == len(CATEGORIES) * OBJECTS_PER_CATEGORY == 64
    for name, thing in objects.items():
        assert name == thing.name and name.startswith("simulated_")
        reach = np.linalg.norm(thing.centres, axis=1) + thing.axes.max(axis=1)
        assert np.isclose(reach.max(), 1.0)
        assert (thing.axes > 0).all()
        assert ((thing.reflectance > 0) & (thing.reflectance <= 1)).all()


def test_same_seed_same_objects_other_seed_others():
    one, same, other = build_objects(1), build_objects(1), build_objects(2)
    for name in one:
        np.testing.assert_array_equal(one[name].centres, same[name].centres)
        assert not np.allclose(one[name].centres, other[name].centres)


def test_parts_are_mirrored():
    legs = build_objects(0)["simulated_tables_1"].centres[1:]
    assert len({tuple(np.sign(leg[[0, 2]])) for leg in legs}) == 4
    np.testing.assert_allclose(np.abs(legs), np.abs(legs[:1]).repeat(4, axis=0))


def test_objects_of_a_category_look_more_alike_than_those_of_others():
    objects = build_objects(0)
    shapes = np.array([draw_object(thing, Pose(), 32)[1].ravel() for thing in objects.values()])
    similarity = np.corrcoef(shapes)
    category = np.array([CATEGORIES.index(thing.category) for thing in objects.values()])
    same = category[:, None] == category[None, :]
    np.fill_diagonal(similarity, np.nan)
    assert np.nanmean(similarity[same]) > np.nanmean(similarity[~same]) + 0.2
    nearest = np.nanargmax(similarity, axis=1)
    assert np.mean(category[nearest] == category) > 0.9
