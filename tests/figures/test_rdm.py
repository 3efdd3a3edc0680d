import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import squareform

from tgas_neuro.figures.rdm import (
    MAX_CELLS,
    MOST_PICTURES,
    PICTURE,
    build_rdm_title,
    calc_percentiles,
    choose_shown,
    plot_rdm,
    shrink_square,
    sort_categories,
)


def test_picture_is_sorted_by_category_and_ranked(ax):
    # Pairs in pdist order: 01 02 03 12 13 23.
    rdm = np.array([0.5, 0.1, 0.9, 0.7, 0.2, 0.6], dtype=np.float32)
    categories = ["dog", "cat", "dog", "cat"]
    plot_rdm(rdm, categories, ax, "V4")
    percentiles = squareform([40, 0, 100, 80, 20, 60])
    order = [1, 3, 0, 2]
    drawn = ax.images[0]
    np.testing.assert_allclose(drawn.get_array(), percentiles[np.ix_(order, order)])
    assert drawn.get_clim() == (0, 100)
    assert drawn.get_extent() == [0, 4, 4, 0]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog"]
    assert ax.get_xticks().tolist() == [1, 3]
    assert ax.get_yticks().tolist() == [1, 3]
    borders = [line.get_ydata()[0] for line in ax.lines if line.get_ydata()[0] > 1]
    assert borders == [2]
    assert ax.get_title() == "V4"
    bar = ax.figure.axes[1]
    assert "percentile" in bar.get_ylabel()
    assert "Pearson" in bar.get_ylabel()


def test_stimuli_stand_beside_their_rows(ax):
    """Of four stimuli all are shown; those of a category are together, as in the RDM."""
    rdm, categories = np.arange(6.0), ["dog", "cat", "dog", "cat"]
    stimuli = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    plot_rdm(rdm, categories, ax, "V4", colorbar=False, stimuli=stimuli)
    beside, below = ax.child_axes
    strip, other = (np.asarray(one.images[0].get_array()) for one in (beside, below))
    assert strip.shape == (40, 10, 3) and other.shape == (10, 40, 3)  # a margin of one pixel
    assert strip[5::10, 5, 0].tolist() == other[5, 5::10, 0].tolist() == [1, 3, 0, 2]
    assert strip[0, 5, 0] == 255
    assert beside.images[0].get_extent() == [0, 1, 4, 0]
    assert below.images[0].get_extent() == [0, 4, 1, 0]
    assert [label.get_text() for label in beside.get_yticklabels()] == ["cat", "dog"]
    assert [label.get_text() for label in below.get_xticklabels()] == ["cat", "dog"]
    assert not len(ax.get_xticks()) and below.get_xlabel() == "4 stimuli"


def test_of_many_large_stimuli_some_are_shown_small(ax):
    n = 100
    stimuli = np.zeros((n, 2 * PICTURE, 2 * PICTURE, 3), np.uint8)
    plot_rdm(np.arange(n * (n - 1) / 2), None, ax, "V4", stimuli=stimuli)
    strip = np.asarray(ax.child_axes[0].images[0].get_array())
    assert len(strip) == MOST_PICTURES * (PICTURE + 2 * round(0.05 * PICTURE))
    assert choose_shown(4).tolist() == [0, 1, 2, 3]
    assert choose_shown(32).tolist() == list(range(1, 32, 2))
    assert choose_shown(1).tolist() == [0]


def test_without_categories_the_order_is_kept(ax):
    plot_rdm(np.array([1.0, 2.0, 3.0]), None, ax, "IT", colorbar=False)
    np.testing.assert_array_equal(ax.images[0].get_array(), squareform([0, 50, 100]))
    assert ax.get_xticks().tolist() == []
    assert ax.get_xlabel() == "3 stimuli"
    assert len(ax.lines) == 0
    assert len(ax.figure.axes) == 1


