"""Labels of sources: identifiers as text, repetitions as whole numbers, the rest as it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.recordings.readers.labels import convert_to_label, convert_to_text, convert_to_whole
from tgas_neuro.runtime.errors import UserError


@given(st.lists(st.integers(-(2**53), 2**53), min_size=1))
def test_whole_numbers_in_any_type(numbers):
    expected = [str(number) for number in numbers]
    for values in (np.array(numbers), np.array(numbers, dtype=float), np.array(expected)):
        assert convert_to_text(values, "l", "d", "f").tolist() == expected
    for values in (np.array(numbers), np.array(numbers, dtype=float)):
        assert convert_to_whole(values, "l", "d", "f").tolist() == numbers


@given(st.lists(st.text(min_size=1).filter(lambda text: text.strip() and "\0" not in text)))
def test_text_stays_but_for_space_around_it(texts):
    values = np.array(texts, dtype=object)
    kept = [text.strip() for text in texts if text.strip() != "nan"]
    if len(kept) == len(texts):
        assert convert_to_text(values, "l", "d", "f").tolist() == kept


def test_types_that_are_mixed():
    values = np.array([1, "1b", b"2", 3.0, np.str_("x")], dtype=object)
    assert convert_to_text(values, "l", "d", "f").tolist() == ["1", "1b", "2", "3", "x"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, r"f: l of d 1 is None: it is missing; give every d one"),
        (np.nan, r"f: l of d 1 is nan: it is missing"),
        (" ", r"f: l of d 1 is '': it is missing|f: l of d 1 is ' ': it is missing"),
        (0.5, r"f: l of d 1 is 0.5; identifiers are text or whole numbers"),
        (b"\xff", r"f: l of d 1 is b'\\xff', not UTF-8"),
    ],
)
def test_identifiers_that_are_none(value, message):
    with pytest.raises(UserError, match=message):
        convert_to_text(np.array(["a", value], dtype=object), "l", "d", "f")


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, "x", None])
def test_repetitions_that_are_none(value):
    with pytest.raises(UserError, match=r"f: l of d 1 is .*; it must be a whole number"):
        convert_to_whole(np.array([1, value], dtype=object), "l", "d", "f")


def test_further_labels():
    assert convert_to_label(np.array([0, 3])).tolist() == [0, 3]
    assert convert_to_label(np.array([0, 3.5], dtype=object)).tolist() == [0, 3.5]
    mixed = np.array(["V0", None, 3, b"x", np.nan], dtype=object)
    assert convert_to_label(mixed).tolist() == ["V0", "", "3", "x", ""]


def test_bytes_of_any_width_are_read_as_utf_8():
    names = ["S\u00e4ge", "\u7bb1", "plain"]
    fixed = np.array([name.encode() for name in names])
    for values in (fixed, fixed.astype(object)):
        assert convert_to_label(values).tolist() == names
        assert convert_to_text(values, "l", "d", "f").tolist() == names


@pytest.mark.parametrize("dtype", ["S5", object])
def test_bytes_that_are_not_utf_8_are_one_line(dtype):
    values = np.array(["S\u00e4ge".encode("cp1252"), b"plain"], dtype=dtype)
    with pytest.raises(UserError, match=r"f: category_name is b'S\\xe4ge', not UTF-8; write it"):
        convert_to_label(values, "f: category_name")
    with pytest.raises(UserError, match=r"l of d 0 is b'S\\xe4ge', not UTF-8"):
        convert_to_text(values, "l", "d", "f")
