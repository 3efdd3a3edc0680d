"""`load_run`: the candidates and networks of a run, and files that were changed afterwards."""

import shutil

import numpy as np
import pytest
import torch
from support.run_folders import build_record, draw, write_run

import tgas_neuro as tgas
from tgas_neuro.final.evaluation.named import load_named_network
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import write_entry
from tgas_neuro.search.history import find_best
from tgas_neuro.search.runs import load_run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A search of two generations; the last one has a failure, a duplicate and one to come."""
    monkeypatch.chdir(tmp_path)
    genotypes = draw(6)
    generations = [
        [build_record(f"g000_c0{k}", genotypes[k], P=0.2 + 0.1 * k) for k in range(3)],
        [
            build_record("g001_c00", genotypes[3], state="diverged"),
            build_record("g001_c01", genotypes[1], state="duplicate", original="g000_c01"),
            None,
        ],
    ]
    return write_run(tmp_path / "results/search/cell_random-1", generations, finished=False)


def test_a_row_for_each_candidate(folder):
    run = tgas.load_run("results/search/cell_random-1")
    frame = run.to_frame()
    assert list(frame["id"]) == ["g000_c00", "g000_c01", "g000_c02", "g001_c00", "g001_c01"]
    assert list(frame["state"]) == ["ok"] * 3 + ["diverged", "duplicate"]
    assert list(frame["original"])[-1] == "g000_c01"
    rewards = [0.2 + 2 * 0.2, 0.3 + 2 * 0.2, 0.4 + 2 * 0.2, np.nan, 0.3 + 2 * 0.2]  # alpha is 2
    np.testing.assert_allclose(frame["reward"], rewards)
    np.testing.assert_allclose(frame["TG_IT"], [0.2, 0.2, 0.2, np.nan, 0.2])
    assert list(frame["params"]) == [10] * 5 and list(frame["images_seen"]) == [7] * 5
    assert run.best == find_best(load_run(folder).list_entries()) and run.best.id == "g000_c02"
    assert repr(run).splitlines() == [
        "<Run cell_random-1>",
        "    search: 1 diverged, 1 duplicate, 3 ok; best g000_c02, reward 0.800",
    ]


def test_a_file_that_was_changed_is_refused(folder):
    path = folder / "generation_000/candidate_01.json"
    write_entry(path.relative_to(folder.parents[2]), "candidate")
    assert len(tgas.load_run(folder).to_frame()) == 5
    path.write_text(path.read_text().replace("0.3", "0.9"))
    with pytest.raises(UserError, match=r"candidate_01.json: was changed after the rule candidate"):
        tgas.load_run(folder)


def test_changed_weights_of_a_candidate_are_refused(folder):
    weights = folder / "weights/g000_c01.pt"
    weights.parent.mkdir()
    weights.write_bytes(b"trained")
    write_entry(weights.relative_to(folder.parents[2]), "candidate")
    weights.write_bytes(b"trainee")
    record = "results/search/cell_random-1/generation_000/candidate_01.json"
    message = rf"g000_c01.pt: was changed after the rule candidate .*rm -r '{record}' && tgas run"
    with pytest.raises(UserError, match=message):
        tgas.load_run(folder).network("g000_c01")


def test_what_is_missing_is_said(folder, tmp_path):
    run = tgas.load_run(folder)
    with pytest.raises(UserError, match="a search has no final training of its own"):
        run.network()
    with pytest.raises(UserError, match=r"its weights were not kept; search with search\.keep_"):
        run.network("g000_c00")
    with pytest.raises(UserError, match="'g001_c00': is diverged, without weights"):
        run.network("g001_c00")
    with pytest.raises(UserError, match="'g001_c02': has not finished in this run"):
        run.network("g001_c02")
    with pytest.raises(UserError, match="'g007_c00': not in run cell_random-1"):
        run.network("g007_c00")
    with pytest.raises(UserError, match="its teacher is not known; name it"):
        run.teacher  # noqa: B018
    with pytest.raises(UserError, match="no run is there; expected results/search/<run>"):
        tgas.load_run(tmp_path / "elsewhere")


def test_another_version_is_noted_and_no_network_of_it_is_built(folder):
    path, lines = folder / "generation_000/candidate_01.json", []
    record = read_json(path)
    record["provenance"]["results_version"] = 3
    write_json(path, record)
    run = tgas.load_run(folder, report=lines.append)
    (line,) = lines
    assert "has candidates of version 3 of the results, this is" in line
    assert len(run.to_frame()) == 5
    with pytest.raises(UserError, match=r"'g000_c01': of version 3 of the results; this one, "):
        run.network("g000_c01")


@pytest.mark.parametrize(
    "name, content",
    [
        ("generation_000/candidate_01.json", {}),
        ("generation_000/history.json", {"entries": [{}]}),
        ("generation_001/proposals.json", []),
    ],
)
def test_files_of_another_form_are_one_line(folder, name, content):
    write_json(folder / name, content)
    with pytest.raises(UserError, match=r"not a search of this version .*; search again") as raised:
        tgas.load_run(folder)
    assert "\n" not in str(raised.value)


def test_what_changes_after_loading_does_not_matter(folder):
    run = tgas.load_run(folder)
    before = run.to_frame()
    path = folder / "generation_000/candidate_01.json"
    path.write_text(path.read_text().replace('"seconds": 1.5', '"seconds": 99'))
    assert run.to_frame().equals(before)


def test_what_is_no_folder_or_no_result(folder, tmp_path):
    for wrong in (None, 3):
        with pytest.raises(UserError, match=f"folder: {wrong}; expected the path of a run"):
            tgas.load_run(wrong)
    with pytest.raises(UserError, match="candidate 'g000': not in run"):
        tgas.load_run(folder).network("g000")
    with pytest.raises(UserError, match="candidate '0': not in run"):
        tgas.load_run(folder).network(0)
    write_json(tmp_path / "results/final/run/metrics.json", {})
    run = tgas.load_run("results/final/run")
    with pytest.raises(UserError, match=r"metrics\.json: key 'top1' is missing"):
        run.network()


def test_no_candidate_has_a_reward(tmp_path):
    (genotype,) = draw(1)
    records = [[build_record("g000_c00", genotype, state="crashed"), None, None]]
    run = tgas.load_run(write_run(tmp_path / "run", records, finished=False))
    assert run.to_frame()["reward"].isna().all()
    with pytest.raises(UserError, match=r"no candidate has a reward yet \(1 crashed\)"):
        run.best  # noqa: B018


@pytest.mark.workflow
def test_a_finished_run(finished, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # from anywhere
    results = finished.folder / "results"
    run, content = tgas.load_run(results), read_json(results / "best_cell.json")
    assert run.best_cell == content and run.best.id == content["id"]
    assert run.best.reward == content["reward"] and run.final["top1"] == content["final"]["top1"]
    assert len(run.to_frame()) == 6 and "simulated or toy" in repr(run)
    (final,) = (results / "final").iterdir()
    network, x = run.network(), torch.rand(2, 3, 16, 16)
    expected = load_named_network(str(final), None).network
    with torch.inference_mode():
        assert torch.equal(network(x), expected(x))
        assert torch.equal(tgas.load_run(final).network()(x), expected(x))
    search = tgas.load_run(results / "search" / content["search"]["name"])
    assert search.to_frame().equals(run.to_frame())
    regions = run.teacher.at(16).regions
    for name, region in search.teacher.at(16).regions.items():
        assert region.attrs["ceiling"] == content["teacher"]["regions"][name]["ceiling"]
        np.testing.assert_array_equal(region["rdm"].values, regions[name]["rdm"].values)


@pytest.mark.workflow
def test_changed_weights_are_refused(finished, tmp_path):
    shutil.copytree(finished.folder / "results", tmp_path / "results", symlinks=True)
    (final,) = (tmp_path / "results/final").iterdir()
    weights = torch.load(final / "weights.pt", weights_only=True)
    weights["linear.bias"] += 1
    torch.save(weights, final / "weights.pt")
    with pytest.raises(UserError, match=r"weights.pt: was changed after the rule final wrote it"):
        tgas.load_run(tmp_path / "results/best_cell.json").network()
    for name in ("weights.pt", "metrics.json", "work/job.json"):
        shutil.rmtree(final)
        shutil.copytree(next((finished.folder / "results/final").iterdir()), final)
        load_named_network(str(final), None)
        path = final / name
        path.write_bytes(path.read_bytes()[:-1] + b" ")
        with pytest.raises(UserError, match=rf"{name}: was changed after the rule final wrote it"):
            load_named_network(str(final), None)
