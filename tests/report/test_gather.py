"""The facts of runs that have not ended, beside the records that they come from."""

from dataclasses import replace

import pytest
from support.run_folders import build_record, draw, write_run
from support.shown_runs import build_generations, write_shown_run

from tgas_neuro.report.answers import list_answers
from tgas_neuro.report.gather import gather_facts
from tgas_neuro.runtime.errors import UserError


def answer(facts):
    return {one.part if one.question != "How far from the ceiling?" else "ceiling": one.text
            for one in list_answers(facts)}  # fmt: skip


def test_candidates_with_what_they_cost(facts):
    found = [(one.number, one.id, one.state, one.images_so_far) for one in facts.candidates]
    assert found == [
        (1, "g000_c00", "ok", 7), (2, "g000_c01", "ok", 14), (3, "g000_c02", "diverged", 21),
    ]  # fmt: skip
    best = facts.best
    assert (best.id, best.P, best.TG, best.TG_untrained) == ("g000_c00", 0.5, 0.3, 0.05)
    assert best.reward == pytest.approx(0.5 + 2 * 0.3)  # alpha 2
    assert (best.params, best.macs) == (1000, 20000)


def test_teacher_and_the_networks_beside_it(facts):
    (region,) = facts.teacher.regions
    assert (region.ceiling, region.ceiling_low, region.ceiling_high) == (0.5, 0.45, 0.55)
    assert (region.n_sites, region.n_stimuli, region.datasets) == (50, 12, ("cowley2023_v4",))
    assert (region.searched.raw, region.searched.corrected) == (0.15, 0.3)
    assert region.searched.layers == ("cell_0", "cell_1")
    assert region.untrained.corrected == 0.05
    assert region.final is None
    (layers,) = facts.maps
    assert layers.title == "g000_c00, after its short training"
    assert layers.chosen == {"IT": ["cell_0", "cell_1"]}


def test_answers_have_the_values_of_the_records(facts):
    texts = answer(facts)
    assert "IT from cowley2023_v4 (recorded, 50 sites, 12 stimuli)" in texts["teacher"]
    assert texts["teacher"].startswith("In part: images of the search: simulated; ")
    assert "4 generations of 6 candidates, proposed by tpe" in texts["configuration"]
    assert "P + 2 x TG (crossed)" in texts["configuration"]
    assert "g000_c00, reward 1.100, of 3 candidates: 1,000 parameters" in texts["candidates"]
    assert "20,000 multiply-adds" in texts["candidates"]
    assert "P of the best candidate so far is 50.0 % on 10 held-back" in texts["accuracy"]
    assert "(chance 10.0 %)" in texts["accuracy"]
    assert "0.300 of 1 after correction for noise (0.150 as measured" in texts["ceiling"]
    assert "ceiling 0.500" in texts["ceiling"]
    assert "P alone would have chosen g000_c00, too" in texts["search"]
    assert "TG before the training was 0.050" in texts["search"]
    assert texts["cost"] == "Search: 21 training images in 4.5 s."
    assert texts["failures"] == "1 of 3 candidates: 1 diverged."
    assert "Seed 0, version" in texts["repeat"]
    assert texts["cite"] == "The method, the software and cowley2023_v4."
    assert any("Cowley, Stan, Pillow, Smith (2023)" in one.text for one in facts.citations)
    assert len(list_answers(facts)) == 10


def test_p_alone_chooses_another(root):
    one, other = draw(2)
    records = [build_record("g000_c00", one, P=0.6, crossed=0.1),
               build_record("g000_c01", other, P=0.5, crossed=0.3)]  # fmt: skip
    facts = gather_facts(write_shown_run(root, [records]))
    assert (facts.best.id, facts.best_alone.id) == ("g000_c01", "g000_c00")
    expected = "P alone would have chosen g000_c00 (P 0.600, TG 0.100) in place of g000_c01"
    assert expected in answer(facts)["search"]


def test_half_way(root):
    """One candidate of three has finished, without a history."""
    records = build_generations()[0]
    facts = gather_facts(write_shown_run(root, [[records[0], None, None]], finished=False))
    assert facts.phase == ("searching: 1 of 3 candidates have finished (no workflow runs here now)")
    assert facts.finished is False
    assert "so far" in answer(facts)["candidates"]
    assert answer(facts)["failures"] == "No: 1 ok."


def test_a_search_that_has_ended_is_no_finished_run(facts):
    assert facts.phase == (
        "the search has ended, the final training has not (no workflow runs here now)"
    )


def test_nothing_has_finished(root):
    folder = write_shown_run(root, [[None, None, None]], finished=False)
    facts = gather_facts(folder)
    assert (facts.candidates, facts.best, facts.teacher) == ((), None, None)
    texts = answer(facts)
    assert texts["candidates"] == "None yet: none has finished."
    assert texts["failures"] == "No candidate has finished yet."
    assert texts["search"] == "Not known yet: no candidate has a reward."
    assert "The teacher is not known, or not there any more." in facts.missing


def test_all_failed(root):
    facts = gather_facts(
        write_shown_run(root, build_generations(("timeout", "diverged", "timeout")))
    )
    assert [(one.state, one.count) for one in facts.failures] == [("timeout", 2), ("diverged", 1)]
    assert facts.failures[0].reason == "timeout because"
    assert answer(facts)["failures"] == "3 of 3 candidates: 2 timeout and 1 diverged."
    assert (
        "no complete candidate has a reward (1 diverged, 2 timeout)" in answer(facts)["candidates"]
    )


def test_nothing_was_proposed(root):
    folder = root / "results/search/run-1"
    folder.mkdir(parents=True)
    with pytest.raises(UserError, match="nothing has been proposed there yet"):
        gather_facts(folder)


def test_a_changed_record_is_refused(root):
    folder = write_shown_run(root, build_generations())
    path = folder / "generation_000/candidate_00.json"
    path.write_text(path.read_text().replace('"accuracy": 0.5', '"accuracy": 0.9'))
    with pytest.raises(UserError, match="was changed after the rule candidate wrote it"):
        gather_facts(folder)


def test_a_run_of_an_earlier_version_has_no_configuration(root):
    """Its note names none, and the ledger knows nothing."""
    folder = write_run(root / "results/search/old", build_generations())
    facts = gather_facts(folder)
    assert facts.configuration is None
    assert any("configuration was not noted" in line for line in facts.missing)
    assert "Not known in all parts" in answer(facts)["teacher"]


def test_a_search_without_guidance_says_so(facts):
    rating = replace(facts.rating, guidance="p")
    assert answer(replace(facts, rating=rating))["search"] == (
        "This search was ranked by P, without TG of the teacher."
    )
