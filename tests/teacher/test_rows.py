"""Rows of RDMs and the crossed halves over them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.region import build_rows, draw_crossed_halves


def build_table(n, per_object=2):
    objects = [f"object_{number // per_object}" for number in range(n)]
    return pd.DataFrame(
        {
            "stimulus_id": [f"s{number}" for number in range(n)],
            "object_name": objects,
            "category_name": ["animals" if number < n // 2 else "tools" for number in range(n)],
        }
    )


def test_images_are_rows_of_their_own():
    rows = build_rows(build_table(8), "image", "toy")
    np.testing.assert_array_equal(rows.of_stimulus, np.arange(8))
    assert list(rows.categories) == ["animals"] * 4 + ["tools"] * 4


def test_images_of_one_object_share_a_row():
    table = build_table(16).sample(frac=1, random_state=0).reset_index(drop=True)
    rows = build_rows(table, "object", "toy")
    assert list(rows.names) == [f"object_{number}" for number in range(8)]
    assert (rows.names[rows.of_stimulus] == table["object_name"]).all()
    assert list(rows.categories) == ["animals"] * 4 + ["tools"] * 4


def test_user_errors():
    with pytest.raises(UserError, match=r"needs the column 'object_name'.*use level: image"):
        build_rows(build_table(8).drop(columns="object_name"), "object", "toy")
    with pytest.raises(UserError, match=r"only 5 rows.*at least 6"):
        build_rows(build_table(5), "image", "toy")


@given(st.lists(st.sampled_from("abcd"), min_size=2, max_size=60), st.integers(0, 1000))
def test_halves_are_balanced(categories, seed):
    categories = np.array(categories)
    half = draw_crossed_halves(categories, np.random.default_rng(seed))
    assert set(np.unique(half)) <= {0, 1}
    assert abs((half == 0).sum() - (half == 1).sum()) <= 1
    for category in np.unique(categories):
        inside = half[categories == category]
        assert abs((inside == 0).sum() - (inside == 1).sum()) <= 1


def test_halves_follow_the_generator():
    categories = np.repeat(["a", "b"], 20)
    draws = [draw_crossed_halves(categories, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()
