"""Tables and lines that fit a terminal."""

import pytest

from tgas_neuro.runtime.text import format_table, shorten_number, wrap_line

ROW = {
    "candidate": "g000_c00",
    "TG at epoch 0": 0.125,
    "params": 1_234_567,
    "message": "took longer than the limit that it had",
    "hash": "0123abcd",
}


@pytest.mark.parametrize(
    "number, text",
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.00 k"),
        (9_994, "9.99 k"),
        (9_995, "10.0 k"),
        (99_949, "99.9 k"),
        (99_950, "100 k"),
        (154_320, "154 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
        (12_838_400, "12.8 M"),
        (600_000_000, "600 M"),
        (1_500_000_000, "1.50 G"),
        (5 * 10**15, "5000 T"),
        (-12_838_400, "-12.8 M"),
    ],
)
def test_large_numbers_have_three_digits(number, text):
    assert shorten_number(number) == text


def test_a_table_is_narrowed_step_by_step():
    """First the heads, then large numbers, then texts, and at last columns are left out."""
    whole = format_table([ROW])
    assert max(map(len, whole.splitlines())) == 85
    assert format_table([ROW], 85) == whole
    assert format_table([ROW], 80).splitlines() == [
        "candidate  TG at     params  message                                 hash",
        "           epoch",
        "               0",
        "g000_c00   0.125  1,234,567  took longer than the limit that it had  0123abcd",
    ]
    assert format_table([ROW], 76).splitlines()[-1] == (
        "g000_c00   0.125  1.23 M  took longer than the limit that it had  0123abcd"
    )
    assert format_table([ROW], 65).splitlines()[-2:] == [
        "g000_c00   0.125  1.23 M  took longer than the limit  0123abcd",
        "                          that it had",
    ]
    assert format_table([ROW], 50).splitlines()[-3:] == [
        "g000_c00   0.125  1.23 M  took longer than the",
        "                          limit that it had",
        "no room for: hash (--csv has all columns)",
    ]
    narrow = format_table([ROW], 20, folding=False).splitlines()
    assert narrow[-1] == "no room for: params, message, hash (--csv has all columns)"


def test_a_line_is_continued_below_its_text():
    path = "results/search/" + "x" * 80
    assert wrap_line(f"ok     {path}  (given)", 7).splitlines() == [
        f"ok     {path}",
        "       (given)",
    ]
    assert wrap_line("a  b", 2) == "a  b"
