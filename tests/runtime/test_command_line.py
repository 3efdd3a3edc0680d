"""Values of the command line, as Snakemake parses them, become what their keys take."""

import copy
from pathlib import Path

import pytest
import yaml
from snakemake.cli import parse_config

from tgas_neuro.config.premature import ImageFolder, ImageNet, TinyImageNet
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.yaml_files import mark_arguments

BELOW = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())


def check(*entries):
    given = parse_config(list(entries))
    config = copy.deepcopy(BELOW)
    _merge(config, given)
    return check_configuration(mark_arguments(config, given))


def _merge(config, given):
    for name, value in given.items():
        if isinstance(value, dict) and isinstance(config.get(name), dict):
            _merge(config[name], value)
        else:
            config[name] = value


@pytest.mark.parametrize(
    "entry, keys, value",
    [
        ("search={seed: 3}", "search.seed", 3),
        ('search={"seed": 3}', "search.seed", 3),
        ("search={alpha: 0.5}", "search.alpha", 0.5),
        ("premature={learning_rate: 1e-3}", "premature.learning_rate", 0.001),
        ("premature={augment: false}", "premature.augment", False),
        ("premature={data: {kind: simulated, seed: 7}}", "premature.data.seed", 7),
        ("recordings={mirror: null}", "recordings.mirror", None),
        ("recordings={mirror: 007}", "recordings.mirror", "007"),
        ("recordings={min_site_reliability: 0}", "recordings.min_site_reliability", 0),
    ],
)
def test_nested_values_have_the_type_of_their_key(entry, keys, value):
    found = check(entry)
    for name in keys.split("."):
        found = getattr(found, name)
    assert found == value and type(found) in (type(value), float)


def test_numbers_in_lists_of_mappings():
    found = check("recordings={regions: {IT: {select: {window_ms: [70, 170]}}}}")
    assert found.recordings.regions["IT"].select.window_ms == [70, 170]


@pytest.mark.parametrize("value", ["1_0", "12:30", "three", "3x", "0b11"])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(UserError, match=r"search.seed: "):
        check(f"search={{seed: '{value}'}}")


def test_text_in_quotes_in_a_file_stays_text():
    config = copy.deepcopy(BELOW)
    config["search"]["seed"] = "3"
    with pytest.raises(UserError, match=r"search.seed: expected a whole number, got '3' \(text\)"):
        check_configuration(mark_arguments(config, {}))


def test_the_home_folder_in_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert ImageFolder(kind="image_folder", path="~/birds").path == "/home/me/birds"
    assert TinyImageNet(kind="tiny_imagenet", root="~").root == "/home/me"
    images = ImageNet(kind="imagenet", root="/a", devkit="~/kit", class_ids="~/ids.txt")
    assert (images.devkit, images.class_ids) == ("/home/me/kit", "/home/me/ids.txt")
    assert check("search={reuse: ['~/runs/a', tpe-1]}").search.reuse == ["/home/me/runs/a", "tpe-1"]
    network = "{kind: network, network: {model: resnet18, weights: ~/w.pt, layers: {IT: layer4}}}"
    regions = "recordings={regions: {V4: null}}"
    assert check(f"teacher={network}", regions).teacher.network.weights == "/home/me/w.pt"
