"""The file of an experiment: mistakes end in one line; every experiment of the project is valid."""

from pathlib import Path

import pytest
import yaml

from tgas_neuro.experiments.grids import expand_grid, list_teachers
from tgas_neuro.experiments.options import check_experiment, configure_teacher, load_experiment
from tgas_neuro.plan.plan import build_plan
from tgas_neuro.runtime.errors import UserError

PROJECT = Path(__file__).parents[2]
FOLDER = PROJECT / "workflow/experiments"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_experiments_of_the_project_can_be_planned(name, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    experiment = load_experiment(name, [FOLDER])
    keys = list(experiment.teachers)
    for grid in experiment.grids:
        found = list(expand_grid(experiment, grid))
        keys += [found[0], found[-1]]
    teachers = list_teachers(experiment)
    for key in keys:
        config = configure_teacher(experiment, key)
        plan = build_plan(config, [PROJECT / "neural_data"], key)
        assert plan.config.teacher.kind == teachers[key].teacher.get("kind", "recordings")
        kind = plan.config.teacher.kind == "control"
        assert kind == teachers[key].control


def test_a_missing_experiment_is_named_with_those_there_are(tmp_path):
    with pytest.raises(UserError, match=r"no experiment 'toys'; there are: .*toy"):
        load_experiment("toys", [tmp_path, FOLDER])


def write(folder, name, content):
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))


def test_an_experiment_takes_from_another_what_it_does_not_say(tmp_path, content):
    own = {
        "like": "long",
        "title": "Short",
        "cells": {"repeated": 10},
        "training": {"steps": [0, 6], "premature": {"batch_size": None}},
        "mature": {"kind": "table", "path": "a.csv", "column": "b"},
    }
    write(tmp_path, "long", content)
    write(tmp_path, "short", own)
    content |= {key: own[key] for key in ("title", "mature")}
    content["cells"]["repeated"] = 10
    content["training"]["steps"] = [0, 6]
    del content["training"]["premature"]["batch_size"]
    assert load_experiment("short", [tmp_path]) == check_experiment(content, "short")


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ("a", r"b.yaml: like: 'a'; expected the name of another"),
        ("b", r"b.yaml: like: 'b'; expected the name of another"),
        (3, r"b.yaml: like: 3; expected the name of another"),
        ("c", r"b.yaml: like: no experiment 'c'; there are: a, b"),
    ],
)
def test_what_an_experiment_cannot_be_like(tmp_path, like, message):
    write(tmp_path, "a", {"like": "b"})
    write(tmp_path, "b", {"like": like})
    with pytest.raises(UserError, match=message) as found:
        load_experiment("a", [tmp_path])
    assert "\n" not in str(found.value)


def change(content, path, value):
    *parents, last = path.split(".")
    for name in parents:
        content = content[name]
    content[last] = value


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("space", "cells", "a_test.yaml: space: 'cells'"),
        ("options", {"blocks": 3}, "a_test.yaml: options: {'blocks': 3}; nasbench201 has none"),
        ("cells", {"number": 12, "repeated": 13}, "cells.repeated: 13 of 12 cells"),
        ("cells", {"number": 12, "repeated": 5}, "cells.repeated: 5 of 12 cells"),
        ("training.steps", [3, 0], r"training.steps: \[3, 0\]; expected ascending"),
        ("primary.steps", 4, r"primary.steps: 4; expected one of \[0, 3, 6\]"),
        ("primary.teacher", "brains", "primary.teacher: 'brains'; expected one of brain"),
        ("primary.teacher", "shuffled", "primary.teacher: 'shuffled' is a control"),
        ("primary.control", "brain", "primary.control: 'brain' is no control"),
        ("training.premature.rungs", [0.5], r"training.premature.rungs: \[0.5\]"),
        ("mature", {"kind": "tables"}, "mature.kind"),
        ("teachers.brain.titel", "x", "teachers.brain: unknown key 'titel'"),
    ],
)
def test_mistakes_end_in_one_line(content, path, value, message):
    change(content, path, value)
    with pytest.raises(UserError, match=message) as found:
        check_experiment(content, "a_test.yaml")
    assert "\n" not in str(found.value) and str(found.value).startswith("a_test.yaml: ")
