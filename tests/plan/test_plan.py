"""Which data sets a configuration asks for: pooled ones, and others in another time window."""

import copy
from pathlib import Path

import pytest
import yaml

from tgas_neuro.config.section import MARK, Section, dump_section
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.plan.images import describe_missing_archive, plan_images
from tgas_neuro.plan.plan import build_plan, calc_digests
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.teacher.options import read_sources

PROJECT = Path(__file__).parents[2]
DESCRIPTIONS = [PROJECT / "neural_data"]
DEFAULT = yaml.safe_load((PROJECT / "config.yaml").read_text())

RUNGS = {"data": {"kind": "simulated"}, "image_size": 24, "rungs": [0.5]}


def plan(regions, folders=DESCRIPTIONS, **teacher):
    config = copy.deepcopy(DEFAULT)
    config["recordings"]["regions"] = regions
    config["teacher"] |= teacher
    return build_plan(config, folders)


def refuse(regions, message, **teacher):
    with pytest.raises(UserError, match=message) as caught:
        plan(regions, **teacher)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("config.yaml: ")


def test_a_region_of_two_data_sets():
    found = plan(
        {
            "V4": {"datasets": ["simulated", "cowley2023_v4"]},
            "IT": {"datasets": ["majajhong2015_public"]},
        }
    )
    assert found.regions == {
        "V4": ["simulated", "cowley2023_v4"],
        "IT": ["majajhong2015_public"],
    }
    assert list(found.descriptions) == ["simulated", "cowley2023_v4", "majajhong2015_public"]
    assert found.teacher.startswith("simulated_cowley2023_v4_majajhong2015_public_recordings-")
    sources = read_sources(dump_section(found.config.recordings), found.regions)
    assert sources["V4"].folders == {
        "simulated": Path("results/recordings/simulated"),
        "cowley2023_v4": Path("results/recordings/cowley2023_v4"),
    }
    assert sources["V4"].dataset == "simulated, cowley2023_v4"


def test_the_order_of_data_sets_counts():
    """The first gives the stimuli their order and names."""
    one, two = (
        plan({"V4": {"datasets": datasets}})
        for datasets in (["simulated", "cowley2023_v4"], ["cowley2023_v4", "simulated"])
    )
    assert one.digests["teacher"] != two.digests["teacher"]


def test_a_window_is_a_data_set_of_its_own():
    """Two regions take two windows of one data set, whose files are fetched once."""
    public = {"datasets": ["majajhong2015_public"]}
    found = plan(
        {
            "V4": public | {"select": {"window_ms": [50, 150]}},
            "IT": public | {"select": {"window_ms": [-20, 170.5], "animal": ["Tito"]}},
        }
    )
    names = ["majajhong2015_public@50to150ms", "majajhong2015_public@-20to170.5ms"]
    assert found.regions == {"V4": [names[0]], "IT": [names[1]]}
    windows = [found.descriptions[name].options["window_ms"] for name in names]
    assert windows == [[50, 150], [-20, 170.5]]
    assert {found.descriptions[name].name for name in names} == {"majajhong2015_public"}
    sources = read_sources(dump_section(found.config.recordings), found.regions)
    assert sources["IT"].select == {"animal": ["Tito"]}
    assert sources["V4"].select == {}
    plain = plan({"V4": public, "IT": public})
    assert plain.regions["V4"] == ["majajhong2015_public"]
    assert "window_ms" not in plain.descriptions["majajhong2015_public"].options
    assert plain.digests["teacher"] != found.digests["teacher"]


def test_many_data_sets_have_a_short_name(tmp_path):
    text = (PROJECT / "neural_data/simulated.yaml").read_text()
    names = [f"session_{number:02d}" for number in range(40)]
    for name in names:
        (tmp_path / f"{name}.yaml").write_text(text.replace("name: simulated", f"name: {name}"))
    found = plan({"IT": {"datasets": names}}, [tmp_path])
    assert found.teacher.startswith("session_00_and_39_more_recordings-")
    assert found.regions["IT"] == names


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"datasets": ["simulated", "simulated"]}, r"IT.datasets: .*lists something twice"),
        ({"datasets": []}, r"IT.datasets: 0 given, at least 1 expected"),
        (
            {"datasets": ["simulated"], "select": {"window_ms": [70, 170]}},
            r"IT.select.window_ms: \[70, 170\]: reader 'simulated' of data set simulated has one "
            r"time window and no choice; remove the key \(.*brainscore",
        ),
        (
            {"datasets": ["majajhong2015_public"], "select": {"window_ms": [170, 70]}},
            r"IT.select.window_ms: \[170, 70\] ends before it begins",
        ),
        (
            {"datasets": ["majajhong2015_public"], "select": {"window_ms": [70]}},
            r"IT.select.window_ms: 1 given, at least 2",
        ),
        (
            {"datasets": ["majajhong2015_public"], "select": {"window": [70, 170]}},
            r"IT.select: unknown key 'window', did you mean 'window_ms'",
        ),
        (
            {"datasets": ["simulated", "kriegeskorte2008_it"]},
            r"IT.datasets: of kriegeskorte2008_it \(region IT\) only an RDM was published, which "
            r"cannot be pooled with the sites of others \(simulated, kriegeskorte2008_it\); make",
        ),
        (
            {"datasets": ["kriegeskorte2008_it"], "select": {"array": ["M"]}},
            r"IT.select: of kriegeskorte2008_it \(region IT\) only an RDM was published, so",
        ),
    ],
)
def test_mistakes_are_one_line(source, message):
    refuse({"IT": source}, message)


