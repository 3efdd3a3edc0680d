"""The parts of the matrix that install nothing: sets, bounds, Pythons, and what counts as equal."""

import copy
import os
import subprocess
import sys

import pytest
from packaging.version import Version
from soak.soak import PROJECT

from matrix.comparison import compare_results
from matrix.sets import (
    LEFT_OUT,
    SETS,
    MatrixError,
    find_python,
    list_extras,
    list_untried,
    read_bounds,
    read_versions,
)
from tgas_neuro.search.strategies.tpe import STARTUP

RESULT = {
    "best_cell": {
        "hash": "49e9",
        "reward": 0.28024147114403863,
        "teacher": {"TG": 0.155, "ceiling": 0.8062},
        "final": {
            "loss": 2.0723,
            "n_images": 48,
            "top1": 0.125,
            "top1_interval": [0.05857, 0.24700],
        },
        "TG_untrained": None,
        "versions": {"numpy": "1.26.4"},
        "digests": {"teacher_configuration": "b65a", "chain": "ca67"},
    }
}


def change(*path, to):
    result = copy.deepcopy(RESULT)
    part = result["best_cell"]
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = to
    return result


@pytest.mark.parametrize(
    "found",
    [
        RESULT,
        change("reward", to=0.2812),
        change("teacher", "TG", to=0.1561),
        change("final", "loss", to=2.07231),
        change("versions", "numpy", to="2.5.5"),
        change("digests", "chain", to="0000"),
    ],
)
def test_the_same_but_for_floating_point_and_versions(found):
    assert compare_results(found, RESULT) == []


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (change("reward", to=0.284), "best_cell.reward: 0.284, expected 0.28024147114403863"),
        (change("final", "loss", to=2.0731), "best_cell.final.loss: 2.0731, expected 2.0723"),
        (change("teacher", "ceiling", to=0.8063), "best_cell.teacher.ceiling: 0.8063, expected"),
        (change("reward", to=float("nan")), "best_cell.reward: nan, expected 0.28024147114403863"),
        (change("reward", to=None), "best_cell.reward: None, expected 0.28024147114403863"),
        (change("hash", to="49e8"), "best_cell.hash: '49e8', expected '49e9'"),
        (change("final", "n_images", to=49), "best_cell.final.n_images: 49, expected 48"),
        (change("final", "n_images", to=48.0), "best_cell.final.n_images: 48.0, expected 48"),
        (change("final", "top1", to=0.125 + 1 / 48), "best_cell.final.top1: 0.1458"),
        (change("final", "top1_interval", 1, to=0.25), "best_cell.final.top1_interval[1]: 0.25"),
        (change("final", "top1_interval", to=[0.1]), "best_cell.final.top1_interval: [0.1], expe"),
        (change("new", to=1), "best_cell.new: only in this set"),
        (change("digests", "teacher_configuration", to="b"), "best_cell.digests.teacher_conf"),
        ({"best_cell": {}}, "best_cell.hash: only in the pinned set"),
    ],
)
def test_all_else_differs(found, said):
    assert compare_results(found, RESULT)[0].startswith(said)


def test_every_promised_python_is_tried():
    """The newest versions on each that pyproject.toml names, the lowest on the oldest."""
    text = (PROJECT / "pyproject.toml").read_text()
    named = {line.rsplit(" :: ", 1)[1].strip('",') for line in text.splitlines()
             if "Python :: 3." in line}  # fmt: skip
    assert {one.python for one in SETS.values() if one.choice == "newest"} == named
    assert f'requires-python = ">={min(named)}"' in text
    assert [one.python for one in SETS.values() if one.choice == "lowest"] == [min(named)]


def test_every_extra_is_tried_or_left_out_with_a_reason():
    assert {"dev", "export", "nwb", "parquet"} <= set(list_extras(PROJECT))
    assert not set(list_extras(PROJECT)) & set(LEFT_OUT)


def test_bounds_are_those_of_the_python():
    """xarray before 2022.6 finds no netCDF on Python 3.12."""
    oldest, newer = (read_bounds(PROJECT, python) for python in ("3.11", "3.12"))
    assert (oldest["xarray"], newer["xarray"]) == (Version("2022.3"), Version("2022.6"))
    assert oldest["netcdf4"] == Version("1.6.2")  # as the registry writes the name
    assert "numpy" in oldest and "pynwb" in oldest and "brainscore-vision" not in oldest


def test_a_bound_that_was_not_reached_is_named():
    versions = read_versions(
        "# made by uv\nnetcdf4==1.6.2\nPyYAML==6.0.3\n    # via x\ntqdm==4.66.0\n"
    )
    bounds = {"netcdf4": Version("1.6.2"), "pyyaml": Version("6.0"), "tqdm": Version("4.66")}
    assert list_untried(bounds, versions) == ["pyyaml 6.0.3 (promised: 6.0)"]


def test_a_python_is_found_by_what_it_says_not_by_its_name(tmp_path, monkeypatch):
    """pyenv's shims are there for versions that are switched off, and fail."""
    version = "{}.{}".format(*sys.version_info)
    for folder, script in (("shim", "exit 127"), ("other", "echo 3.2 True")):
        (tmp_path / folder).mkdir()
        program = tmp_path / folder / f"python{version}"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    real = tmp_path / "pyenv/versions" / f"{version}.99/bin"
    real.mkdir(parents=True)
    program = real / f"python{version}"
    program.write_text(f'#!/bin/sh\nexec "{sys.base_prefix}/bin/python{version}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv(
        "PATH", os.pathsep.join([*map(str, (tmp_path / "shim", tmp_path / "other"))])
    )
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert find_python(version) == program
    with pytest.raises(MatrixError, match=r"no Python 3\.9: python3\.9 is not on PATH"):
        find_python("3.9")


def test_tpe_proposes_candidates_of_the_toy():
    from matrix.matrix import build_config

    search = build_config()["search"]
    assert (search["generations"] - 1) * search["candidates"] > STARTUP


def test_an_unknown_set_is_one_line():
    script = PROJECT / "tests/matrix/matrix.py"
    found = subprocess.run(
        [sys.executable, str(script), "newest-3.9"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert "SET: 'newest-3.9' is not one of: newest-3.11, " in found.stderr.splitlines()[-1]
