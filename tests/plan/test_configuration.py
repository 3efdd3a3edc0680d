"""Mistakes in config.yaml: each is one line that names the key and the way out."""

import copy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from tgas_neuro.architecture.cell.genotype import MAX_BLOCKS
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.plan.plan import build_plan
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.yaml_files import load_yaml

PROJECT = Path(__file__).parents[2]
DESCRIPTIONS = [PROJECT / "neural_data"]


@pytest.fixture
def default():
    return yaml.safe_load((PROJECT / "config.yaml").read_text())


def read(path):
    """The checked configuration of a file."""
    return check_configuration(load_yaml(path), str(path))


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
    ("search.alpha", "one", r"search.alpha: expected a number or keys with values, got 'one'"),
    ("search.alpha", {"start": 2}, r"search.alpha: key 'end' is missing"),
    ("search.alpha", {"start": 2, "end": -1}, r"search.alpha.end: -1 is too small"),
    ("search.alpha", {"start": 2, "end": 1}, r"alpha: {start: 2, end: 1} .*rungs.* set it to 1,"),
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
    ("recordings.regions.V4.sample", {}, r"V4.sample: neither neuroids nor repetitions; name one"),
    ("recordings.regions.V4.sample", {"sites": 3}, r"V4.sample: unknown key 'sites'"),
    ("recordings.regions.V4.sample", {"neuroids": 1}, r"V4.sample.neuroids: 1 is too small"),
    ("recordings.regions.V4.sample", {"neuroids": "10"}, r"expected a whole number or null, got"),
    (
        "recordings.regions.V4.sample",
        {"repetitions": 1},
        r"V4.sample.repetitions: 1 presentation cannot be split.*add V4 to teacher.uncorrected",
    ),
    (
        "recordings.regions.V4",
        {"datasets": ["a"], "ceiling_from": ["b"], "sample": {"repetitions": 2}},
        r"V4.sample.repetitions: 2, but ceiling_from takes the noise ceiling from other",
    ),
    ("recordings.normalise", "z-score", r"normalise: 'z-score' is not one of: zscore, none"),
    ("recordings.min_site_reliability", 1.5, r"min_site_reliability: 1.5 is too large"),
    ("teacher.uncorrected", ["It"], r"teacher.uncorrected\[0\]: 'It' is not a region .*V4, IT"),
    ("teacher.level", "pixel", r"teacher.level: 'pixel' is not one of: image, object"),
    ("teacher.splits", 1, r"teacher.splits: 1 is too small"),
    ("teacher.stimuli", {"size": 32}, r"teacher.stimuli: key 'visual_degrees' is missing"),
    ("teacher.stimuli.visual_degrees", 0, r"visual_degrees: 0 is too small; it must be above 0"),
    ("premature.data", {"kind": "folder"}, r"premature.data.kind: 'folder' is not one of"),
    (
        "premature.data",
        {"kind": "image_folder"},
        r"premature.data: key 'path' is missing; kind 'image_folder' needs it: Folder",
    ),
    (
        "final.data",
        {"kind": "imagenet", "path": "x"},
        r"final.data: key 'path' does not belong to kind 'imagenet', whose keys are .*root",
    ),
    ("final.data", {"kind": "cifar10", "root": "x"}, r"final.data.kind: 'cifar10'"),
    ("premature.learning_rate", 0, r"premature.learning_rate: 0 is too small"),
    ("premature.image_size", 16, None),
    ("teacher.stimuli.size", 8, None),
    ("final.micro_batch", 5, r"final.micro_batch: 5 images do not divide final.batch_size, 64"),
    ("final.processes", 2, r"final.micro_batch: null, the whole batch; .* 2 processes cannot"),
    ("final.processes", "all", r"final.processes: 'all'"),
    ("final.ema", 1, r"final.ema: 1 is too large; it must be below 1"),
    ("final.network.stages", 5, None),
    (
        "final.network",
        {"stages": 6, "stem": "imagenet"},
        r"final.image_size: 24 pixels are halved 8",
    ),
    (
        "premature.network",
        {"filters": 4, "stages": 2, "stem": "imagenet"},
        r"premature.network.filters: 4; the imagenet stem",
    ),
    ("final", "REMOVE", r"key 'final' is missing"),
    ("premature", [], r"premature: expected keys with values, got \[\]"),
]


