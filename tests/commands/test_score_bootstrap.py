"""`score --bootstrap` and `--picture`: intervals in the table and in JSON, and what is refused."""

import json

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from support.scored import make_folder, refer_rdms

from tgas_neuro.__main__ import main
from tgas_neuro.runtime.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a small simulated data set, and features of two models of it."""
    monkeypatch.chdir(tmp_path)
    make_folder(tmp_path)
    n_rows = round((1 + (1 + 8 * len(refer_rdms(tmp_path)["IT"])) ** 0.5) / 2)
    rng = np.random.default_rng(0)
    for name in ("one", "other"):
        layers = {f"layer_{i}": rng.normal(size=(n_rows, 20)) for i in range(2)}
        np.savez(tmp_path / f"{name}.npz", **layers)
    return tmp_path


def call(*arguments):
    return main(["score", *map(str, arguments)])


DATA = ("--data", "V4=small", "IT=small", "--splits", 4)


def test_intervals_and_differences(folder, capsys):
    out = ["--json", "out.json", "--picture", "out.svg"]
    assert call("one.npz", "other.npz", *DATA, "--bootstrap", 200, *out) == 0
    printed = capsys.readouterr().out
    scored = json.loads((folder / "out.json").read_text())
    rdms = refer_rdms(folder)
    for region in ("V4", "IT"):
        first, second = (scored[name]["regions"][region] for name in ("one.npz", "other.npz"))
        found = [one["bootstrap"] for one in (first, second)]
        for one, model in zip(found, (first, second), strict=True):
            assert one["low"] < model["paper"]["raw"] < one["high"]
            assert one["ceiling"][0] <= model["ceiling"] <= one["ceiling"][1]
            assert (one["over"], one["resamples"]) == ("both", 200)
            n_pairs = one["rows"] * (one["rows"] - 1) // 2
            assert n_pairs == len(rdms[region])
        difference = found[0]["differences"]["other.npz"]
        back = found[1]["differences"]["one.npz"]
        assert difference["difference"] == first["paper"]["raw"] - second["paper"]["raw"]
        assert [difference["low"], difference["high"]] == [-back["high"], -back["low"]]
        assert difference["p"] == back["p"] == back["p_adjusted"]
        assert f"{region}: 95 % intervals over {found[0]['rows']} stimuli and" in printed
    lines = printed.splitlines()
    (at,) = [number for number, line in enumerate(lines) if line.startswith("model")]
    names = ["model", "region", "best", "similarity", "low", "high", "ceiling"]
    assert lines[at].split()[:7] == names
    assert lines[at + 1].split()[0] == "layer"  # a head that was folded: best layer
    assert "<svg" in (folder / "out.svg").read_text()


def test_intervals_are_about_the_rdm_of_the_best_layer(folder):
    assert call("one.npz", *DATA, "--bootstrap", 100, "--json", "a.json") == 0
    assert call("one.npz", *DATA, "--json", "b.json") == 0
    first, second = (json.loads((folder / name).read_text()) for name in ("a.json", "b.json"))
    for name, region in first["one.npz"]["regions"].items():
        del region["bootstrap"]
        assert region == second["one.npz"]["regions"][name]
        layer = np.load(folder / "one.npz")[region["paper"]["layer"]]
        expected = spearmanr(pdist(layer, "correlation"), refer_rdms(folder)[name])[0]
        assert region["paper"]["raw"] == pytest.approx(expected, abs=1e-4)


def test_rdms_must_have_been_kept(folder):
    from tgas_neuro.api.scores import score
    from tgas_neuro.api.teachers import load_teacher

    teacher = load_teacher(data={"IT": "small"}, splits=4)
    scores = score("one.npz", teacher)
    with pytest.raises(UserError, match=r"one\.npz were not kept; score it with keep_rdms=True"):
        scores.infer(teacher)
    inferred = score("one.npz", teacher, keep_rdms=True).infer(teacher, 100)
    (row,) = inferred.best.to_dict("records")
    assert row["low"] < row["similarity"] < row["high"]


def test_over_stimuli_only(folder):
    options = ["--bootstrap", 100, "--bootstrap-over", "stimuli", "--json", "a.json"]
    assert call("one.npz", *DATA, *options) == 0
    scored = json.loads((folder / "a.json").read_text())["one.npz"]["regions"]["IT"]["bootstrap"]
    assert (scored["over"], scored["sites"], scored["differences"]) == ("stimuli", 0, {})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--bootstrap", 20], "--bootstrap: 20 resamples; at least 100"),
        (["--bootstrap", 100, "--comparison", "kendall"], "--bootstrap: comparison 'kendall'"),
        (["--picture", "a.jpg"], "--picture: a.jpg: ending '.jpg'; it may be .png, .svg, .pdf"),
    ],
)
def test_mistakes_are_named_before_scoring(folder, capsys, options, message):
    assert call("one.npz", *DATA, *options) == 1
    printed = capsys.readouterr()
    assert message in printed.err
    assert "layer" not in printed.out
    assert len(printed.err.strip().splitlines()) == 1
