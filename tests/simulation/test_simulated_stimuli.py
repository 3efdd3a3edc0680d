import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation.stimuli import simulate_stimuli


@pytest.fixture(scope="module")
def small():
    return simulate_stimuli(0, {"V0": 1, "V3": 2}, 24)


def test_table_describes_the_images_in_order(small):
    images, table = small
    assert images.shape == (192, 24, 24) and images.dtype == np.uint8
    assert len(table) == 192
    assert table["stimulus_id"].iloc[[0, -1]].tolist() == ["simulated_0001", "simulated_0192"]
    assert (table["filename"] == table["stimulus_id"] + ".png").all()
    assert (table["degrees"] == 8.0).all()
    assert table["variation"].value_counts().to_dict() == {"V0": 64, "V3": 128}
    assert table["category_name"].value_counts().to_dict() == dict.fromkeys(
        table["category_name"].unique(), 24
    )
    assert table["object_name"].nunique() == 64
    assert table["background_seed"].is_unique
    assert not table.isna().any().any()


def test_same_seed_same_bytes_other_seed_other_images(small):
    images, table = small
    again, table_again = simulate_stimuli(0, {"V3": 2, "V0": 1}, 24)
    assert again.tobytes() == images.tobytes()
    assert table_again.equals(table)
    other, _ = simulate_stimuli(1, {"V0": 1, "V3": 2}, 24)
    assert (np.abs(other.astype(int) - images).mean(axis=(1, 2)) > 1).all()


def test_an_image_does_not_depend_on_how_many_others_there_are(small):
    images, table = small
    more, more_table = simulate_stimuli(0, {"V0": 2, "V3": 3, "V6": 1}, 24)
    rows = {seed: row for row, seed in enumerate(more_table["background_seed"])}
    found = [rows[seed] for seed in table["background_seed"]]
    np.testing.assert_array_equal(more[found], images)


def test_images_are_all_different(small):
    images, _ = small
    assert len({image.tobytes() for image in images}) == len(images)


def test_pose_and_background_say_nothing_of_each_other():
    _, table = simulate_stimuli(5, {"V6": 8}, 16)
    seeds = table["background_seed"].rank()
    pose = table[["position_x", "position_y", "size", "rotation_x", "rotation_y", "rotation_z"]]
    # 512 images: a correlation by chance has a standard deviation of 0.044.
    assert pose.corrwith(seeds).abs().max() < 0.18


@pytest.mark.parametrize(
    ("images_per_object", "size", "message"),
    [
        ({"V4": 1}, 32, "images_per_object: 'V4' is not one of: V0, V3, V6"),
        ({"V0": -1}, 32, "images_per_object: V0: -1"),
        ({"V0": 1.5}, 32, "images_per_object: V0: 1.5"),
        ({"V0": 0}, 32, "asks for no image"),
        ({}, 32, "asks for no image"),
        ({"V0": 1}, 8, "size of simulated images: 8"),
        ({"V0": 1}, "64", "size of simulated images: '64'"),
    ],
)
def test_mistakes_are_named(images_per_object, size, message):
    with pytest.raises(UserError, match=message):
        simulate_stimuli(0, images_per_object, size)
