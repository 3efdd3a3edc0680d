"""Mistakes in config.yaml: each is one line that names the key and the way out."""

import copy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from tgas_neuro.configuration import check_configuration, load_configuration
from tgas_neuro.errors import UserError
from tgas_neuro.plan import build_plan

PROJECT = Path(__file__).parents[1]
DESCRIPTIONS = [PROJECT / "neural_data"]


@pytest.fixture
def default():
    return yaml.safe_load((PROJECT / "config.yaml").read_text())


def change(config, path, value):
    """Copy of the configuration with one key set, or removed when the value is None."""
    config = copy.deepcopy(config)
    *parents, key = path.split(".")
    inner = config
    for parent in parents:
        inner = inner[parent]
    if value == "REMOVE":
        del inner[key]
    else:
        inner[key] = value
    return config


MISTAKES = [
    ("search.startegy", "tpe", r"search: unknown key 'startegy', did you mean 'strategy'\?"),
    ("search.strategy", "tpee", r"search.strategy: 'tpee' is not one of: random, tpe"),
    ("search.strategy", None, r"search.strategy: None is not one of"),
    ("search.alpha", "one", r"search.alpha: expected a number, got 'one'"),
    ("search.alpha", -1, r"search.alpha: -1 is too small; the least allowed is 0"),
    ("search.generations", 2.5, r"search.generations: expected a whole number, got 2.5"),
    ("search.candidates", 0, r"search.candidates: 0 is too small"),
    ("search.candidates", "6", r"search.candidates: expected a whole number, got '6' \(text\)"),
    ("search.keep_weights", "no", r"search.keep_weights: expected true or false, got 'no'"),
    ("search.limits.parameters", 5, r"search.limits: unknown key 'parameters'"),
    ("search.space", "nasbench", r"search.space: 'nasbench' is not one of: cell"),
    ("recordings.regions", {}, r"recordings.regions: .*at least 1"),
    ("recordings.regions.V4", {"dataset": ["simulated"]}, r"unknown key 'dataset', did you mean"),
    ("recordings.regions.V4.datasets", [], r"recordings.regions.V4.datasets: .*at least 1"),
    ("recordings.regions.V4.datasets", "simulated", r"V4.datasets: expected a list"),
    ("recordings.normalise", "z-score", r"normalise: 'z-score' is not one of: zscore, none"),
    ("recordings.min_site_reliability", 1.5, r"min_site_reliability: 1.5 is too large"),
    ("teacher.uncorrected", ["It"], r"teacher.uncorrected\[0\]: 'It' is not a region .*V4, IT"),
    ("teacher.level", "pixel", r"teacher.level: 'pixel' is not one of: image, object"),
    ("teacher.splits", 1, r"teacher.splits: 1 is too small"),
    ("teacher.stimuli", {"size": 32}, r"teacher.stimuli: key 'visual_degrees' is missing"),
    ("teacher.stimuli.visual_degrees", 0, r"visual_degrees: 0 is too small; it must be above 0"),
    ("premature.data", {"kind": "folder"}, r"premature.data.kind: 'folder' is not one of"),
    ("premature.data", {"kind": "image_folder"}, r"premature.data.path: is missing"),
    ("final.data", {"kind": "imagenet", "path": "x"}, r"final.data.path: does not belong to kind"),
    ("final.data", {"kind": "cifar10", "root": "x"}, r"final.data.kind: 'cifar10'"),
    ("premature.learning_rate", 0, r"premature.learning_rate: 0 is too small"),
    ("premature.image_size", 16, None),
    ("teacher.stimuli.size", 8, None),
    ("final.network.stages", 5, None),
    (
        "final.network",
        {"stages": 6, "stem": "imagenet"},
        r"final.image_size: 24 pixels are halved 8",
    ),
    ("final", "REMOVE", r"key 'final' is missing"),
    ("premature", [], r"premature: expected keys with values, got \[\]"),
]


