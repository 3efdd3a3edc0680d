import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tgas_neuro.final.augmentation import (
    AUGMENTATIONS,
    N_DRAWS,
    augment_pad_crop,
    augment_resized_crop,
    draw_augmentation,
    resize_middle,
    resize_square,
)


def make_image(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_draws_depend_on_seed_and_epoch_alone():
    one = draw_augmentation(3, 1, 10)
    assert one.shape == (10, N_DRAWS)
    np.testing.assert_array_equal(one, draw_augmentation(3, 1, 10))
    assert not np.array_equal(one, draw_augmentation(3, 2, 10))
    assert not np.array_equal(one, draw_augmentation(4, 1, 10))


def test_pad_crop_in_the_middle_without_mirror_is_the_image():
    image = make_image(16, 16)
    middle = np.array([0, 0, 0.5, 0.5, 0.9])
    np.testing.assert_array_equal(augment_pad_crop(image, 16, middle), np.asarray(image))
    mirrored = augment_pad_crop(image, 16, np.array([0, 0, 0.5, 0.5, 0.1]))
    np.testing.assert_array_equal(mirrored, np.asarray(image)[:, ::-1])


def test_pad_crop_shifts_by_at_most_an_eighth_and_reflects():
    image = make_image(16, 16)
    pixels = np.asarray(image)
    corner = np.asarray(augment_pad_crop(image, 16, np.array([0, 0, 0, 0.999, 0.9])))
    # Two rows down, two columns to the left.
    np.testing.assert_array_equal(corner[2:, :-2], pixels[:-2, 2:])
    np.testing.assert_array_equal(corner[0, :-2], pixels[2, 2:])


def test_resized_crop_of_everything_is_a_resize():
    image = make_image(20, 20)
    whole = np.array([1 - 1e-9, 0.5, 0, 0, 0.9])
    expected = image.resize((8, 8), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(augment_resized_crop(image, 8, whole), np.asarray(expected))


@given(
    st.lists(st.floats(0, 1, exclude_max=True, width=32), min_size=5, max_size=5),
    st.integers(1, 60),
    st.integers(1, 60),
    st.sampled_from(sorted(AUGMENTATIONS)),
)
def test_every_augmentation_gives_the_size_asked_for(draws, width, height, name):
    image = make_image(width, height)
    augment, prepare = AUGMENTATIONS[name]
    assert augment(image, 16, np.array(draws)).size == (16, 16)
    assert prepare(image, 16).size == (16, 16)


def test_resize_square_cuts_the_middle():
    pixels = np.zeros((4, 12, 3), dtype=np.uint8)
    pixels[:, 4:8] = 200
    np.testing.assert_array_equal(resize_square(Image.fromarray(pixels), 4), pixels[:, 4:8])


@pytest.mark.parametrize("width, height", [(256, 256), (300, 256)])
def test_resize_middle_is_the_middle_224_of_256(width, height):
    image = make_image(width, height)
    left = (width - 224) // 2
    expected = np.asarray(image)[16:240, left : left + 224]
    np.testing.assert_array_equal(resize_middle(image, 224), expected)
