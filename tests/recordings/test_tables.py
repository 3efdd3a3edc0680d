"""Text tables: every value as it is written, and what is no such table in one line."""

import csv
import io
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.recordings.stimuli import convert_columns, convert_values, read_table
from tgas_neuro.runtime.errors import UserError

WORDS = ["NA", "N/A", "None", "null", "NULL", "nan", "NaN", "n/a", "-", "<NA>", "#N/A", "True"]


@pytest.fixture
def write(tmp_path):
    def write_text(content):
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_text


def test_no_word_means_a_missing_value(write):
    table = convert_columns(read_table(write("name,k\n" + "".join(f"{w},1\n" for w in WORDS))))
    assert table["name"].tolist() == WORDS
    assert table["k"].tolist() == [1] * len(WORDS)


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    pd.DataFrame(rows, columns=["a", "b"]).to_csv(path, index=False)
    assert list(read_table(path).itertuples(index=False, name=None)) == rows


def test_quotes_line_breaks_and_a_byte_order_mark(write):
    file = io.StringIO()
    csv.writer(file).writerows([["a", "b"], ["x, y", 'he said "b"'], ["two\nlines", ""]])
    table = read_table(write(file.getvalue().encode("utf-8-sig")))
    assert table.to_numpy().tolist() == [["x, y", 'he said "b"'], ["two\nlines", ""]]


@pytest.mark.parametrize(
    "texts, expected",
    [
        (["1", "2", "10"], [1, 2, 10]),
        (["1", "2.5"], [1.0, 2.5]),
        (["-1e-3", "0"], [-0.001, 0.0]),
        (["007", "008"], ["007", "008"]),
        (["1", "01"], ["1", "01"]),
        (["1_000", "2"], ["1_000", "2"]),
        (["inf", "1"], ["inf", "1"]),
        (["nan", "1"], ["nan", "1"]),
        (["+1", "2"], ["+1", "2"]),
        (["True", "False"], ["True", "False"]),
        (["True", ""], ["True", ""]),
        (["", ""], ["", ""]),
    ],
)
def test_numbers_only_where_all_are(texts, expected):
    found = convert_values(pd.Series(texts, dtype=object)).tolist()
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]


def test_columns_of_truth_values(write):
    table = convert_columns(read_table(write("a,b\nTrue,True\nFalse,\n")), text=["b"])
    assert table["a"].tolist() == [True, False] and table["a"].dtype == bool
    assert table["b"].tolist() == ["True", ""]


def test_an_empty_value_among_numbers_is_nan():
    found = convert_values(pd.Series(["1", "", "3"], dtype=object)).tolist()
    assert found[0] == 1 and math.isnan(found[1]) and found[2] == 3


@pytest.mark.parametrize(
    "content, message",
    [
        ("a;b\n1;2\n", "separated by semicolons"),
        ("a\tb\n1\t2\n", "separated by tabs"),
        ("a,b\n1\n", "line 2 has 1 values, the first line names 2"),
        ("a,b\n1,2\n1,2,3\n", "line 3 has 3 values"),
        ("a\n1\n\n3\n", "line 3 has nothing"),
        ("a,a\n1,2\n", "column 'a' is there twice"),
        ("a,\n1,2\n", "a column has no name"),
        ("", "No columns to parse"),
        (
            "name\nS\u00e4ge\n".encode("cp1252"),
            "not a CSV table in UTF-8 ('utf-8' codec can't decode byte 0xe4",
        ),
        ("a,b\n1,2\n".encode("utf-16"), "not a CSV table in UTF-8"),
        ('a,b\n"1,2\n', "not a CSV table"),
    ],
)
def test_what_is_no_table_is_one_line(write, content, message):
    with pytest.raises(UserError) as error:
        read_table(write(content))
    assert message in str(error.value)