@pytest.mark.parametrize(("path", "value", "message"), MISTAKES)
def test_mistakes_are_one_line(default, path, value, message):
    config = change(default, path, value)
    if message is None:
        check_configuration(config)
        return
    with pytest.raises(UserError, match=message) as caught:
        check_configuration(config, "config.yaml")
    assert str(caught.value).startswith("config.yaml: ")
    assert "\n" not in str(caught.value)


def test_not_yaml_at_all(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("search: {alpha: 1\n")
    with pytest.raises(UserError, match=r"config.yaml: line \d+, column \d+: not valid YAML"):
        load_configuration(path)
    path.write_text("just text")
    with pytest.raises(UserError, match=r"expected keys with values"):
        load_configuration(path)
    with pytest.raises(UserError, match=r"absent.yaml: cannot be read"):
        load_configuration(tmp_path / "absent.yaml")


def test_the_default_and_the_presets_are_valid():
    for path in [PROJECT / "config.yaml", *(PROJECT / "workflow/presets").glob("*.yaml")]:
        load_configuration(path)


def test_an_unknown_data_set_names_those_that_exist(default):
    config = change(default, "recordings.regions.IT.datasets", ["kriegeskort2008_it"])
    with pytest.raises(UserError, match=r"did you mean 'kriegeskorte2008_it'"):
        build_plan(config, DESCRIPTIONS)


class TestNames:
    """Exactly what determines a result is in its name."""

    def plan(self, default, path=None, value=None):
        return build_plan(change(default, path, value) if path else default, DESCRIPTIONS)

    def test_the_same_configuration_has_the_same_names(self, default):
        one, two = self.plan(default), self.plan(copy.deepcopy(default))
        assert (one.teacher, one.search, one.final) == (two.teacher, two.search, two.final)
        assert one.teacher.startswith("simulated_recordings-")
        assert len(one.teacher.rpartition("-")[2]) == 8

    @pytest.mark.parametrize(
        ("path", "value", "changed"),
        [
            ("recordings.mirror", "/somewhere", ""),
            ("recordings.normalise", "none", "teacher search final"),
            ("recordings.regions", {"IT": {"datasets": ["simulated"]}}, "teacher search final"),
            ("teacher.splits", 51, "teacher search final"),
            ("search.seed", 1, "teacher search final"),
            ("search.alpha", 0.5, "search final"),
            ("search.strategy", "random", "search final"),
            ("premature.epochs", 2, "search final"),
            ("search.generations", 5, "final"),
            ("final.epochs", 5, "final"),
            ("final.workers", 1, ""),
        ],
    )
    def test_a_change_shows_where_it_matters(self, default, path, value, changed):
        before, after = self.plan(default), self.plan(default, path, value)
        differing = [
            stage
            for stage in ("teacher", "search", "final")
            if getattr(before, stage) != getattr(after, stage)
        ]
        assert differing == changed.split()

    def test_a_default_written_out_changes_nothing(self, default):
        written = change(default, "premature.batch_size", 32)
        assert self.plan(default).search == build_plan(written, DESCRIPTIONS).search

    def test_images_are_made_or_lie_where_the_user_says(self, default):
        made = self.plan(default).premature_images
        assert made.is_made
        assert made.get_split_folder("val") == f"results/images/{made.name}/val"
        assert (made.count_images_per_class("train"), made.count_images_per_class("val")) == (
            160,
            40,
        )
        folder = {"kind": "image_folder", "path": "my/images"}
        images = self.plan(default, "premature.data", folder).premature_images
        assert not images.is_made
        assert images.get_split_folder("train") == "my/images/train"
        archive = {"kind": "image_folder", "path": "my/images.tar.gz"}
        images = self.plan(default, "final.data", archive).final_images
        assert images.archive == "my/images.tar.gz"
        assert images.is_made


def test_presets_go_over_the_default_configuration(default):
    """As Snakemake merges them: keys of the default that a preset does not name stay."""
    for path in (PROJECT / "workflow/presets").glob("*.yaml"):
        config = copy.deepcopy(default)
        update_config(config, yaml.safe_load(path.read_text()))
        build_plan(config, DESCRIPTIONS, path.name)
