"""Rewards that depend on other candidates: z-scores against scipy, and what a proposal knew."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import zscore
from support.run_folders import DIGESTS, build_record, build_search, draw, write_run

from tgas_neuro.config.premature import Premature
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.search.best import make_best
from tgas_neuro.search.generation import describe_history, make_history, make_proposals
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, build_entry, find_best
from tgas_neuro.search.rewards import FEWEST_CANDIDATES, calc_standardisation, rate_together
from tgas_neuro.search.runs import load_run
from tgas_neuro.search.runs.reuse import list_reused_files, make_reused
from tgas_neuro.search.runs.status import describe_record

SEARCH = build_search(scale="standardised", strategy="tpe", candidates=5)
RATING = Rating.from_search(SEARCH)  # alpha 2
GENOTYPES = draw(12)
P = [0.6, 0.1, 0.4, 0.45, 0.2, 0.3, 0.35]
TG = [0.10, 0.16, 0.15, 0.17, 0.11, 0.12, 0.13]


def build_records(first=0, last=7, generation=0):
    return [
        build_record(f"g{generation:03d}_c{k - first:02d}", GENOTYPES[k], P=P[k], crossed=TG[k])
        for k in range(first, last)
    ]


def build_entries(records, rating=RATING):
    return [build_entry(record, rating, {}) for record in records]


def test_rewards_are_z_scores_over_those_that_have_both():
    """Failures, and a duplicate with the values of its original, count for nobody's z-score."""
    entries = build_entries(build_records())
    failed = build_entry(build_record("g000_c07", GENOTYPES[7], "diverged"), RATING, {})
    same = replace(entries[3], id="g000_c08", state="duplicate", original="g000_c03")
    rated, basis = rate_together([failed, *entries, same], RATING)
    expected = zscore(P) + 2 * zscore(TG)
    assert [entry.reward for entry in rated[1:-1]] == pytest.approx(expected)
    assert (rated[0].reward, rated[-1].reward) == (None, rated[4].reward)
    assert (find_best(rated).id, find_best(entries).id) == ("g000_c03", "g000_c00")
    assert basis["standardisation"]["of"] == 7
    assert basis["standardisation"]["P"]["deviation"] == pytest.approx(np.std(P))


def test_too_few_candidates_are_rated_as_measured():
    entries = build_entries(build_records(last=FEWEST_CANDIDATES))
    rated, basis = rate_together(entries[:-1], RATING)
    assert basis == {"standardisation": None}
    assert [entry.reward for entry in rated] == pytest.approx(
        [p + 2 * t for p, t in zip(P[:4], TG, strict=False)]
    )
    assert rate_together(entries, RATING)[1]["standardisation"]["of"] == FEWEST_CANDIDATES


def test_a_measure_in_which_candidates_do_not_differ_counts_for_nothing():
    records = [build_record(f"g000_c0{k}", GENOTYPES[k], P=P[k]) for k in range(6)]
    rated, basis = rate_together(build_entries(records), RATING)
    assert [entry.reward for entry in rated] == pytest.approx(zscore(P[:6]))
    assert basis["standardisation"]["TG"]["deviation"] == 0


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 2)), min_size=5, max_size=30))
def test_z_scores_do_not_depend_on_units_or_order(measured):
    found = calc_standardisation(measured)
    again = calc_standardisation([(100 * p + 3, t / 7 - 2) for p, t in measured[::-1]])
    for name, factor, shift in (("P", 100, 3), ("TG", 1 / 7, -2)):
        assert again[name]["mean"] == pytest.approx(factor * found[name]["mean"] + shift, abs=1e-9)
        expected = factor * found[name]["deviation"]
        assert again[name]["deviation"] == pytest.approx(expected, abs=1e-9)


def test_other_ratings_know_nothing_of_the_others():
    for rating in (Rating(), Rating("p", scale="standardised"), Rating("tg")):
        entries = build_entries(build_records(), rating)
        assert rate_together(entries, rating) == (entries, {})
    content = build_entries(build_records(), Rating())[0].to_json()
    assert "rung_measures" not in content and "scale" not in Rating().to_json()
    assert Rating.read(RATING.to_json()) == RATING
    assert RATING.describe() == "z(P) + 2 x z(TG) (crossed)"