NETWORK = {"model": "resnet18", "layers": {"V4": "layer2", "IT": "layer4"}}
NETWORK_TEACHER = {"kind": "network", "network": NETWORK}
RANDOM = {"kind": "control", "control": {"type": "random_network"}, "network": NETWORK}
PIXELS = {"type": "pixels"}
TEACHER_MISTAKES = [
    ({"kind": "brain"}, r"teacher.kind: 'brain' is not one of: recordings, network, control"),
    ({"kind": "network"}, r"teacher.network: is missing; teacher.kind 'network' needs its model"),
    ({"network": NETWORK}, r"teacher.network: belongs to kind 'network' .*not to teacher.kind 're"),
    ({"kind": "control"}, r"teacher.control: is missing; kind 'control' needs it"),
    ({"control": {"type": "pixels"}}, r"teacher.control: belongs to kind 'control', teacher.kind"),
    ({"kind": "control", "control": {}}, r"teacher.control: key 'type' is missing"),
    ({"kind": "control", "control": {"type": "shufled"}}, r"type: .*did you mean 'shuffled'"),
    (RANDOM | {"network": None}, r"network: is missing; teacher.control.type 'random_network' nee"),
    (
        RANDOM | {"control": {"type": "pixels"}},
        r"teacher.network: belongs to .*not to teacher.control.type 'pixels'; remove the section",
    ),
    (
        RANDOM | {"network": NETWORK | {"weights": "w.pth"}},
        r"teacher.network.weights: 'w.pth', but the control 'random_network' has learned nothing",
    ),
    (
        {"kind": "network", "network": NETWORK | {"layers": {"V4": "layer2"}}},
        r"teacher.network.layers: region IT has no layer; name one",
    ),
    (
        {"kind": "network", "network": NETWORK | {"layers": NETWORK["layers"] | {"V1": "conv1"}}},
        r"teacher.network.layers: 'V1' is not a region of recordings.regions; there are: V4, IT",
    ),
    (
        {"kind": "network", "network": NETWORK | {"deviation": [0.2, 0, 0.2]}},
        r"teacher.network.deviation\[1\]: 0 is too small; it must be above 0",
    ),
    ({"kind": "network", "network": NETWORK | {"mean": [0.5]}}, r"network.mean: .*at least 3"),
    (
        {"kind": "network", "network": NETWORK | {"electrodes": {"unit": 5}}},
        r"teacher.network.electrodes: unknown key 'unit', did you mean 'units'",
    ),
    (NETWORK_TEACHER | {"distance": "crossnobis"}, r"'crossnobis' needs .*network.electrodes or"),
    (
        {"kind": "control", "control": {"type": "pixels"}, "distance": "crossnobis"},
        r"'crossnobis' needs repetitions, of which teacher.control.type 'pixels' has none; take",
    ),
    ({"distance": "mahalanobis"}, r"distance: 'mahalanobis' is not one of: correlation, cosine"),
    ({"comparison": "cka2"}, r"comparison: 'cka2' is not one of: spearman, pearson, kendall, cka"),
]


@pytest.mark.parametrize(("changes", "message"), TEACHER_MISTAKES)
def test_mistakes_of_a_teacher_are_one_line(default, changes, message):
    default["teacher"] |= changes
    with pytest.raises(UserError, match=message) as caught:
        check_configuration(default, "config.yaml")
    assert str(caught.value).startswith("config.yaml: ")
    assert "\n" not in str(caught.value)


def test_a_network_has_defaults(default):
    electrodes = {"electrodes": {"units": 20}}
    default["teacher"] |= {"kind": "network", "network": NETWORK | electrodes}
    network = dump_section(check_configuration(default).teacher.network)
    assert network["weights"] is None
    assert network["mean"] == [0.485, 0.456, 0.406]
    assert network["electrodes"] == {"units": 20, "repetitions": 30, "mean_count": 5.0}
    default["teacher"]["distance"] = "crossnobis"  # electrodes repeat
    check_configuration(default)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"level": "object"}, r"teacher.level: 'object' needs responses, but of kriegeskorte2008"),
        ({"distance": "euclidean"}, r"teacher.distance: 'euclidean' needs responses.*region IT"),
        ({"comparison": "cka"}, r"teacher.comparison: 'cka' needs responses.*comparison: spearman"),
        (
            {"kind": "control", "control": {"type": "matched"}},
            r"teacher.control.type: 'matched' needs responses.*use type: shuffled",
        ),
        (NETWORK_TEACHER | {"comparison": "cka"}, None),
        ({"kind": "control", "control": {"type": "pixels"}, "distance": "cosine"}, None),
    ],
)
def test_what_needs_responses_refuses_a_published_rdm(default, changes, message):
    default["recordings"]["regions"] = {
        "V4": {"datasets": ["cowley2023_v4"]},
        "IT": {"datasets": ["kriegeskorte2008_it"]},
    }
    default["teacher"] |= changes
    if message is None:
        build_plan(default, DESCRIPTIONS)
        return
    with pytest.raises(UserError, match=message):
        build_plan(default, DESCRIPTIONS)


