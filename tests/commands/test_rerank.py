"""Ranking a run in another way: ranks by hand, agreement against counting pairs and ranks."""

import json
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import rankdata, zscore
from support.run_folders import build_record, build_search, draw, write_run

from tgas_neuro.__main__ import main
from tgas_neuro.commands.rerank import calc_agreement
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import build_entry

GENOTYPES = draw(9)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """By P + 2 TG: c01, c00, c02; by TG of the paper's layer choice: c02, c00, c01."""
    monkeypatch.chdir(tmp_path)
    values = [(0.5, 0.2, 0.4), (0.9, 0.1, 0.1), (0.1, 0.3, 0.9)]
    records = [
        build_record(f"g000_c{k:02d}", GENOTYPES[k], P=P, crossed=crossed, paper=paper)
        for k, (P, crossed, paper) in enumerate(values)
    ]
    records.append(build_record("g000_c03", GENOTYPES[3], "diverged"))
    return write_run(tmp_path / "results/search/run-1", [records], build_search(candidates=4))


def test_ranks_by_hand(run, capsys):
    assert main(["rerank", "run-1", "--guidance", "tg", "--layer-choice", "paper"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "ranked by TG (paper); it was P + 2 x TG (crossed)"
    assert lines[6] == "no room for: hash (--csv has all columns)"
    assert [line.split()[:4] for line in lines[3:6]] == [
        ["1", "3", "g000_c02", "0.900"],
        ["2", "2", "g000_c00", "0.400"],
        ["3", "1", "g000_c01", "0.100"],
    ]
    assert lines[7] == "agreement of the rankings of 3 candidates: Spearman -1.000, Kendall -1.000"
    assert lines[8] == "best: g000_c02, reward 0.900; it was g000_c01"


def test_alpha_alone(run, capsys):
    """At alpha 6: 0.5 + 1.2, 0.9 + 0.6, 0.1 + 1.8."""
    assert main(["rerank", str(run), "--alpha", "6", "--n", "2", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert [(row["id"], row["was"]) for row in content["leaderboard"]] == [
        ("g000_c02", 3),
        ("g000_c00", 2),
    ]
    assert content["leaderboard"][0]["reward"] == pytest.approx(1.9)
    assert (content["before"]["alpha"], content["after"]["alpha"]) == (2.0, 6.0)
    assert content["after"]["guidance"] == "p_plus_tg"
    assert content["agreement"]["spearman"] == pytest.approx(-1)


def test_by_z_scores_and_the_mean_over_layers(tmp_path, monkeypatch, capsys):
    """The candidate with the highest P has the least of TG, in which candidates hardly differ."""
    monkeypatch.chdir(tmp_path)
    values = [(0.9, 0.30), (0.1, 0.33), (0.5, 0.34), (0.6, 0.33), (0.4, 0.31)]
    records = [
        build_record(f"g000_c{k:02d}", GENOTYPES[k], P=P, paper=paper)
        for k, (P, paper) in enumerate(values)
    ]
    write_run(tmp_path / "results/search/run-1", [records], build_search(candidates=5))
    arguments = ["rerank", "--layer-choice", "mean", "--scale", "standardised", "--alpha", "1"]
    assert main([*arguments, "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    P, paper = np.array(values).T
    expected = zscore(P) + zscore(0.5 * paper + 0.1)  # layers of 0.1 and paper, ceiling 0.5
    best = np.argsort(-expected)
    assert [row["id"] for row in content["leaderboard"]] == [f"g000_c{k:02d}" for k in best]
    assert [row["reward"] for row in content["leaderboard"]] == pytest.approx(expected[best])
    assert content["leaderboard"][0]["id"] != "g000_c00"
    assert content["after"]["scale"] == "standardised" and "scale" not in content["before"]
    assert main(arguments) == 0
    assert "z-scores over 5 candidates: P 0.500 ± 0.261, TG 0.261 ± 0.007" in (
        capsys.readouterr().out
    )


def test_nothing_is_written(run, capsys):
    before = {path: path.read_bytes() for path in run.rglob("*.json")}
    main(["rerank", "--guidance", "macs"])
    assert {path: path.read_bytes() for path in run.rglob("*.json")} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--guidance", "size"], "Error: guidance: 'size' is not one of: p_plus_tg, p, tg"),
        (["--alpha", "-1"], "Error: alpha: -1.0; expected a number of at least 0"),
        (["--scale", "log"], "Error: scale: 'log' is not one of: raw, standardised"),
        (["--layer-choice", "best"], "Error: layer_choice: 'best' is not one of: crossed"),
    ],
)
def test_mistakes_are_one_line(run, capsys, options, message):
    assert main(["rerank", *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert error.count("\n") == 1


def test_a_run_without_epoch_zero(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    records = [build_record("g000_c00", GENOTYPES[0], untrained=None)]
    write_run(tmp_path / "results/search/run-1", [records])
    assert main(["rerank", "--guidance", "tg_epoch0"]) == 1
    assert "does not hold; run the search with search.untrained: true" in capsys.readouterr().err
    assert main(["rerank", "--guidance", "tg"]) == 0
    assert "agreement of the rankings: not defined for these 1" in capsys.readouterr().out


def test_before_anything_has_finished(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path / "results/search/run-1", [[None]], finished=False)
    assert main(["rerank", "--guidance", "tg"]) == 0
    assert "no candidate has finished yet" in capsys.readouterr().out


def test_agreement_is_that_of_ranks_and_pairs():
    """Spearman: Pearson of average ranks. Kendall's tau-b: pairs, with ties in either."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, 9) / 5, rng.integers(0, 4, 9) / 4
    entries = [
        [
            build_entry(build_record(f"g000_c{k:02d}", GENOTYPES[k], P=float(v)), Rating("p"), {})
            for k, v in enumerate(values)
        ]
        for values in (x, y)
    ]
    found = calc_agreement(entries[0], entries[1][::-1])
    assert found["n"] == 9
    assert found["spearman"] == pytest.approx(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
    signs = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in combinations(range(9), 2)]
    a, b = np.array(signs).T
    assert found["kendall"] == pytest.approx((a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()))
    flat = [entries[0][0], entries[0][0]]
    assert calc_agreement(flat, flat)["spearman"] is None
    assert calc_agreement([], [])["n"] == 0
