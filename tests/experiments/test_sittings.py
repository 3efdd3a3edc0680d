"""Sittings of an experiment: a table of some trainings, and the others later."""

import pandas as pd
import pytest

from tgas_neuro.experiments.options import check_experiment
from tgas_neuro.experiments.sittings import (
    collect_mature,
    count_other_trainings,
    digest_measurements,
    join_sittings,
    list_known,
    list_moments,
    read_earlier,
)
from tgas_neuro.experiments.table import build_table, write_table
from tgas_neuro.runtime.errors import UserError

PLANS = {"brain": "plan of the brain", "shuffled": "plan of the control"}
TRAININGS = [(number, 0) for number in range(12)] + [(number, 1) for number in range(10)]


@pytest.fixture
def digests(experiment):
    return digest_measurements(experiment, PLANS, 6)


@pytest.fixture
def cells():
    return [
        {"hash": f"{number:016d}", "mature": 0.5 + number / 30, "repetitions": 1 + (number < 10)}
        for number in range(12)
    ]


@pytest.fixture
def tabulate(cells, digests):
    """The table of some trainings; values follow from cell, repetition and step."""

    def build(trainings, steps=(0, 3, 6), diverged=()):
        records = [
            {
                "hash": cells[number]["hash"],
                "repetition": repetition,
                "complexity": {"params": 100 + number, "macs": 7},
                "steps": {
                    str(step): {"P": (number + 0.1 * repetition + step) / 31, "regions": {}}
                    for step in steps
                    if number not in diverged or step == 0
                },
            }
            for number, repetition in trainings
        ]
        teachers = {key: {"regions": ["V4"], "digest": one} for key, one in digests.items()}
        numbers = {cell["hash"]: number for number, cell in enumerate(cells)}
        mature = {cell["hash"]: cell["mature"] for cell in cells}
        return build_table(records, numbers, mature, steps, teachers)

    return build


@pytest.mark.parametrize(
    "first", [TRAININGS, TRAININGS[:5], TRAININGS[7:15], [(9, 1), (3, 0), (11, 0)], []]
)
@pytest.mark.parametrize("diverged", [(), (3,), (0, 3, 11)])
def test_two_sittings_are_one(tmp_path, experiment, digests, cells, tabulate, first, diverged):
    """To the digit: the table that is written has the same bytes."""
    path, whole = tmp_path / "first.csv.gz", tmp_path / "whole.csv.gz"
    write_table(path, tabulate(first, diverged=diverged))
    earlier = read_earlier(path, experiment, digests)
    assert list_known(earlier) == {training: [0, 3, 6] for training in first}
    left = [one for one in TRAININGS if one not in first]
    joined = join_sittings(earlier, tabulate(left, diverged=diverged), cells, path)
    write_table(tmp_path / "joined.csv.gz", joined)
    write_table(whole, tabulate(TRAININGS, diverged=diverged))
    assert (tmp_path / "joined.csv.gz").read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("diverged", [(), (1,), (2,)])
def test_a_training_goes_on_where_a_sitting_ended(
    tmp_path, experiment, digests, cells, tabulate, diverged
):
    """Steps that are known are measured for P alone, and kept as they were."""
    path, whole = tmp_path / "first.csv.gz", tmp_path / "whole.csv.gz"
    both = TRAININGS[:2], TRAININGS[2:]
    early = tabulate(both[0], steps=(0, 3), diverged=diverged)
    late = tabulate(both[1], steps=(3, 6), diverged=diverged)
    early, late = (rows.assign(mean=rows["P"] / 2) for rows in (early, late))
    table = pd.concat([early, late])
    write_table(path, table)
    earlier = read_earlier(path, experiment, digests)
    known = list_known(earlier)
    assert known == {one: [0, 3] for one in both[0]} | {one: [3, 6] for one in both[1]}
    made = tabulate(TRAININGS, diverged=diverged)  # no similarities at any step
    new = [one[2] not in known[one[:2]] for one in list_moments(made)]
    made["mean"] = (made["P"] / 2).where(new)
    assert count_other_trainings(earlier, made) == (0, len(TRAININGS))
    write_table(tmp_path / "joined.csv.gz", join_sittings(earlier, made, cells, path))
    at_once = tabulate(TRAININGS, diverged=diverged)
    write_table(whole, at_once.assign(mean=at_once["P"] / 2))
    assert (tmp_path / "joined.csv.gz").read_bytes() == whole.read_bytes()


def test_another_training_at_known_steps_is_counted(tmp_path, experiment, digests, tabulate):
    write_table(tmp_path / "a.csv", tabulate(TRAININGS[:5], steps=(0, 3), diverged=(4,)))
    earlier = read_earlier(tmp_path / "a.csv", experiment, digests)
    again = tabulate(TRAININGS[1:7], diverged=(4,))
    again.loc[(again["cell"] == 2) & (again["steps"] == 3), "P"] += 1e-9
    again.loc[(again["cell"] == 3) & (again["steps"] == 6), "P"] += 1.0  # not known
    assert count_other_trainings(earlier, again) == (1, 4)
    assert count_other_trainings(earlier, tabulate([])) == (0, 0)


