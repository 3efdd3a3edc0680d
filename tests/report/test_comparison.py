"""Several runs side by side: what differs, and what must not be compared."""

from dataclasses import replace

import pytest

from tgas_neuro.report.comparison import compare_runs, list_differences, list_warnings
from tgas_neuro.report.facts import FinalFacts


def train(facts, top1, interval, images="ab", **changes):
    """The facts of a run that has been trained to this accuracy."""
    metrics = {
        "top1": top1, "top5": 0.9, "top1_interval": list(interval), "n_images": 100,
        "n_classes": 4, "params": 5000, "macs": 90000,
        "digests": {"validation_images": images},
    }  # fmt: skip
    final = FinalFacts("results/final/x", metrics, 0.3, (), "toy")
    return replace(facts, final=final, finished=True, **changes)


def get_row(comparison, name):
    return dict(comparison.rows)[name]


def test_results_beside_each_other(facts):
    runs = [train(facts, 0.5, (0.4, 0.6)), facts]
    found = compare_runs(runs, ["one", "other"])
    assert get_row(found, "top-1") == ["50.0 % (40.0 % to 60.0 %)", "–"]
    assert get_row(found, "chance") == ["25.0 %", "–"]
    assert get_row(found, "its P") == ["0.500", "0.500"]
    assert get_row(found, "cost of the search") == ["21 images, 4.5 s"] * 2
    assert get_row(found, "failures") == ["1", "1"]
    assert found.lines == []  # one has no accuracy
    assert found.settings == []


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ((0.1, 0.3), "Top-1 of one is above that of other: the intervals are apart."),
        ((0.7, 0.8), "Top-1 of other is above that of one: the intervals are apart."),
        ((0.5, 0.8), "Top-1 of one and of other: the intervals overlap, so that these images do "
         "not tell them apart."),
    ],
)  # fmt: skip
def test_what_the_intervals_say(facts, other, expected):
    runs = [train(facts, 0.5, (0.4, 0.6)), train(facts, sum(other) / 2, other)]
    assert compare_runs(runs, ["one", "other"]).lines[0] == expected


def test_other_images_are_not_compared(facts):
    runs = [train(facts, 0.5, (0.4, 0.6)), train(facts, 0.9, (0.8, 0.95), images="cd")]
    found = compare_runs(runs, ["one", "other"])
    assert found.warnings == ["Top-1 was measured on different images: do not compare it."]
    assert found.lines == []


def test_other_versions_teachers_and_rewards_are_named(facts):
    teacher = replace(facts.teacher, name="another")
    rating = replace(facts.rating, alpha=0.0)
    lines = list_warnings(
        [facts, replace(facts, results_version=1, teacher=teacher, rating=rating)]
    )
    assert [line.split(":")[0] for line in lines] == [
        "Their results are of different versions",
        "Their teachers differ",
        "They rank candidates in different ways",
    ]
    specs = compare_runs([facts, replace(facts, rating=rating)], ["one", "other"]).specs
    assert "curve-all" not in specs and "ceiling-all" in specs


def test_settings_that_differ(facts):
    config = facts.configuration
    changed = config.model_copy(
        update={"search": config.search.model_copy(update={"seed": 7, "alpha": 0.0})}
    )
    found = dict(list_differences([facts, replace(facts, configuration=changed)]))
    assert found == {"search.seed": ["0", "7"], "search.alpha": ["1.0", "0.0"]}
