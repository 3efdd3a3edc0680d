"""`verify` walks the chain of a result and names each link that does not hold."""

import json
import random
import shutil
from pathlib import Path

import pytest
from support.ledger import flip, list_results, rewrite

from tgas_neuro.__main__ import main
from tgas_neuro.commands.verify import walk_chain
from tgas_neuro.runtime.ledger import load_entry, write_entry

RESULT = "results/best_cell.json"


@pytest.fixture
def copied(finished, tmp_path, monkeypatch):
    """The results of a toy run, without Snakemake's notes."""
    shutil.copytree(finished.folder / "results", tmp_path / "results", symlinks=True)
    shutil.copytree(finished.folder / "neural_data", tmp_path / "neural_data", symlinks=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def list_wrong(folder, result=RESULT):
    return [link for link in walk_chain(folder, result) if link.wrong]


def test_a_finished_run_holds(copied, capsys):
    assert main(["verify"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok ") for line in lines[:-1])
    assert lines[-1] == f"{RESULT}: all {len(lines) - 1} links of its chain hold"
    said = "\n".join(lines)
    for part in ("assembly.nc", "teacher.nc", "candidate_00.json", "images.npy", "weights.pt"):
        assert part in said
    assert main(["verify", "--json", RESULT]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(lines) - 1


def test_every_changed_byte_behind_the_result_is_named(copied):
    drawn = random.Random(0)
    behind = {link.path for link in walk_chain(copied, RESULT)}
    files, named = list_results(copied), 0
    for _ in range(200):
        path, content, changed = flip(drawn, files)
        inside = path.relative_to(copied).as_posix()
        entry = inside.removeprefix("results/ledger/").removesuffix(".json")
        matters = entry in behind or any(f"{folder}/" in f"{inside}/" for folder in behind)
        wrong = list_wrong(copied)
        if matters and not inside.endswith(".snakemake_timestamp"):
            assert wrong or _is_blank(content, changed), inside
            named += bool(wrong)
        else:
            assert not wrong, inside  # no number of the result comes from it
        rewrite(path, content)
    assert named > 40
    assert not list_wrong(copied)


def _is_blank(content, changed):
    """Whether two texts of an entry of the ledger are the same JSON."""
    try:
        return json.loads(content) == json.loads(changed)
    except ValueError:
        return False


def test_what_was_made_again_or_is_gone(copied, capsys):
    (record, *_) = copied.glob("results/search/*/generation_000/candidate_00.json")
    record.unlink()
    assert main(["verify"]) == 1
    out = capsys.readouterr().out
    assert f"WRONG  {record.relative_to(copied)}  (is not there)" in out
    assert out.splitlines()[-1].startswith(f"{RESULT}: 1 of ")


def test_a_source_that_was_made_again(copied):
    """With the same content, cost aside, the link holds; with another it does not."""
    (path, *_) = copied.glob("results/search/*/generation_000/candidate_00.json")
    inside, record = path.relative_to(copied).as_posix(), json.loads(path.read_text())
    entry = load_entry(inside)
    for key, value, holds in (("cost", {"seconds": 99.0}, True), ("state", "crashed", False)):
        path.write_text(json.dumps(record | {key: value}))
        write_entry(inside, entry.rule, entry.params, entry.sources)
        wrong = list_wrong(copied)
        assert bool(wrong) is not holds
        assert all(link.wrong == f"{inside} was made again since" for link in wrong)


def test_a_root_that_is_not_that_of_the_file(copied):
    path = copied / RESULT
    content = json.loads(path.read_text())
    content["digests"]["chain"] = "0" * 64
    path.write_text(json.dumps(content))
    assert {link.path for link in list_wrong(copied)} == {RESULT, f"{RESULT}: digests.chain"}


def test_results_without_a_ledger(copied, capsys):
    shutil.rmtree(copied / "results/ledger")
    assert main(["verify"]) == 1
    assert "the ledger has no entry of it" in capsys.readouterr().out


def test_what_is_no_result(copied, capsys):
    Path("config.yaml").touch()
    assert main(["verify", "config.yaml"]) == 1
    assert "config.yaml: does not lie below a folder results" in capsys.readouterr().err
    assert main(["verify", "results/absent.json"]) == 1
    assert "results/absent.json: no such file" in capsys.readouterr().err
