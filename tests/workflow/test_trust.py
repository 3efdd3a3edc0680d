"""What was changed with its date kept ends a run in one line, and no other result is written."""

import json

import pytest
from support.ledger import rewrite


def raise_accuracy(content):
    record = json.loads(content)
    record["premature"]["accuracy"] = 0.99
    return json.dumps(record).encode()


def flip_last_byte(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(
    "pattern, how, rule",
    [
        ("results/search/*/generation_000/candidate_01.json", raise_accuracy, "candidate"),
        ("results/teacher/*/teacher.nc", flip_last_byte, "teacher"),
        ("results/images/*/train_*/labels.npy", flip_last_byte, "images_decoded"),
    ],
)
def test_a_longer_search_does_not_go_on_from_changed_results(finished, toy, pattern, how, rule):
    toy.copy_results(finished)
    (path,) = toy.folder.glob(pattern)
    rewrite(path, how(path.read_bytes()))
    before = (toy.folder / "results/best_cell.json").read_bytes()
    toy.config["search"]["generations"] += 1
    found = toy.run(check=False)
    assert found.returncode == 1
    inside = path.relative_to(toy.folder)
    errors = [line for line in found.stdout.splitlines() if line.startswith(f"Error: {inside}: ")]
    assert errors
    assert f"was changed after the rule {rule} wrote it" in errors[0]
    assert f"rm -r '{inside}'" in errors[0]
    assert (toy.folder / "results/best_cell.json").read_bytes() == before
    path.unlink()  # what the message says
    assert toy.run().returncode == 0
    assert toy.read("results/best_cell.json")["search"]["evaluated"] == 9
