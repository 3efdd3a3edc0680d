"""What was changed with its date kept ends a run in one line, and no other result is written."""

import json

import pytest
from support.ledger import rewrite

from tgas_neuro.commands.verify import walk_chain

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]


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


def test_weights_of_candidates_are_in_the_ledger(finished, toy):
    toy.copy_results(finished)
    toy.config["search"] |= {"keep_weights": True, "candidates_per_job": 2, "generations": 1}
    toy.run("--until", "candidates_00")
    (weights,) = toy.folder.glob("results/search/*/weights/g000_c01.pt")
    record = weights.parents[1] / "generation_000/candidate_01.json"
    inside = {str(path.relative_to(toy.folder)) for path in (record, weights)}
    record = str(record.relative_to(toy.folder))
    links = {link.path: link for link in walk_chain(toy.folder, record)}
    assert inside <= set(links) and not any(link.wrong for link in links.values())
    assert any(path.endswith("teacher.nc") for path in links)
    rewrite(weights, flip_last_byte(weights.read_bytes()))
    (wrong,) = (link for link in walk_chain(toy.folder, record) if link.wrong)
    assert wrong.path in inside - {record} and "holds something else" in wrong.wrong
