"""One bit anywhere in the results changes, and their dates do not: no run gives another number."""

import json
import os
import random

import pytest

pytestmark = pytest.mark.workflow

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


def flip(drawn, folder):
    """Flip one bit of a file and keep its date; the file."""
    files = sorted(path for path in (folder / "results").rglob("*") if path.is_file())
    path = drawn.choice([path for path in files if path.stat().st_size])
    content, times = bytearray(path.read_bytes()), path.stat()
    content[drawn.randrange(len(content))] ^= 1 << drawn.randrange(8)
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return path


@pytest.mark.parametrize(
    "number",
    [n if n < FAST else pytest.param(n, marks=pytest.mark.slow) for n in range(TRIES)],
)
def test_no_flipped_bit_gives_another_result(toy, finished, comparable, expected, number):
    drawn = random.Random(number)
    toy.copy_results(finished)
    path = flip(drawn, toy.folder)
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
