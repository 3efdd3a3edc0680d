"""Grids: the teachers that they are written for, by stated keys, and grids that cannot be."""

import pytest
from support.small_teacher import build_region

from tgas_neuro.experiments.grids import expand_grid, list_teachers
from tgas_neuro.experiments.measurement import describe_sites, join_teachers
from tgas_neuro.experiments.options import check_experiment, configure_teacher
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.teacher import Teacher

GRID = {"title": "a grid", "of": "brain", "neuroids": [5, None], "repetitions": [2, None]}
NETWORK = {"model": "resnet18", "layers": {"V4": "layer2"}}


@pytest.fixture
def content(content):
    content["grids"] = {"few": GRID | {"draws": 2}}
    content["teachers"]["network"] = {
        "title": "a network",
        "recordings": content["teachers"]["brain"]["recordings"],
        "teacher": {"kind": "network", "network": NETWORK},
    }
    return content


def test_keys_say_sites_repetitions_and_draw(content):
    experiment = check_experiment(content, "x")
    found = expand_grid(experiment, "few")
    assert list(found) == [
        *("few_5x2_0", "few_5x2_1", "few_5xall_0", "few_5xall_1"),
        *("few_allx2_0", "few_allx2_1", "few_allxall_0"),  # of all there is nothing to draw
    ]
    assert list(list_teachers(experiment)) == ["brain", "shuffled", "network", *found]
    one = found["few_5x2_1"]
    assert (one.neuroids, one.repetitions, one.draw) == (5, 2, 1)
    assert found["few_allxall_0"].teacher == experiment.teachers["brain"]


def test_recordings_are_sampled(content):
    experiment = check_experiment(content, "x")

    def check(key):
        return check_configuration(configure_teacher(experiment, key)).recordings.regions["V4"]

    assert check("few_5x2_1").sample.model_dump() == {"neuroids": 5, "repetitions": 2, "draw": 1}
    assert check("few_allx2_0").sample.neuroids is None
    assert check("few_allxall_0").sample is None
    assert check("brain").sample is None  # the teacher itself stays as it is


def test_a_network_is_seen_through_electrodes(content):
    content["grids"]["few"] = GRID | {"of": "network", "neuroids": [5], "repetitions": [3]}

    def check(key):
        config = configure_teacher(check_experiment(content, "x"), key)
        return check_configuration(config).teacher.network

    found = check("few_5x3_2").electrodes
    assert found.model_dump() == {"units": 5, "repetitions": 3, "mean_count": 5.0, "draw": 2}
    assert check("network").electrodes is None
    network = NETWORK | {"electrodes": {"units": 99, "mean_count": 2.0}}
    content["teachers"]["network"]["teacher"]["network"] = network
    found = check("few_5x3_0").electrodes
    assert found.model_dump() == {"units": 5, "repetitions": 3, "mean_count": 2.0, "draw": 0}


REGIONS = {"V4": {"datasets": ["simulated"], "sample": {"neuroids": 3}}}


@pytest.mark.parametrize(
    ("grids", "message"),
    [
        ({"few": GRID | {"of": "brian"}}, "grids.few.of: 'brian' is not one of: brain, shuffled"),
        ({"few": GRID | {"of": "shuffled"}}, "'shuffled' is of kind 'control', which has no sites"),
        ({"few": GRID | {"neuroids": [1]}}, r"neuroids\[0\]: 1 is too small; the least .* is 2"),
        ({"few": GRID | {"neuroids": []}}, "grids.few.neuroids: .*at least 1"),
        ({"few": GRID | {"neuroids": [5, 5]}}, r"neuroids: \[5, 5\] lists something twice"),
        ({"few": GRID | {"neuroids": 5}}, "grids.few.neuroids: expected a list, got 5"),
        ({"few": GRID | {"draws": 0}}, "grids.few.draws: 0 is too small"),
        ({"few": GRID | {"sites": [5]}}, "grids.few: unknown key 'sites'"),
        (
            {"few": GRID | {"repetitions": [1, 2]}},
            "repetitions: 1 presentation cannot be split, so that V4 has no noise ceiling; add V4 "
            "to teachers.brain.teacher.uncorrected, or leave out 1",
        ),
        (
            {"few": GRID | {"of": "network"}},
            "few.neuroids: null, but 'network' is a network, .*; name numbers",
        ),
        (
            {"a": GRID, "a_5x2_0": GRID, "brain": GRID | {"of": "sampled"}},
            "grids.brain.of: region V4 of 'sampled' has a sample already",
        ),
    ],
)
def test_mistakes_end_in_one_line(content, grids, message):
    content["teachers"]["sampled"] = content["teachers"]["brain"] | {
        "recordings": {"regions": REGIONS}
    }
    content["grids"] = grids
    with pytest.raises(UserError, match=message) as caught:
        check_experiment(content, "a_test.yaml")
    assert str(caught.value).startswith("a_test.yaml: ") and "\n" not in str(caught.value)


def test_a_key_is_there_once(content):
    content["teachers"]["few_5x2_1"] = content["teachers"]["brain"]
    with pytest.raises(UserError, match="makes a teacher 'few_5x2_1', which is in teachers, too"):
        check_experiment(content, "x")


def test_one_repetition_is_taken_where_no_ceiling_is_asked_for(content):
    content["grids"]["few"]["repetitions"] = [1]
    content["teachers"]["brain"]["teacher"] = {"uncorrected": ["V4"]}
    experiment = check_experiment(content, "x")
    config = check_configuration(configure_teacher(experiment, "few_5x1_0"))
    assert config.recordings.regions["V4"].sample.repetitions == 1
    assert config.teacher.uncorrected == ["V4"]


def test_joined_teachers_are_joined_again(files_of_regions):
    one, other = files_of_regions
    first = join_teachers({"brain": Teacher({"V4": one}, {"made": 1})})
    grid = join_teachers({"few_5x2_0": Teacher({"V4": other}, {"made": 2})})
    both = join_teachers({"brain": Teacher({"V4": one}, {"made": 1})}, [grid])
    assert list(both.regions) == ["brain:V4", "few_5x2_0:V4"]
    assert both.regions["few_5x2_0:V4"] is other
    assert both.provenance == first.provenance | grid.provenance
    other.attrs |= {"n_sites": 4, "n_sites_measured": 5, "ceiling": float("nan")}
    assert describe_sites(both) == {
        "brain:V4": {"recorded": None, "sites": None, "ceiling": 0.8},
        "few_5x2_0:V4": {"recorded": 5, "sites": 4, "ceiling": None},
    }


@pytest.fixture
def files_of_regions():
    import numpy as np

    rng = np.random.default_rng(0)
    return [build_region(rng.normal(size=(8, 5)), np.zeros((8, 4, 4, 3))) for _ in range(2)]
