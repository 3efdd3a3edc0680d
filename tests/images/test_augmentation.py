import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest
from torchvision.transforms import CenterCrop, Resize
from torchvision.transforms.functional import to_pil_image

from tgas_neuro.images.augmentation import (
    AUGMENTATIONS,
    N_DRAWS,
    augment_batch,
    choose_centre,
    choose_crop,
    choose_margin,
    choose_middle,
    choose_square,
    draw_augmentation,
    mirror,
    shift,
)


def make_pixels(size, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def test_draws_depend_on_seed_epoch_and_sample_alone():
    one = draw_augmentation(3, 1, range(10))
    assert one.shape == (10, N_DRAWS)
    np.testing.assert_array_equal(one[[7, 2]], draw_augmentation(3, 1, [7, 2]))
    assert not np.array_equal(one, draw_augmentation(3, 2, range(10)))
    assert not np.array_equal(one, draw_augmentation(4, 1, range(10)))
    assert len(np.unique(one)) > 48


def test_draws_are_uniform_and_neighbours_are_independent():
    draws = draw_augmentation(0, 0, range(4000)).astype(float)
    assert all(kstest(column, "uniform").pvalue > 1e-3 for column in draws.T)
    together = np.corrcoef(np.concatenate([draws[:-1], draws[1:]], axis=1).T)
    assert np.abs(together - np.eye(2 * N_DRAWS))[np.triu_indices(10, 1)].max() < 0.08


def alter(change, images, *draws):
    """Copies of images (image, y, x, rgb) after an augmentation, with a row of draws each."""
    changed = torch.from_numpy(np.array(images))
    change(changed, np.array(draws, dtype=np.float32))
    return changed.numpy()


def test_shift_in_the_middle_without_mirror_is_the_image():
    pixels = make_pixels(16)
    plain, mirrored = alter(shift, [pixels] * 2, [0, 0, 0.5, 0.5, 0.9], [0, 0, 0.5, 0.5, 0.1])
    np.testing.assert_array_equal(plain, pixels)
    np.testing.assert_array_equal(mirrored, pixels[:, ::-1])


def test_shift_is_at_most_an_eighth_and_repeats_edges():
    pixels = make_pixels(16)
    (corner,) = alter(shift, [pixels], [0, 0, 0, 0.999, 0.9])
    # Two rows down, two columns to the left.
    np.testing.assert_array_equal(corner[2:, :-2], pixels[:-2, 2:])
    for row in (0, 1):
        np.testing.assert_array_equal(corner[row, :-2], pixels[0, 2:])
    for column in (-2, -1):
        np.testing.assert_array_equal(corner[2:, column], pixels[:-2, -1])


@given(st.integers(1, 20), st.integers(0, 99))
def test_final_and_candidates_shift_alike(size, seed):
    """The same shifts of the same images, drawn one way and the other."""
    most, generator = choose_margin(size), np.random.default_rng(seed)
    images = generator.integers(0, 256, (5, size, size, 3), dtype=np.uint8)
    drawn = np.random.default_rng(1)
    shifts = drawn.integers(-most, most + 1, size=(2, 5))
    draws = np.zeros((5, N_DRAWS))
    draws[:, 2:4] = (shifts.T + most + 0.5) / (2 * most + 1)
    draws[:, 4] = drawn.random(5)
    found = augment_batch(torch.from_numpy(images).permute(0, 3, 1, 2), np.random.default_rng(1))
    np.testing.assert_array_equal(found.permute(0, 2, 3, 1), alter(shift, images, *draws))


def test_batches_are_shifted_and_mirrored():
    size = 16
    image = np.random.default_rng(0).random((3, size, size)).astype(np.float32)
    batch = torch.from_numpy(np.stack([image] * 400))
    found = augment_batch(batch, np.random.default_rng(1)).numpy()
    padded = np.pad(image, ((0, 0), (2, 2), (2, 2)), mode="edge")
    allowed = {}
    for y in range(5):
        for x in range(5):
            window = padded[:, y : y + size, x : x + size]
            allowed[window.tobytes()] = (y, x, False)
            allowed[np.ascontiguousarray(window[:, :, ::-1]).tobytes()] = (y, x, True)
    seen = [allowed[np.ascontiguousarray(one).tobytes()] for one in found]
    assert {kind[:2] for kind in seen} == {(y, x) for y in range(5) for x in range(5)}
    assert 0.4 < np.mean([mirrored for _, _, mirrored in seen]) < 0.6


def test_mirror_is_every_second():
    pixels = make_pixels(5)
    mirrored, kept = alter(mirror, [pixels] * 2, [0, 0, 0, 0, 0.49], [0, 0, 0, 0, 0.5])
    np.testing.assert_array_equal(mirrored, pixels[:, ::-1])
    np.testing.assert_array_equal(kept, pixels)


DRAW = st.floats(0, 1, exclude_max=True, width=32)


@given(
    st.lists(DRAW, min_size=5, max_size=5),
    st.integers(1, 600),
    st.integers(1, 600),
    st.sampled_from(sorted(AUGMENTATIONS)),
)
def test_every_cut_lies_within_the_image_and_holds_the_square(draws, width, height, name):
    augmentation = AUGMENTATIONS[name]
    cuts = [augmentation.view(width, height, 16)]
    if augmentation.crop:
        cuts.append(augmentation.crop(width, height, 16, np.array(draws)))
    for cut in cuts:
        assert 0 <= cut.left <= cut.left + cut.width <= width
        assert 0 <= cut.top <= cut.top + cut.height <= height
        assert 0 <= cut.x <= cut.x + 16 <= cut.resized_width
        assert 0 <= cut.y <= cut.y + 16 <= cut.resized_height
        assert min(cut.width, cut.height) > 0


def test_crops_have_the_areas_and_ratios_of_the_paper():
    draws = draw_augmentation(0, 0, range(3000))
    cuts = [choose_crop(1000, 1000, 224, row) for row in draws]
    areas = np.array([cut.width * cut.height / 1e6 for cut in cuts])
    ratios = np.array([cut.width / cut.height for cut in cuts])
    whole = np.array([cut.width < 1000 and cut.height < 1000 for cut in cuts])
    np.testing.assert_allclose(areas[whole], 0.08 + 0.92 * draws[whole, 0], atol=2e-3)
    np.testing.assert_allclose(
        ratios[whole], 0.75 * (16 / 9) ** draws[whole, 1].astype(float), rtol=5e-3
    )
    assert whole.mean() > 0.8
    assert choose_crop(20, 20, 8, np.array([1 - 1e-9, 0.5, 0, 0, 0])) == (0, 0, 20, 20, 8, 8, 0, 0)


@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(0, 20))
def test_the_middle_is_torchvisions(width, height, size, more):
    """Of an image whose pixels say where they are, with its own Resize and CenterCrop."""
    cut = choose_middle(width, height, size, size + more)
    resized = Resize(size + more)(to_pil_image(np.zeros((height, width, 3), dtype=np.uint8)))
    assert resized.size == (cut.resized_width, cut.resized_height)
    where = np.stack(np.mgrid[: resized.height, : resized.width] % 256, axis=-1).astype(np.uint8)
    where = np.concatenate([where, np.zeros_like(where[..., :1])], axis=-1)
    y, x, _ = np.asarray(CenterCrop(size)(to_pil_image(where)))[0, 0]
    assert (int(x), int(y)) == (cut.x % 256, cut.y % 256)


@pytest.mark.parametrize(
    "choose, expected",
    [
        (choose_centre, (0, 0, 500, 375, 341, 256, 58, 16)),
        (choose_square, (0, 0, 500, 375, 298, 224, 37, 0)),
    ],
)
def test_views_of_a_usual_image(choose, expected):
    assert choose(500, 375, 224) == expected