@pytest.fixture
def folder(tmp_path):
    """Five candidates, then two more."""
    records = [build_records(0, 5), build_records(5, 7, 1)]
    return write_run(tmp_path / "results/search/run-1", records, SEARCH)


def test_a_proposal_knows_its_history_alone(folder):
    """The rewards of the first five are others once there are seven."""
    first, second = (
        read_json(folder / f"generation_00{number}/history.json") for number in range(2)
    )
    for content, n in ((first, 5), (second, 7)):
        rewards = [entry["reward"] for entry in content["entries"]]
        assert rewards == pytest.approx(zscore(P[:n]) + 2 * zscore(TG[:n]))
        assert (content["scale"], content["standardisation"]["of"]) == ("standardised", n)
    proposals = read_json(folder / "generation_001/proposals.json")
    assert proposals["best"] == first["best"]
    assert proposals["standardisation"] == first["standardisation"]
    assert describe_history(second).endswith(
        "z-scores over 7 candidates: P 0.343 ± 0.152, TG 0.134 ± 0.024"
    )
    entries = [Entry.from_json(entry) for entry in second["entries"]]
    assert [entry.to_json() for entry in entries] == second["entries"]


def test_the_best_is_that_of_all_finished_candidates(folder):
    paths = sorted(folder.glob("generation_*/candidate_*.json"))
    best = make_best(folder / "generation_001/history.json", paths, "run-1")
    assert (best["id"], best["scale"]) == ("g000_c03", "standardised")
    assert best["reward"] == pytest.approx((zscore(P) + 2 * zscore(TG))[3])
    assert best["standardisation"]["of"] == 7
    run = load_run(folder)
    assert run.list_entries() == run.rate(RATING)
    line = describe_record(read_json(paths[0]), RATING, folder)
    assert f"reward {(zscore(P) + 2 * zscore(TG))[0]:.3f}  best so far" in line
    assert line.endswith(f"best so far {best['reward']:.3f} (g000_c03)")


def test_reused_candidates_are_known(folder, tmp_path):
    """Two own candidates are rated among seven; the best may be a reused one."""
    older = write_run(tmp_path / "old-1", [build_records(0, 5)])
    files = list_reused_files([older], tmp_path / "reused.json")
    reused = tmp_path / "reused.json"
    write_json(reused, make_reused(files, SEARCH, DIGESTS))
    paths = [tmp_path / f"{k}.json" for k in range(2)]
    for path, record in zip(paths, build_records(5, 7), strict=True):
        write_json(path, record)
    history = make_history(0, None, paths, SEARCH, DIGESTS, reused)
    expected = zscore(P) + 2 * zscore(TG)
    assert [entry["reward"] for entry in history["entries"]] == pytest.approx(expected[5:])
    write_json(tmp_path / "history.json", history)
    best = make_best(tmp_path / "history.json", paths, "run", reused)
    assert best["id"] == history["best"]["id"] == "old-1/g000_c03"
    assert best["reward"] == pytest.approx(expected[3])


def test_rungs_of_a_run_are_standardised(tmp_path):
    """From the records' rungs through the history to the thresholds of the next generation."""
    rungs = [
        [{"epoch": 0.5, "P": P[k], "TG": {"crossed": TG[k], "paper": 0, "mean": 0}}]
        for k in range(5)
    ]
    records = [
        build_record(f"g000_c{k:02d}", GENOTYPES[k], "stopped" if k else "ok", rungs=rungs[k])
        for k in range(5)
    ]
    write_run(tmp_path, [records], SEARCH)
    premature = Premature(data={"kind": "simulated"}, rungs=[0.5])
    history = tmp_path / "generation_000/history.json"
    (found,) = make_proposals(1, history, [], SEARCH, {}, premature)["rungs"]
    expected = sorted(zscore(P[:5]) + 2 * zscore(TG[:5]))[2]
    assert (found["of"], found["threshold"]) == (5, pytest.approx(expected))