def test_a_step_without_all_teachers_is_measured_again(tmp_path, experiment, digests, tabulate):
    whole = tabulate([(0, 0), (1, 0)])
    lost = (whole["cell"] == 0) & (whole["steps"] == 3) & (whole["teacher"] == "shuffled")
    write_table(tmp_path / "a.csv", whole[~lost])
    earlier = read_earlier(tmp_path / "a.csv", experiment, digests)
    assert list_known(earlier) == {(0, 0): [0, 6], (1, 0): [0, 3, 6]}


def test_steps_and_teachers_that_are_not_wanted_are_left_out(tmp_path, content, digests, tabulate):
    write_table(tmp_path / "a.csv", tabulate([(0, 0), (1, 0)]))
    content["training"]["steps"] = [0, 6]
    content["teachers"]["other"] = content["teachers"]["brain"]
    experiment = check_experiment(content, "a_test.yaml")
    del content["teachers"]["other"]
    earlier = read_earlier(tmp_path / "a.csv", experiment, digests)
    assert set(earlier["steps"]) == {0, 6} and len(earlier) == 2 * 2 * 2


def test_a_smaller_experiment_takes_its_part(tmp_path, experiment, digests, cells, tabulate):
    write_table(tmp_path / "a.csv", tabulate(TRAININGS))
    fewer = [cell | {"repetitions": 1} for cell in cells[:11]]
    earlier = read_earlier(tmp_path / "a.csv", experiment, digests)
    joined = join_sittings(earlier, tabulate([]), fewer, "a.csv")
    pd.testing.assert_frame_equal(joined, tabulate(TRAININGS[:11]), check_exact=True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("batch_size", 10),
        ("learning_rate", 0.01),
        ("image_size", 12),
        ("data", {"kind": "simulated", "images_per_class": 50}),
    ],
)
def test_other_trainings_are_refused(tmp_path, content, digests, tabulate, key, value):
    write_table(tmp_path / "a.csv", tabulate([(0, 0)]))
    content["training"]["premature"][key] = value
    experiment = check_experiment(content, "a_test.yaml")
    now = digest_measurements(experiment, PLANS, 6)
    with pytest.raises(UserError, match=r"a\.csv: teacher 'brain' was measured with another train"):
        read_earlier(tmp_path / "a.csv", experiment, now)


def test_what_decides_a_row(content, experiment, digests):
    """Steps below the last do not, nor other teachers; a teacher, the version, the last step do."""
    content["training"]["steps"] = [0, 2, 3, 6]
    more = digest_measurements(check_experiment(content, "a_test.yaml"), PLANS, 6)
    assert more == digests
    content["training"]["steps"] = [0, 3, 6, 9]
    longer = digest_measurements(check_experiment(content, "a_test.yaml"), PLANS, 6)
    assert longer["brain"] != digests["brain"]
    content["training"]["steps"] = [0, 3, 6]
    assert digest_measurements(experiment, {"brain": PLANS["brain"]}, 6) == {
        "brain": digests["brain"]
    }
    content["mature"]["steps"] = 30
    mature = digest_measurements(check_experiment(content, "a_test.yaml"), PLANS, 6)
    other = digest_measurements(experiment, PLANS | {"brain": "another"}, 6)
    newer = digest_measurements(experiment, PLANS, 7)
    assert len({one["brain"] for one in (digests, mature, other, newer)}) == 4
    assert other["shuffled"] == digests["shuffled"]


def test_other_cells_and_truths_are_refused(tmp_path, experiment, digests, cells, tabulate):
    write_table(tmp_path / "a.csv", tabulate([(0, 0), (4, 0)]))
    earlier = read_earlier(tmp_path / "a.csv", experiment, digests)
    other = [*cells[:4], cells[4] | {"hash": "f" * 16}, *cells[5:]]
    with pytest.raises(UserError, match=r"a\.csv: cell 4 is 0000000000000004, but .* draws ffff"):
        join_sittings(earlier, tabulate([]), other, "a.csv")
    other = [*cells[:4], cells[4] | {"mature": 0.25}, *cells[5:]]
    with pytest.raises(UserError, match=r"cell 4 has the mature accuracy 0\.6333.*says 0\.25"):
        join_sittings(earlier, tabulate([]), other, "a.csv")
    unknown = [cell | {"mature": None} for cell in cells]  # trained, not from a table
    assert len(join_sittings(earlier, tabulate([]), unknown, "a.csv")) == 2 * 3 * 2


def test_accuracies_of_earlier_sittings(tabulate, cells):
    cells[1]["mature"] = None
    found = collect_mature([tabulate([(0, 0), (1, 0)])], [{"hash": "a", "mature": None}])
    assert found == {cells[0]["hash"]: 0.5, cells[1]["hash"]: None, "a": None}
