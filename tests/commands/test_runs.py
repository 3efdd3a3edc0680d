"""`runs` and `compare`: what differs, what came out, and what does not compare."""

import copy
import csv
import io
import json

import pytest
from support.run_folders import DIGESTS, build_record, build_score, build_search, draw, write_run

from tgas_neuro.__main__ import main
from tgas_neuro.overview.runs import flatten, list_differences
from tgas_neuro.runtime.files import write_json

GENOTYPES = draw(4)
CONFIG = {
    "recordings": {"regions": {"IT": {"datasets": ["simulated"]}}, "min_site_reliability": 0.2},
    "search": {"strategy": "random", "seed": 0, "limits": {"params": 100}},
    "premature": {"data": {"kind": "simulated"}, "epochs": 1},
    "final": {"data": {"kind": "simulated"}, "epochs": 4},
}


def build_config(**changes):
    """The configuration with other values, by keys such as ``search__seed``."""
    config = copy.deepcopy(CONFIG)
    for key, value in changes.items():
        section, name = key.split("__")
        config[section][name] = value
    return config


def make_run(folder, name, config, P=0.5, digests=DIGESTS, called=None, final=None, **search):
    """A run of two candidates whose second failed, with a note, and metrics of its final."""
    place = folder / "results/search" / name
    records = [
        build_record("g000_c00", GENOTYPES[0], P=P, digests=digests, params=1234),
        build_record("g000_c01", GENOTYPES[1], "timeout", digests=digests),
    ]
    write_run(place, [records], build_search(candidates=2, **search), digests)
    note = {"generations": 1, "candidates": 2, "started": "2026-01-01T00:00:00+00:00"}
    note |= {"name": called, "final": f"{name}-final", "finals": {f"{name}-final": config}}
    write_json(place / "run.json", note)
    if final is not None:
        write_final(folder, name, final)
    return place