def test_weights_are_an_input_and_missing_ones_are_said(default, tmp_path):
    path = tmp_path / "weights.pth"
    default["teacher"] |= {"kind": "network", "network": NETWORK | {"weights": str(path)}}
    with pytest.raises(UserError, match=r"teacher.network.weights: .*weights.pth: no such file"):
        build_plan(default, DESCRIPTIONS)
    path.write_bytes(b"")
    assert build_plan(default, DESCRIPTIONS).network == [str(path)]
    default["teacher"]["network"]["weights"] = "download"
    assert build_plan(default, DESCRIPTIONS).network == []


@pytest.mark.parametrize(
    "model, file",
    [("labnets.areas:build", "labnets/areas.py"), ("othernets:build", "othernets/__init__.py")],
)
def test_the_module_that_makes_the_teachers_network_is_one_of_its_files(
    default, tmp_path, monkeypatch, model, file
):
    for package in ("labnets", "othernets"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "labnets/areas.py").write_text("raise RuntimeError('planning does not import it')")
    monkeypatch.syspath_prepend(tmp_path)
    network = {"model": model, "weights": None, "layers": {"V4": "a", "IT": "b"}}
    default["teacher"] |= {"kind": "network", "network": network}
    assert build_plan(default, DESCRIPTIONS).network == [str(tmp_path / file)]
    network["model"] = "nowhere.at_all:build"  # building the teacher says so
    assert build_plan(default, DESCRIPTIONS).network == []


def test_a_sample_is_one_of_recordings_that_are_used(default):
    sample = {"neuroids": 10, "repetitions": 1}
    default["recordings"]["regions"]["IT"]["sample"] = sample
    default["teacher"] |= {"uncorrected": ["IT"]}
    assert check_configuration(default).recordings.regions["IT"].sample.model_dump() == sample | {
        "draw": 0
    }
    shuffled = {"kind": "control", "control": {"type": "shuffled"}}
    check_configuration(default | {"teacher": default["teacher"] | shuffled})
    for teacher in (
        {"kind": "network", "network": NETWORK},
        RANDOM,
        {**shuffled, "control": PIXELS},
    ):
        config = default | {"teacher": default["teacher"] | teacher}
        with pytest.raises(UserError, match=r"IT.sample: the teacher uses only the stimuli of sim"):
            check_configuration(config)


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
        read(path)
    path.write_text("just text")
    with pytest.raises(UserError, match=r"expected keys with values"):
        read(path)
    with pytest.raises(UserError, match=r"absent.yaml: cannot be read"):
        read(tmp_path / "absent.yaml")


def test_the_default_and_the_presets_are_valid():
    for path in [PROJECT / "config.yaml", *(PROJECT / "workflow/presets").glob("*.yaml")]:
        read(path)


def test_a_key_that_is_left_out_means_what_config_yaml_says_but_for_some(default):
    """Without limits there are none; the reward's keys are in the presets as well."""
    given = {"scale": "standardised", "layer_choice": "mean"}
    needed = {
        "recordings": ["regions"],
        "teacher": ["kind", "stimuli"],
        "search": ["space", "limits"],
        "premature": ["data", "image_size"],
        "final": ["data", "image_size", "network"],
    }
    short = {
        section: {key: default[section][key] for key in keys} for section, keys in needed.items()
    }
    found = dump_section(check_configuration(default))
    assert dump_section(check_configuration(short)) != found
    short["search"] |= given
    assert dump_section(check_configuration(short)) == found
    for path in (PROJECT / "workflow/presets").glob("*.yaml"):
        preset = yaml.safe_load(path.read_text())
        assert preset["search"] == preset["search"] | given


def test_an_unknown_data_set_names_those_that_exist(default):
    config = change(default, "recordings.regions.IT.datasets", ["kriegeskort2008_it"])
    with pytest.raises(UserError, match=r"did you mean 'kriegeskorte2008_it'"):
        build_plan(config, DESCRIPTIONS)