def test_an_unknown_data_set_of_several():
    with pytest.raises(UserError, match=r"data set 'simulate': .*did you mean 'simulated'"):
        plan({"IT": {"datasets": ["simulated", "simulate"]}})


def test_stimuli_of_a_published_rdm_may_be_pooled():
    """A network is shown the images that both have; what was recorded is not used."""
    network = {"model": "resnet18", "layers": {"IT": "layer4"}}
    found = plan(
        {"IT": {"datasets": ["simulated", "kriegeskorte2008_it"]}}, kind="network", network=network
    )
    assert found.regions["IT"] == ["simulated", "kriegeskorte2008_it"]


def test_what_measures_depend_on():
    """Runs that share these digests may share records; rungs, guidance and budget are no part."""
    config = copy.deepcopy(DEFAULT)
    before = build_plan(config, DESCRIPTIONS).digests
    config["search"] |= {"guidance": "tg", "alpha": 3.0, "candidates": 9, "strategy": "random"}
    config["premature"] |= {"rungs": [0.25, 0.5], "keep_fraction": 0.3}
    after = build_plan(config, DESCRIPTIONS).digests
    assert [key for key in before if before[key] != after[key]] == ["search", "final"]
    config["premature"]["learning_rate"] = 0.5
    config["search"]["scoring"] = {"exact": True}
    changed = build_plan(config, DESCRIPTIONS).digests
    assert [key for key in after if changed[key] != after[key]] == [
        "premature",
        "scoring",
        "search",
        "final",
    ]


def test_all_pairs_have_the_digests_of_before_there_were_samples():
    """Results of all pairs are found again, and those of a sample have names of their own."""
    config = copy.deepcopy(DEFAULT)
    del config["search"]["scoring"]["pairs"]
    before = build_plan(config, DESCRIPTIONS)
    config["search"]["scoring"]["pairs"] = None
    assert build_plan(config, DESCRIPTIONS).digests == before.digests
    assert before.digests["scoring"] == calc_digest(
        {"max_units": "auto", "spatial_mean": False, "exact": False}
    )
    assert before.config.search.scoring.name_ranks() == "ranks"
    config["search"]["scoring"]["pairs"] = 4_000_000
    sampled = build_plan(config, DESCRIPTIONS)
    changed = [key for key in before.digests if sampled.digests[key] != before.digests[key]]
    assert changed == ["scoring", "search", "final"]
    assert sampled.config.search.scoring.name_ranks() == "ranks_of_4000000_pairs"


def test_loggers_are_in_no_digest():
    config = copy.deepcopy(DEFAULT)
    before = build_plan(config, DESCRIPTIONS)
    assert "loggers" not in dump_section(before.config)  # as before there were any
    config["loggers"]["optuna"] = True
    after = build_plan(config, DESCRIPTIONS)
    assert after.digests == before.digests
    assert (after.teacher, after.search, after.final) == (
        before.teacher,
        before.search,
        before.final,
    )
    assert dump_section(after.config)["loggers"]["optuna"] is True
    del config["loggers"]
    assert not build_plan(config, DESCRIPTIONS).config.loggers.list_chosen()


