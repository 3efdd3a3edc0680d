"""One bit anywhere in the results changes, and their dates do not: no run gives another number."""

import json
import random

import pytest
from support.ledger import flip, list_results

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]

TRIES = 200
FAST = 1  # the others take an hour


def lose_result(toy):
    (toy.folder / "results/best_cell.json").unlink()


def train_otherwise(toy):
    toy.config["final"]["label_smoothing"] = 0.2


def search_longer(toy):
    toy.config["search"]["generations"] += 1


CHANGES = [lose_result, train_otherwise, search_longer]


@pytest.fixture(scope="module")
def expected(tmp_path_factory, build_toy, finished, comparable):
    """What the run goes on to, by the change; each is made when it is first asked for."""
    known = {}

    def get(change):
        if change not in known:
            toy = build_toy(tmp_path_factory.mktemp("expected"))
            toy.copy_results(finished)
            change(toy)
            toy.run()
            known[change] = comparable(toy.read("results/best_cell.json"))
        return known[change]

    return get


@pytest.mark.parametrize(
    "number",
    [n if n < FAST else pytest.param(n, marks=pytest.mark.slow) for n in range(TRIES)],
)
def test_no_flipped_bit_gives_another_result(toy, finished, comparable, expected, number):
    drawn = random.Random(number)
    toy.copy_results(finished)
    path, *_ = flip(drawn, list_results(toy.folder))
    change = drawn.choice(CHANGES)
    change(toy)
    result = toy.folder / "results/best_cell.json"
    before = result.read_bytes() if result.is_file() else None
    found = toy.run(check=False)
    if found.returncode:
        errors = [line for line in found.stdout.splitlines() if line.startswith("Error: ")]
        assert errors, f"{path}: {found.stdout[-3000:]}"
        assert "Traceback" not in found.stdout
        assert (result.read_bytes() if result.is_file() else None) == before
    else:
        assert comparable(json.loads(result.read_text())) == expected(change), path