class TestNames:
    """Exactly what determines a result is in its name."""

    def plan(self, default, path=None, value=None):
        return build_plan(change(default, path, value) if path else default, DESCRIPTIONS)

    def test_raw_rewards_have_the_names_of_runs_before_there_was_a_choice(self, default):
        raw, older = change(default, "search.scale", "raw"), copy.deepcopy(default)
        del older["search"]["scale"]
        assert self.plan(raw).search == self.plan(older).search != self.plan(default).search

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
            ("teacher.distance", "cosine", "teacher search final"),
            ("teacher.comparison", "pearson", "teacher search final"),
            ("search.seed", 1, "teacher search final"),
            ("search.alpha", 0.5, "search final"),
            ("search.guidance", "tg", "search final"),
            ("search.layer_choice", "paper", "search final"),
            ("search.scale", "raw", "search final"),
            ("premature.probes", None, ""),
            ("premature.probes", {"share": 0.2, "epochs": 4}, "search final"),
            ("search.reuse", ["cell_tpe-01234567"], "search final"),
            ("premature.rungs", [0.5], "search final"),
            ("premature.keep_fraction", 0.25, ""),
            ("search.strategy", "random", "search final"),
            ("premature.epochs", 2, "search final"),
            ("search.generations", 5, "final"),
            ("final.epochs", 5, "final"),
            ("final.micro_batch", 32, "final"),
            ("final.workers", 1, ""),
            ("final.processes", 1, ""),
            ("final.checkpoint_minutes", 1, ""),
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

    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            (NETWORK_TEACHER, "simulated_network_resnet18"),
            (
                {"kind": "network", "network": NETWORK | {"model": "my.nets:build"}},
                "simulated_network_my_nets_build",
            ),
            (RANDOM, "simulated_control_random_network"),
            ({"kind": "control", "control": {"type": "shuffled"}}, "simulated_control_shuffled"),
        ],
    )
    def test_the_teacher_says_its_kind(self, default, changes, name):
        default["teacher"] |= changes
        assert build_plan(default, DESCRIPTIONS).teacher.rpartition("-")[0] == name

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
    """As Snakemake merges them; what the default has besides changes nothing that decides."""
    for path in (PROJECT / "workflow/presets").glob("*.yaml"):
        config, preset = copy.deepcopy(default), yaml.safe_load(path.read_text())
        update_config(config, preset)
        laid_over = build_plan(config, DESCRIPTIONS, path.name)
        alone = build_plan(preset, DESCRIPTIONS, path.name)
        assert (laid_over.search, laid_over.final) == (alone.search, alone.final), path.name


def test_the_teachers_that_the_documentation_shows_are_valid(default):
    """Every example of docs/teachers.md, over the default configuration."""
    text = (PROJECT / "docs/teachers.md").read_text()
    examples = [yaml.safe_load(part.split("```")[0]) for part in text.split("```yaml\n")[1:]]
    assert len(examples) >= 6
    for example in examples:
        config = copy.deepcopy(default)
        update_config(config, example)
        check_configuration(config, "docs/teachers.md")


def overlay(default, **sections):
    """As Snakemake lays a file of --configfile over config.yaml."""
    config = copy.deepcopy(default)
    update_config(config, sections)
    return config


RECORDED = {"datasets": ["cowley2023_v4"]}


@pytest.mark.parametrize(
    ("region", "other"),
    [("IT", "V4 is simulated (simulated) and IT"), ("V4", "IT is simulated (simulated) and V4")],
)
def test_simulated_and_recorded_regions_are_not_mixed(default, region, other):
    config = overlay(default, recordings={"regions": {region: RECORDED}})
    with pytest.raises(UserError) as caught:
        build_plan(config, DESCRIPTIONS)
    dropped = {"IT": "V4", "V4": "IT"}[region]
    assert str(caught.value) == (
        f"config.yaml: recordings.regions: {other} recorded (cowley2023_v4), and a teacher must "
        f"not mix them; name recorded data sets for {dropped}, or drop it with {dropped}: null"
    )
    config["recordings"]["regions"][dropped] = None
    assert build_plan(config, DESCRIPTIONS).regions == {region: ["cowley2023_v4"]}


def test_null_drops_a_region_wherever_it_is_named(default):
    network = NETWORK | {"layers": {"V4": "layer2", "IT": "layer4"}}
    default["teacher"] |= {"uncorrected": ["V4", "IT"], "kind": "network", "network": network}
    config = overlay(default, recordings={"regions": {"V4": None}})
    before = copy.deepcopy(config)
    checked = check_configuration(config)
    assert config == before
    assert list(checked.recordings.regions) == ["IT"]
    assert checked.teacher.uncorrected == ["IT"]
    assert checked.teacher.network.layers == {"IT": "layer4"}


def test_a_region_must_be_left(default):
    config = overlay(default, recordings={"regions": {"V4": None, "IT": None}})
    with pytest.raises(UserError, match=r"recordings.regions: V4, IT: null; every region is drop"):
        check_configuration(config)


def test_the_bound_of_blocks_is_that_of_the_space(default):
    config = change(default, "search.cell", {"blocks": MAX_BLOCKS})
    assert build_plan(config, DESCRIPTIONS).config.search.get_space_options().blocks == MAX_BLOCKS
    config["search"]["cell"]["blocks"] += 1
    with pytest.raises(UserError, match=f"search.cell.blocks: {MAX_BLOCKS + 1} is too large"):
        check_configuration(config)