def write_final(folder, name, top1, images="same"):
    place = folder / "results/final" / f"{name}-final"
    metrics = {"top1": top1, "top1_interval": [top1 - 0.1, top1 + 0.1], "params": 99, "macs": 999}
    metrics |= {"cost": {"images_seen": 400, "seconds": 8.0}}
    metrics |= {"digests": {"validation_images": images}}
    write_json(place / "metrics.json", metrics)
    write_json(place / "teacher_guidance.json", build_score(0.25, 0.4))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments):
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def refuse(capsys, *arguments):
    assert main(list(arguments)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_only_keys_that_differ(folder, capsys):
    make_run(folder, "cell_random-1", CONFIG, called="baseline", final=0.5)
    make_run(folder, "cell_random-2", build_config(search__seed=3, final__epochs=8), P=0.75)
    text = run(capsys, "runs")
    lines = text.splitlines()
    assert lines[0].split() == ["run", "name", "state", "done", "reward", "top-1", "date"]
    rows = {line.split()[0]: line.split()[1:6] for line in lines[1:3]}
    assert rows["cell_random-1"] == ["baseline", "finished", "2/2", "0.900", "0.500"]
    assert rows["cell_random-2"] == ["-", "begun", "2/2", "1.150", "-"]
    assert "  cell_random-1: search.seed 0; final.epochs 4" in lines
    assert "  cell_random-2: search.seed 3; final.epochs 8" in lines
    assert "strategy" not in text
    rows = {row["run"]: row for row in json.loads(run(capsys, "runs", "--json"))}
    assert (rows["cell_random-1"]["search.seed"], rows["cell_random-2"]["search.seed"]) == (0, 3)
    assert rows["cell_random-1"]["top1_low"] == pytest.approx(0.4)
    assert rows["cell_random-2"]["reward"] == pytest.approx(0.75 + 2 * 0.2)
    table = list(csv.DictReader(io.StringIO(run(capsys, "runs", "--csv"))))
    assert {row["run"]: row["final.epochs"] for row in table} == {
        "cell_random-1": "4",
        "cell_random-2": "8",
    }
    assert {row["run"]: row["top1"] for row in table}["cell_random-2"] == ""


def test_a_run_without_a_note_and_a_planned_one(folder, capsys):
    place = make_run(folder, "cell_random-1", CONFIG)
    (place / "run.json").unlink()
    make_run(folder, "cell_random-2", CONFIG)
    note = json.loads((folder / "results/search/cell_random-2/run.json").read_text())
    write_json(folder / "results/search/cell_tpe-3/run.json", note)
    text = run(capsys, "runs")
    rows = {line.split()[0]: line.split()[1:3] for line in text.splitlines()[1:4]}
    assert rows["cell_tpe-3"] == ["planned", "0/2"]
    assert rows["cell_random-1"] == ["begun", "2"]


def test_no_run_at_all(folder, capsys):
    assert "no search has begun here; start with: tgas run" in refuse(capsys, "runs")


def test_a_name_finds_its_run_and_two_of_a_name_are_refused(folder, capsys):
    make_run(folder, "cell_random-1", CONFIG, called="baseline")
    make_run(folder, "cell_random-2", CONFIG, P=0.75, called="other")
    assert run(capsys, "leaderboard", "baseline").startswith("run cell_random-1 (baseline), ranked")
    assert "did you mean baseline" in refuse(capsys, "leaderboard", "baselin")
    make_run(folder, "cell_random-2", CONFIG, P=0.75, called="baseline")
    line = refuse(capsys, "leaderboard", "baseline")
    assert "2 runs are called so: " in line and "name one folder" in line
    assert "cell_random-2 (baseline)" in run(capsys, "leaderboard", "cell_random-2")


def test_two_runs_side_by_side(folder, capsys):
    make_run(folder, "cell_random-1", CONFIG, called="baseline", final=0.5)
    make_run(folder, "cell_random-2", build_config(search__seed=3), P=0.75, final=0.6)
    text = run(capsys, "compare", "baseline", "cell_random-2")
    rows = {line.split("  ")[0]: line.split()[1:] for line in text.splitlines()}
    assert rows["search.seed"] == ["0", "3"]
    assert rows["reward"] == ["0.900", "1.150"]
    assert rows["P"] == ["0.500", "0.750"]
    assert rows["TG_IT"] == ["0.200", "0.200"]
    assert rows["final_TG_IT"] == ["0.250", "0.250"]
    assert " ".join(rows["top1"]) == "0.500 (0.400 to 0.600) 0.600 (0.500 to 0.700)"
    assert rows["params"] == ["1,234", "1,234"]
    assert rows["search_images"] == ["14", "14"]
    assert "Note" not in text
    content = json.loads(run(capsys, "compare", "baseline", "cell_random-2", "--json"))
    assert content["results"]["final_seconds"] == [8.0, 8.0]
    assert content["configuration"] == {"search.seed": [0, 3]}
    table = list(
        csv.DictReader(io.StringIO(run(capsys, "compare", "baseline", "cell_random-2", "--csv")))
    )
    assert table[0] == {
        "quantity": "configuration: search.seed",
        "cell_random-1": "0",
        "cell_random-2": "3",
    }


def test_what_does_not_compare_is_refused(folder, capsys):
    make_run(folder, "one", CONFIG, final=0.5)
    data = {"kind": "image_folder", "path": "photos"}
    make_run(folder, "other", build_config(premature__data=data), P=0.6)
    line = refuse(capsys, "compare", "one", "other")
    assert "premature.data is {'kind': 'simulated'} and {'kind': 'image_folder'" in line
    make_run(folder, "changed", CONFIG, P=0.6, digests=DIGESTS | {"images": "else"})
    assert "have other training images" in refuse(capsys, "compare", "one", "changed")
    place = make_run(folder, "older", CONFIG, P=0.6)
    path = place / "generation_000/candidate_00.json"
    record = json.loads(path.read_text())
    record["provenance"]["results_version"] -= 1
    write_json(path, record)
    assert "of the results, whose numbers differ" in refuse(capsys, "compare", "one", "older")
    make_run(folder, "elsewhere", CONFIG, P=0.6)
    write_final(folder, "elsewhere", 0.5, images="others")
    assert "were evaluated on other images" in refuse(capsys, "compare", "one", "elsewhere")
    assert "is compared with itself" in refuse(capsys, "compare", "one", "one")


def test_other_teachers_and_formulas_are_noted(folder, capsys):
    make_run(folder, "one", CONFIG, final=0.5)
    digests = DIGESTS | {"teacher": "control"}
    make_run(folder, "control", CONFIG, P=0.6, digests=digests, final=0.5, alpha=1.0)
    text = " ".join(run(capsys, "compare", "one", "control").split())
    assert "Note: the runs have different teachers: their TG does not compare" in text
    assert "Note: the runs are ranked by different formulas: their rewards do not" in text
    for name in ("one", "control"):  # as versions before wrote it: nobody knows what differs
        path = folder / f"results/search/{name}/run.json"
        note = json.loads(path.read_text())
        write_json(path, {key: note[key] for key in ("generations", "candidates", "started")})
    assert "have other teachers" in refuse(capsys, "compare", "one", "control")


def test_a_run_in_which_nothing_has_finished(folder, capsys):
    make_run(folder, "one", CONFIG)
    write_run(folder / "results/search/empty", [[None]], finished=False)
    assert "run empty: no candidate has finished" in refuse(capsys, "compare", "one", "empty")


def test_differences_by_hand():
    flat = flatten({"a": {"b": 1, "c": [1, 2]}, "d": None})
    assert flat == {"a.b": 1, "a.c": [1, 2], "d": None}
    configs = [{"a": {"b": 1}}, {}, {"a": {"b": 2, "x": 0}, "search": {"name": "me"}}]
    assert list_differences(configs) == {"a.b": [1, None, 2], "a.x": ["", None, 0]}
    assert list_differences([{"a": 1, "b": None, "c": 0}, {"a": 1}]) == {"c": [0, ""]}
    assert list_differences([{"a": 1}, {"a": 1}]) == {}