def test_names_of_many_categories_are_left_out(ax):
    n = 60
    rdm = np.random.default_rng(0).random(n * (n - 1) // 2)
    plot_rdm(rdm, [f"object {k % 30}" for k in range(n)], ax, "IT")
    assert ax.get_xticks().tolist() == []
    assert ax.get_xlabel() == "60 stimuli in 30 categories"
    assert len(ax.lines) == 2 * 29


def test_big_rdms_are_shrunk_and_keep_their_coordinates(ax):
    n = 2 * MAX_CELLS + 1
    categories = ["a"] * MAX_CELLS + ["b"] * (n - MAX_CELLS)
    points = np.where(np.array(categories) == "a", 0.0, 1.0)
    rdm = np.abs(points[:, None] - points)[np.triu_indices(n, 1)]
    plot_rdm(rdm, categories, ax, "IT")
    drawn = ax.images[0]
    assert len(drawn.get_array()) <= MAX_CELLS
    assert drawn.get_extent() == [0, n, n, 0]
    assert ax.get_xticks().tolist() == [MAX_CELLS / 2, MAX_CELLS + (n - MAX_CELLS) / 2]
    across = calc_percentiles(rdm)[-0 + MAX_CELLS]
    assert drawn.get_array()[0, -1] == pytest.approx(across, abs=0.01)
    assert drawn.get_array()[0, 5] < drawn.get_array()[0, -1]


@given(st.integers(1, 30), st.integers(1, 12))
def test_shrinking_averages_blocks(n, size):
    matrix = np.random.default_rng(n).random((n, n))
    found = shrink_square(matrix, size)
    step = -(-n // size)
    assert len(found) == -(-n // step) <= size
    for i, row in enumerate(found):
        for j, value in enumerate(row):
            block = matrix[i * step : (i + 1) * step, j * step : (j + 1) * step]
            assert value == pytest.approx(block.mean())


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=40))
def test_percentiles_are_monotonic_and_ties_share(values):
    found = calc_percentiles(np.array(values, dtype=float))
    assert found.min() >= 0
    assert found.max() <= 100
    for a, x in zip(values, found, strict=True):
        for b, y in zip(values, found, strict=True):
            assert (a < b) == (x < y)


def test_categories_are_sorted_stably():
    order, names, borders = sort_categories(["b", "a", "b", "a"], 4)
    assert order.tolist() == [1, 3, 0, 2]
    assert names == ["a", "b"]
    assert borders.tolist() == [0, 2, 4]
    with pytest.raises(ValueError, match="categories of 3 stimuli, but the RDM has 4"):
        sort_categories(["a", "b", "c"], 4)


def test_a_square_matrix_is_refused(ax):
    with pytest.raises(ValueError, match="not condensed"):
        plot_rdm(np.zeros((3, 3)), None, ax, "V4")
    with pytest.raises(ValueError, match="not condensed"):
        plot_rdm(np.zeros(5), None, ax, "V4")


@pytest.mark.parametrize(
    "values, title",
    [
        (("V4", 128, 0.8249, 50), "V4, 128 sites\nceiling 0.825 (50 splits)"),
        (("IT", 674), "IT, 674 sites\nno ceiling: RDM only"),
        (("V4", 128, 0.8, 50, True), "simulated V4, 128 sites\nceiling 0.800 (50 splits)"),
        (("IT",), "IT\nno ceiling: RDM only"),
        (
            ("V4", 128, 0.8249, 50, False, False, (0.7949, 0.8551)),
            "V4, 128 sites\nceiling 0.825 (0.795 to 0.855 over 50 splits)",
        ),
    ],
)
def test_titles(values, title):
    assert build_rdm_title(*values) == title


def test_a_title_without_noise_and_another_distance(ax):
    assert build_rdm_title("IT, control pixels", 300, 1.0, 50, noise_free=True) == (
        "IT, control pixels, 300 units\nwithout noise"
    )
    plot_rdm(np.array([1.0, 2.0, 3.0]), None, ax, "IT", distance="crossnobis")
    assert ax.figure.axes[1].get_ylabel() == "dissimilarity (crossnobis), percentile"
