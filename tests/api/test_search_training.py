"""`search` with images and a teacher: the records of the workflow, made in this process."""

from multiprocessing.context import SpawnContext

import numpy as np
import pytest
import torch
from support.run_folders import DIGESTS, build_search

import tgas_neuro as tgas
from tgas_neuro.config.premature import Premature
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.candidate import child, find_proposal, make_record
from tgas_neuro.search.generation import make_proposals

BLOCKS = {"cell": {"blocks": 2}}
TRAINING = {
    "image_size": 16,
    "network": {"filters": 2, "cells_per_stage": 1, "stages": 1},
    "device": "cpu",
}
IMAGES = {"kind": "simulated", "images_per_class": 10}


def silent(line):
    pass


@pytest.fixture(scope="module")
def teacher(small):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(small)
        return tgas.load_teacher(data={"IT": "simulated"}, splits=3, report=silent)


def train(teacher, premature=TRAINING, **options):
    return tgas.search(
        "cell",
        images=IMAGES,
        teacher=teacher,
        strategy="random",
        generations=1,
        candidates=2,
        seed=4,
        premature=premature,
        report=silent,
        **BLOCKS,
        **options,
    )


def test_records_are_those_of_a_child_process(teacher, monkeypatch):
    threads, mode = torch.get_num_threads(), torch.get_deterministic_debug_mode()
    study = train(teacher, keep_weights=True)
    assert (torch.get_num_threads(), torch.get_deterministic_debug_mode()) == (threads, mode)
    search = build_search(strategy="random", seed=4, alpha=1.0, candidates=2, **BLOCKS)
    proposals = make_proposals(0, None, [], search, DIGESTS)
    premature = Premature(**{"data": IMAGES, **TRAINING})
    proposal = find_proposal(proposals, "g000_c01")
    # a process in which torch has threads, as this one after other tests, cannot be forked
    monkeypatch.setattr(child, "ForkContext", SpawnContext)
    record = make_record(proposal, [], search, premature, study._trainer.inputs, None, {})
    found = study.record("g000_c01")
    for key in set(record) - {"cost", "dates"}:
        assert found[key] == record[key], (key, record["message"])
    assert record["state"] == "ok", record["message"]
    entry = study.entries[1]
    assert entry.reward == found["premature"]["accuracy"] + found["teacher"]["TG"]["crossed"]
    frame = study.to_frame()
    n_params = record["complexity"]["params"]
    assert frame["params"][1] == n_params and frame["images_seen"][1] == 64
    network = study.network("g000_c01")
    assert not network.training and sum(p.numel() for p in network.parameters()) == n_params


def test_a_training_that_diverges_is_a_result(teacher):
    study = train(teacher, TRAINING | {"learning_rate": 1e30})
    assert set(study.to_frame()["state"]) == {"diverged"}
    assert study.to_frame()["reward"].isna().all()


def test_limits_that_need_a_process_are_refused(teacher):
    with pytest.raises(UserError, match=r"limits\.seconds: 5\.0; a candidate that trains in this"):
        train(teacher, limits={"seconds": 5})
    study = train(teacher, limits={"params": 10})
    assert set(study.to_frame()["state"]) == {"oversized"}
    with pytest.raises(UserError, match="weights were not kept"):
        study.network("g000_c00")


@pytest.mark.workflow
def test_records_are_those_of_a_run(finished, monkeypatch):
    monkeypatch.chdir(finished.folder)
    config, records = finished.config, finished.read_records()
    seed = config["search"]["seed"]
    study = tgas.search(
        "cell",
        images=config["premature"]["data"],
        teacher=tgas.load_teacher("config.yaml", seed=seed, report=silent),
        strategy="tpe",
        generations=2,
        candidates=3,
        seed=seed,
        premature={key: config["premature"][key] for key in ("image_size", "network")},
        report=silent,
        **BLOCKS,
    )
    assert sorted(study._records) == sorted(records)
    for name, record in records.items():
        for key in set(record) - {"cost", "dates", "provenance"}:
            assert study.record(name)[key] == record[key], (name, key)
    assert study.best.id == finished.read("results/best_cell.json")["id"]
    assert np.isfinite(study.to_frame()["TG_IT"]).all()
