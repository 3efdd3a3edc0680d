"""A module's configuration: where it lies in the outer one, and what lies there."""

from tgas_neuro.runtime.sections import get_section, locate_section
from tgas_neuro.runtime.yaml_files import load_yaml


def test_a_section_is_the_same_object_and_not_an_equal_one():
    whole = {"first": {"seed": 0}, "deep": {"second": {"seed": 0}}, "list": [1]}
    assert locate_section(whole, whole) == ()
    assert locate_section(whole, whole["first"]) == ("first",)
    assert locate_section(whole, whole["deep"]["second"]) == ("deep", "second")
    assert locate_section(whole, {"seed": 0}) is None


def test_what_lies_at_keys():
    whole = {"deep": {"second": {"seed": 0}}}
    assert get_section(whole, ()) is whole
    assert get_section(whole, ("deep", "second")) == {"seed": 0}
    assert get_section(whole, ("deep", "third")) is None
    assert get_section(whole, ("deep", "second", "seed", "x")) is None
    assert get_section(whole, None) is None


def test_a_file_is_read_at_these_keys_only(tmp_path):
    path = tmp_path / "settings.yaml"
    path.write_text("flag: no\nbase: &base {seed: 1}\nmodel:\n  search: *base\n")
    assert load_yaml(path, ["model"]) == {"search": {"seed": 1}}
    assert load_yaml(path, ["model", "search"]) == {"seed": 1}
    assert load_yaml(path, ["nothing", "search"]) is None
    assert load_yaml(path, ["flag", "search"]) is None
