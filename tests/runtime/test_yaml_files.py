"""YAML files: what two versions of YAML read differently is refused, everything else is read."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.yaml_files import load_yaml, read_number


@pytest.fixture
def load(tmp_path):
    def load_text(text):
        (tmp_path / "c.yaml").write_text(text)
        return load_yaml(tmp_path / "c.yaml")

    return load_text


@pytest.mark.parametrize(
    "value, message",
    [
        ("070", "070 is read as 56; write 70, or '070' in quotes"),
        ("0123", "0123 is read as 83; write 123, or"),
        ("-012", "-012 is read as -10; write -12, or"),
        ("08", "08 is read as text; write 8 if it is a number, or '08' in quotes"),
        ("1_000", "1_000 is read as 1000; write 1000, or"),
        ("1_0.5", "1_0.5 is read as 10.5; write 10.5, or"),
        ("12:30", "12:30 is read as 750; write '12:30' in quotes"),
        ("1:30.5", "1:30.5 is read as 90.5; write"),
        ("0b11", "0b11 is read as 3; write"),
        ("0o17", "0o17 is read as text; write 15 if it is a number"),
        ("1e3", "1e3 is read as text; write 1000.0 if it is a number"),
        ("1.5e-9", None),
        ("2E-7", "2E-7 is read as text; write 2.0e-07 if it is a number"),
        ("no", "no is read as false; write false, or 'no' in quotes"),
        ("Yes", "Yes is read as true"),
        ("ON", "ON is read as true"),
        ("off", "off is read as false"),
    ],
)
@pytest.mark.parametrize("form", ["a: {}\n", "a:\n  - b\n  - {}\n", "{}: 1\n", "a: [0, {}]\n"])
def test_a_value_with_two_meanings_is_refused(load, form, value, message):
    text = form.format(value)
    if message is None:
        assert load(text) == yaml.safe_load(text)
        return
    with pytest.raises(UserError) as error:
        load(text)
    line = text[: text.index(value)].count("\n") + 1
    assert f"c.yaml: line {line}, column " in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text, content",
    [
        ("'070'", "070"),
        ('"no"', "no"),
        ("!!str 070", "070"),
        ("0", 0),
        ("-7", -7),
        ("0x1F", 31),
        ("8.50", 8.5),
        (".5", 0.5),
        ("1.0e-3", 0.001),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("1.2.3", "1.2.3"),
        ("n05", "n05"),
        ("monkey_1", "monkey_1"),
        ("|\n  070", "070\n"),
    ],
)
def test_what_has_one_meaning_is_read(load, text, content):
    assert load(f"a: {text}\n") == {"a": content}


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_numbers_as_python_writes_them_are_numbers(number):
    assert read_number(repr(number)) == number


@pytest.mark.parametrize("text", ["1_000", "12:30", "0b11", "", " 3", "3 ", "inf", "nan", "1,5"])
def test_what_is_no_number(text):
    assert read_number(text) is None


@pytest.mark.parametrize(
    "text, line, first",
    [("a: 1\nb: 2\na: 3\n", 3, 1), ("x:\n  seed: 0\n  size: 3\n  'seed': 1\n", 4, 2)],
)
def test_a_key_given_twice_is_named_with_both_lines(load, text, line, first):
    with pytest.raises(
        UserError, match=rf"line {line}, .*key '.*' is given twice, first in line {first}\b"
    ):
        load(text)


def test_a_key_of_a_merge_may_be_given_again(load):
    assert load("a: &a {x: 1}\nb:\n  <<: *a\n  x: 2\n")["b"] == {"x": 2}
