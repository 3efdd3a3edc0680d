"""The page as a file: whole, alone, and with every fact in it."""

import json
import re
from dataclasses import replace

import pytest
from support.run_folders import draw
from support.shown_runs import TEACHER

from tgas_neuro.report.answers import list_answers
from tgas_neuro.report.drawings import draw_candidates, draw_genotype
from tgas_neuro.report.explorer import build_explorer
from tgas_neuro.report.page import build_page
from tgas_neuro.report.words import count_words, format_time, join_words


@pytest.fixture
def page(facts, root):
    return build_page([facts], [build_explorer(root / TEACHER, None)])


def get_payload(page):
    (text,) = re.findall(r'<script type="application/json" id="payload">(.*?)</script>', page, re.S)
    return json.loads(text)


def test_it_names_no_other_file(page):
    """Nothing is loaded: no address in src, href or url( but data, and anchors."""
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.S)
    found = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)', markup)
    others = [a or b for a, b in found if not (a or b).startswith(("data:", "#"))]
    assert others == []
    assert "default-src 'none'" in page


def test_it_has_every_answer_and_candidate(page, facts):
    plain = page.replace("&#39;", "'").replace("&#34;", '"').replace("&amp;", "&")
    for one in list_answers(facts):
        assert one.text in plain and one.question in plain
    rows = get_payload(page)["runs"][0]["candidates"]
    assert [row["id"] for row in rows] == [one.id for one in facts.candidates]
    assert [row["best"] for row in rows] == [1.1, 1.1, 1.1]
    assert [row["reward"] for row in rows] == [1.1, pytest.approx(0.9), None]
    assert (
        "2 of 3 candidates are ranked by P + 2 x TG (crossed); the others are 1 diverged" in plain
    )


def test_runs_of_one_title_are_told_apart(facts):
    page = build_page([facts, replace(facts, name="run-2")], [None, None])
    assert [run["label"] for run in get_payload(page)["runs"]] == ["run-1 (run-1)", "run-1 (run-2)"]


def test_a_run_without_reward_has_no_winner(facts):
    failed = tuple(replace(one, reward=None, P=None, TG=None, state="timeout")
                   for one in facts.candidates)  # fmt: skip
    page = build_page([replace(facts, candidates=failed, best=None, best_alone=None)], [None])
    assert "No complete candidate has a reward" in page
    assert set(get_payload(page)["charts"]) == {"ceiling-1", "curve-1"}


def test_the_best_are_drawn_first_and_once(facts):
    one, other, third = draw(3)
    base = facts.candidates[0]
    many = [
        replace(base, number=1, genotype=one, hash=one.hash, reward=None),
        replace(base, number=2, genotype=other, hash=other.hash, reward=0.1),
        replace(base, number=3, genotype=third, hash=third.hash, reward=0.2),
        replace(base, number=4, genotype=third, hash=third.hash, reward=0.2),
    ]
    drawn, left_out = draw_candidates(many, 2)
    assert (list(drawn), left_out) == ([third.hash, other.hash], 1)
    assert drawn[other.hash] == draw_genotype(other)
    assert drawn[other.hash].startswith("<svg")


def test_words():
    assert count_words(1, "epoch") == "1 epoch"
    assert count_words(1280, "image") == "1,280 images"
    assert count_words(1281167, "image") == "1,281,167 images"
    assert join_words(["a", "b", "c"]) == "a, b and c"
    assert [format_time(s) for s in (4.5, 240.0, 7200.0, None)] == [
        "4.5 s", "4.0 min", "2.0 h", "a time that was not noted",
    ]  # fmt: skip