@pytest.mark.parametrize(
    ("pairs", "changes", "message"),
    [
        (999, {}, "search.scoring.pairs: 999"),
        (0, {}, "search.scoring.pairs: 0"),
        (1000.5, {}, "search.scoring.pairs: .*1000.5"),
        ("many", {}, "search.scoring.pairs: .*'many'"),
        (True, {}, "search.scoring.pairs: .*[Tt]rue"),
        (5000, {"comparison": "kendall"}, "pairs: 5000, but teacher.comparison 'kendall' takes no"),
        (5000, {"comparison": "cka"}, "null, or take one of spearman, pearson"),
        (5000, {"comparison": "ridge"}, "'ridge' takes no sample of pairs"),
        (5000, {"comparison": "pls"}, "'pls' takes no sample of pairs"),
        (5000, None, "pairs: 5000, but search.scoring.exact compares all pairs; set exact to"),
    ],
)
def test_mistakes_in_pairs(pairs, changes, message):
    config = copy.deepcopy(DEFAULT)
    config["search"]["scoring"] |= {"pairs": pairs, "exact": changes is None}
    config["teacher"] |= changes or {}
    with pytest.raises(UserError, match=message) as caught:
        build_plan(config, DESCRIPTIONS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("section", "changes", "message"),
    [
        (
            "premature",
            {"rungs": [0.5, 0.25]},
            r"premature.rungs: \[0.5, 0.25\]; expected ascending",
        ),
        ("premature", {"rungs": [0.5, 1]}, r"premature.rungs: .*below premature.epochs, 1"),
        ("premature", {"rungs": [0]}, r"premature.rungs"),
        ("premature", {"keep_fraction": 1.0}, r"premature.keep_fraction"),
        ("search", {"guidance": "P"}, r"search.guidance"),
        ("search", {"reuse": ["a", "a"]}, r"search.reuse"),
        (
            "search",
            {"guidance": "tg_epoch0", "untrained": False},
            r"search.untrained: false, but search.guidance 'tg_epoch0' needs it",
        ),
    ],
)
def test_mistakes_in_guidance_and_rungs(section, changes, message):
    config = copy.deepcopy(DEFAULT)
    config[section] |= changes
    with pytest.raises(UserError, match=message) as caught:
        build_plan(config, DESCRIPTIONS)
    assert "\n" not in str(caught.value)


def test_the_searches_that_the_documentation_shows_are_valid():
    text = (PROJECT / "docs/search.md").read_text()
    examples = [yaml.safe_load(part.split("```")[0]) for part in text.split("```yaml\n")[1:]]
    assert len(examples) == 6
    for example in examples:
        config = copy.deepcopy(DEFAULT)
        for section, changes in example.items():
            config[section] |= changes
        build_plan(config, DESCRIPTIONS)


def test_a_progressive_search_that_ends_before_complete_cells_is_refused():
    config = copy.deepcopy(DEFAULT)
    config["search"] |= {"strategy": "progressive", "generations": 1, "candidates": 5}
    with pytest.raises(UserError, match=r"config\.yaml: search\.progressive: 5 candidates"):
        build_plan(config, DESCRIPTIONS)
    config["search"] |= {"generations": 6}
    build_plan(config, DESCRIPTIONS)


def list_changes(section, path=""):
    """Every key of a section at any depth: its path, its mark, and a copy with another value."""
    for name, field in type(section).model_fields.items():
        value, mark = getattr(section, name), field.json_schema_extra[MARK]
        if name in section.list_unused():
            continue
        if isinstance(value, Section):
            for inner, inner_mark, changed in list_changes(value, f"{path}{name}."):
                yield inner, inner_mark, section.model_copy(update={name: changed})
        else:
            other = value + 1 if isinstance(value, int | float) else "changed"
            yield f"{path}{name}", mark, section.model_copy(update={name: other})


def test_every_key_that_decides_numbers_is_in_the_names_and_no_other():
    config = check_configuration(copy.deepcopy(DEFAULT) | {"premature": RUNGS})
    before = calc_digests(config, {})
    seen = set()
    for path, mark, changed in list_changes(config):
        if path.startswith("search.seed") or path in ("search.space", "search.strategy"):
            continue  # the seed is in all names; the other two change which options count
        after = calc_digests(changed, {})
        found = [stage for stage in ("teacher", "search", "final") if before[stage] != after[stage]]
        stages = ["teacher", "search", "final"]
        first = {"recordings": 0, "teacher": 0, "search": 1, "premature": 1, "final": 2}
        start = {"search": 1, "final": 2}.get(mark, first[path.split(".")[0]])
        assert found == (stages[start:] if mark else []), path
        seen.add(mark)
    assert seen == {True, False, "search", "final"}


def test_where_images_can_be_had_is_said_and_decides_nothing():
    images = {"kind": "image_folder", "path": "a.tar.gz"}
    said = {"premature": {"data": images | {"source": "From there."}}, "final": {"data": images}}
    config, silent = (
        check_configuration(copy.deepcopy(DEFAULT) | one)
        for one in (said, {name: {"data": images} for name in said})
    )
    assert plan_images(config.premature) == plan_images(silent.premature)
    assert calc_digests(config, {}) == calc_digests(silent, {})
    text = "premature.data.path: a.tar.gz: no such file; put it there, or name another one"
    assert describe_missing_archive(config, "a.tar.gz") == f"{text}. From there."
    assert describe_missing_archive(silent, "a.tar.gz") == text
