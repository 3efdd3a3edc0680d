"""Runs that learn from probes: replayed from their history, ranked again, described."""

import json

import numpy as np
import pytest
from support.run_folders import build_record, build_search, draw, write_run

from tgas_neuro.__main__ import main
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.best import make_best
from tgas_neuro.search.generation import describe_history
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import build_entry
from tgas_neuro.search.runs import load_run

LEARNED = Rating("learned")
RECORD = "generation_001/candidate_02.json"
GENOTYPES = draw(24)


def build_learned_records(first, last, generation):
    """Every second one is probed; TG tells the accuracy of a probe, P does not."""
    rng = np.random.default_rng(first)
    records = []
    for k in range(first, last):
        paper, P = (float(value) for value in rng.random(2))
        name = f"g{generation:03d}_c{k - first:02d}"
        record = build_record(name, GENOTYPES[k], P=P, crossed=paper / 2, paper=paper)
        accuracy = 0.5 + 0.4 * paper + 0.01 * float(rng.normal())
        probe = {"accuracy": accuracy, "loss": 1.0, "epochs": 8}
        records.append(record | {"probe": None if k % 2 else probe})
    return records


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generations = [build_learned_records(0, 12, 0), build_learned_records(12, 24, 1)]
    search = build_search(guidance="learned", candidates=12)
    return write_run(tmp_path / "results/search/run-1", generations, search)


def test_a_run_is_replayed_from_its_history(folder):
    """Six probes teach nothing yet; twelve show that P does not count and TG does."""
    first, second = (read_json(folder / f"generation_00{k}/history.json") for k in range(2))
    assert first["regression"] is None
    assert [entry["reward"] for entry in first["entries"]] == [e["P"] for e in first["entries"]]
    assert describe_history(first).endswith("P, as fewer than 8 probes have an accuracy")
    found = second["regression"]
    assert found["of"] == 12
    assert found["features"]["TG IT"]["weight"] > 5 * abs(found["features"]["P"]["weight"])
    line = describe_history(second)
    assert "accuracy predicted from 12 probes (error 0.0" in line
    assert f"TG IT {found['features']['TG IT']['weight']:+.4f}" in line
    paths = sorted(folder.glob("generation_*/candidate_*.json"))
    best = make_best(folder / "generation_001/history.json", paths, "run-1")
    assert best["regression"] == found
    rewards, TG = np.array([(e["reward"], e["regions"]["IT"]) for e in second["entries"]]).T
    assert np.corrcoef(rewards, TG)[0, 1] > 0.95
    assert best["id"] == second["best"]["id"] == second["entries"][rewards.argmax()]["id"]
    run = load_run(folder)
    assert run.list_entries() == run.rate(LEARNED)


def test_a_history_that_was_changed_is_refused(folder):
    paths = sorted(folder.glob("generation_*/candidate_*.json"))
    history = folder / "generation_001/history.json"
    content = read_json(history)
    content["entries"][3]["reward"] += 1e-6
    history.write_text(json.dumps(content))
    with pytest.raises(UserError, match="entry g000_c03 is not what the 24 records"):
        make_best(history, paths, "run-1")


def test_rerank_compares_all_without_training(folder, capsys):
    for guidance in ("p", "tg", "p_plus_tg"):
        assert main(["rerank", "--guidance", guidance, "--json"]) == 0
        content = json.loads(capsys.readouterr().out)
        assert "regression" not in content
    assert main(["rerank", "--layer-choice", "mean", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["regression"]["of"] == 12
    assert main(["show", "g001_c02"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "P, or the later accuracy as probes teach it from P, TG (crossed) and size" in text
    assert " accuracy predicted from 12 probes (error" in text
    assert f"probe {read_json(folder / RECORD)['probe']['accuracy']:.3f} after 8 epo" in text
    assert main(["show", "g001_c03"]) == 0
    assert "probe " not in capsys.readouterr().out


def test_tables_say_what_rewards_are(folder, capsys):
    """Six probes teach nothing yet; the rewards are P, which is said."""
    assert main(["leaderboard"]) == 0
    assert "\naccuracy predicted from 12 probes (error" in capsys.readouterr().out
    for path in (folder / "generation_001").iterdir():
        path.unlink()
    assert main(["leaderboard"]) == 0
    assert "\nP, as fewer than 8 probes have an accuracy\n" in capsys.readouterr().out


def test_a_run_without_probes_cannot_be_ranked_by_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "results/search/run-1", [[build_record("g000_c00", GENOTYPES[0])]])
    assert main(["rerank", "--guidance", "learned"]) == 1
    expected = "Error: guidance: 'learned' needs 8 probes, run run-1 has fewer; let it"
    assert capsys.readouterr().err.startswith(expected)
    old = build_record("g000_c00", GENOTYPES[0], untrained=None)
    with pytest.raises(UserError, match="guidance: 'learned' needs TG at epoch 0"):
        build_entry(old, LEARNED, {})
