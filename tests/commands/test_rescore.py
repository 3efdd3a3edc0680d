"""Rescoring: the records' own TG from kept weights, another teacher as scored by hand, resuming."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from support.run_folders import build_record, build_search, write_run
from support.small_teacher import build_region

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.__main__ import main
from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.commands.rescore import load_plan
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import forget_entry, write_entry
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.search.candidate import Inputs
from tgas_neuro.search.candidate.evaluation import evaluate_candidate
from tgas_neuro.search.runs import rescored
from tgas_neuro.teacher.teacher import Teacher, write_teacher

SIZE, CLASSES, N_IMAGES, N_STIMULI = 8, 4, 40, 16
CONFIG = {
    "recordings": {"regions": {"IT": {"datasets": ["simulated"]}}},
    "teacher": {"stimuli": {"size": SIZE, "visual_degrees": 8}},
    "search": {"cell": {"blocks": 2}, "alpha": 2.0},
    "premature": {
        "data": {"kind": "simulated", "images_per_class": 24},
        "image_size": SIZE,
        "network": {"filters": 2, "cells_per_stage": 1, "stages": 1},
        "batch_size": 12,
    },
    "final": {"data": {"kind": "simulated", "images_per_class": 24}},
}
GENOTYPES = [SPACES["cell"](blocks=2).sample(np.random.default_rng(k)) for k in (3, 4)]


@pytest.fixture(scope="module", autouse=True)
def keep_settings_of_torch():
    threads = torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(threads)


def write_teacher_folder(folder, seed, comparison="spearman", channels=3):
    rng = np.random.default_rng(seed)
    responses = rng.normal(size=(N_STIMULI, 9))
    images = rng.integers(0, 256, (N_STIMULI, SIZE, SIZE, channels))
    teacher = Teacher({"IT": build_region(responses, images, comparison)}, {})
    write_teacher(folder / "teacher.nc", teacher)
    write_ranks(folder / "ranks", teacher)


def list_inputs(folder, teacher):
    place = folder / "results/teacher" / teacher
    return Inputs(folder / "images", place / "teacher.nc", place / "ranks")


@pytest.fixture(scope="module")
def working(tmp_path_factory):
    """Two candidates, trained by the search's own evaluation, that kept their weights; teachers."""
    folder, rng = tmp_path_factory.mktemp("working"), np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        plan = load_plan([])
    for name, seed in (("own", 1), ("other", 2)):
        write_teacher_folder(folder / "results/teacher" / name, seed)
    labels = np.arange(N_IMAGES) % CLASSES
    (folder / "images").mkdir()
    pixels = rng.integers(0, 256, (N_IMAGES, SIZE, SIZE, 3)).astype(np.uint8)
    np.save(folder / "images/images.npy", pixels)
    np.save(folder / "images/labels.npy", labels)
    write_json(folder / "images/classes.json", {"classes": list("abcd"), "digest": "of them"})
    run, premature = folder / "results/search/run-1", plan.config.premature
    skeleton = build_skeleton(premature, CLASSES)
    records = []
    for k, genotype in enumerate(GENOTYPES):
        evaluation = evaluate_candidate(
            genotype,
            skeleton,
            list_inputs(folder, "own"),
            premature,
            plan.config.search.scoring,
            0,
            run / f"weights/g000_c{k:02d}.pt",
        )
        record = build_record(f"g000_c{k:02d}", genotype, digests=plan.digests)
        records.append(record | {key: evaluation[key] for key in ("premature", "teacher")})
    again = build_record("g001_c00", GENOTYPES[0], "duplicate", original="g000_c00")
    write_run(run, [records, [again]], build_search(candidates=2), plan.digests)
    return folder


@pytest.fixture
def place(working, monkeypatch):
    """The working directory, without scores from before."""
    monkeypatch.chdir(working)
    run = working / "results/search/run-1"
    yield run
    for path in run.glob("rescored_*"):
        path.unlink()


def rescore(*arguments, run="run-1", teacher="other"):
    return main(["rescore", "--run", str(run), "--teacher", str(teacher), *arguments])


def read_scores(place, teacher="other"):
    return read_json(place / f"rescored_{teacher}.json")["scores"]


def read_record(place, number=0):
    return read_json(place / f"generation_000/candidate_{number:02d}.json")


def test_the_own_teacher_gives_exactly_what_the_records_hold(place):
    assert rescore(teacher="own") == 0
    scores = read_scores(place, "own")
    assert list(scores) == ["g000_c00", "g000_c01"]  # the duplicate is its original
    for number, name in enumerate(scores):
        score = {key: scores[name][key] for key in ("TG", "regions")}
        assert score == read_record(place, number)["teacher"]


def test_another_teacher_as_the_search_would_have_scored_it(place, working):
    """The same training under the other teacher, from the beginning."""
    assert rescore() == 0
    premature = load_plan([]).config.premature
    skeleton = build_skeleton(premature, CLASSES)
    evaluation = evaluate_candidate(
        GENOTYPES[1],
        skeleton,
        list_inputs(working, "other"),
        premature,
        load_plan([]).config.search.scoring,
        0,
    )
    score = read_scores(place)["g000_c01"]
    assert {key: score[key] for key in ("TG", "regions")} == evaluation["teacher"]
    assert score["TG"] != read_record(place, 1)["teacher"]["TG"]


def test_ranks_and_what_is_said(place, capsys):
    """By P + 2 TG, worked out from records and scores."""
    assert rescore("--json", teacher="results/teacher/other") == 0
    content = json.loads(capsys.readouterr().out)
    scores, records = read_scores(place), [read_record(place, k) for k in (0, 1)]
    P = {record["id"]: record["premature"]["accuracy"] for record in records}
    TG = {name: score["TG"]["crossed"] for name, score in scores.items()}
    rewards = {name: P[name] + 2 * TG[name] for name in P}
    own = {r["id"]: P[r["id"]] + 2 * r["teacher"]["TG"]["crossed"] for r in records}
    rank = {name: 1 + k for k, name in enumerate(sorted(rewards, key=rewards.get, reverse=True))}
    was = {name: 1 + k for k, name in enumerate(sorted(own, key=own.get, reverse=True))}
    assert content["leaderboard"] == [
        {
            "rank": rank[name],
            "was": was[name],
            "id": name,
            "reward": pytest.approx(rewards[name]),
            "P": P[name],
            "TG": TG[name],
        }
        for name in rank
    ]
    assert (content["run"], content["teacher"], content["alpha"]) == ("run-1", "other", 2.0)
    assert content["agreement"]["n"] == 2
    assert rescore("--alpha", "0", "--layer-choice", "paper", "--n", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run run-1, teacher other"
    assert lines[1].startswith("ranked by P + 0 x TG (paper); ")
    first = max(P, key=P.get)
    assert lines[3].split()[2:5] == [first, f"{P[first]:.3f}", f"{P[first]:.3f}"]
    assert lines[-1] == "written to results/search/run-1/rescored_other.json"


def test_what_is_scored_is_not_scored_again(place, capsys, monkeypatch):
    path = place / "rescored_other.json"
    rescore()
    whole = path.read_text()
    broken = json.loads(whole)
    del broken["scores"]["g000_c01"]
    write_json(path, broken)  # as a rescoring leaves it that was killed after the first candidate
    capsys.readouterr()
    assert rescore() == 0
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == ["g000_c01"]
    assert path.read_text() == whole
    monkeypatch.setattr(rescored.Rescorer, "score", None)  # not called
    assert rescore() == 0
    assert capsys.readouterr().err == ""


def test_another_teacher_file_of_the_same_name_is_scored_anew(place, capsys, tmp_path):
    write_teacher_folder(tmp_path / "made_again", 5)
    rescore(teacher=tmp_path / "made_again")
    before = read_scores(place, "made_again")
    write_teacher_folder(tmp_path / "made_again", 6)
    rescore(teacher=tmp_path / "made_again")
    after = read_scores(place, "made_again")
    assert before.keys() == after.keys()
    assert all(before[name]["TG"] != after[name]["TG"] for name in after)


def test_a_network_that_tells_no_stimuli_apart_has_no_reward(place, capsys, tmp_path):
    write_teacher_folder(tmp_path / "grey", 7)
    with xr.open_dataset(tmp_path / "grey/teacher.nc", group="IT") as region:
        region = region.load()
    region["images"][:] = 128
    write_teacher(tmp_path / "grey/teacher.nc", Teacher({"IT": region}, {}))
    assert rescore(teacher=tmp_path / "grey") == 0
    found = capsys.readouterr()
    assert "g000_c00: TG none" in found.err
    assert "no complete candidate has a reward yet (2 diverged)" in found.out


def test_nothing_but_its_file_is_written(place, working):
    before = {p: p.read_bytes() for p in (working / "results").rglob("*") if p.is_file()}
    rescore()
    after = {p: p.read_bytes() for p in (working / "results").rglob("*") if p.is_file()}
    assert after.keys() - before.keys() == {place / "rescored_other.json"}
    assert {path: after[path] for path in before} == before


def complain(capsys, *arguments, **names):
    assert rescore(*arguments, **names) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def complain_last(capsys):
    """The first candidate is scored before the second is found to be wrong."""
    assert rescore() == 1
    return capsys.readouterr().err.splitlines()[-1]


def test_teachers_that_do_not_do(place, capsys, tmp_path):
    error = complain(capsys, teacher="oter")
    assert error.startswith("Error: teacher 'oter': no teacher.nc there; in results/teacher: other")
    write_teacher_folder(tmp_path / "grey", 7, channels=1)
    error = complain(capsys, teacher=tmp_path / "grey")
    assert "images of region IT have 1 channels, the candidates' networks take 3" in error
    write_teacher_folder(tmp_path / "unranked", 7)
    (tmp_path / "unranked/ranks").rename(tmp_path / "elsewhere")
    error = complain(capsys, teacher=tmp_path / "unranked")
    assert f"{tmp_path}/unranked/ranks: the teacher's ranks are missing" in error
    assert "snakemake --cores 2 teacher_ranks" in error


def test_weights_that_do_not_do(place, capsys):
    path = place / "weights/g000_c01.pt"
    whole = path.read_bytes()
    inside = path.absolute().relative_to(Path.cwd())
    write_entry(inside, "candidate")
    try:
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        error = complain_last(capsys)
        assert f"{inside}: was changed after the rule candidate wrote it" in error
        assert error.endswith("generation_000/candidate_01.json'")
        forget_entry(inside)
        path.write_bytes(whole[: len(whole) // 2])
        assert f"{path}: not readable as weights".removeprefix(f"{place}/") in complain_last(capsys)
        path.write_bytes((place / "weights/g000_c00.pt").read_bytes())
        assert "not the weights of candidate g000_c01" in complain_last(capsys)
        path.unlink()
        assert complain(capsys).startswith(
            "Error: run run-1: the weights of 1 of 2 candidates were not kept (g000_c01 is the "
            "first); search with search.keep_weights: true"
        )
    finally:
        path.write_bytes(whole)


def test_the_configuration_of_the_run_is_asked_for(place, capsys, tmp_path):
    other = tmp_path / "other.yaml"
    for section, key in (
        ({"premature": {"epochs": 3}}, "premature"),
        ({"search": {"scoring": {"spatial_mean": True}}}, "search.scoring"),
    ):
        other.write_text(yaml.safe_dump(section))
        error = complain(capsys, "--configfile", str(other))
        assert f"config.yaml, {other}: {key} is not that of run run-1" in error
    other.write_text("- a list")
    assert f"{other}: expected keys with values" in complain(capsys, "--configfile", str(other))
    # what does not matter to scores may differ
    other.write_text(yaml.safe_dump({"search": {"strategy": "random", "alpha": 0.5}}))
    assert rescore("--configfile", str(other)) == 0


def test_older_results_and_empty_runs(place, capsys, tmp_path):
    record = read_record(place)
    run = write_run(tmp_path / "old", [[record]], build_search(candidates=1))
    record["provenance"]["results_version"] = RESULTS_VERSION - 1
    write_json(run / "generation_000/candidate_00.json", record)
    (run / "weights").mkdir()
    (run / "weights/g000_c00.pt").touch()
    error = complain(capsys, run=run)
    assert f"have results version {RESULTS_VERSION - 1}, this is {RESULTS_VERSION}" in error
    failed = build_record("g000_c00", GENOTYPES[0], "timeout")
    run = write_run(tmp_path / "failed", [[failed]], build_search(candidates=1))
    assert "run failed: no candidate has a TG yet" in complain(capsys, run=run)
