"""Rewards that depend on the other candidates: of told values, and learned from probes."""

import numpy as np
import pytest

import tgas_neuro as tgas
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import build_entry
from tgas_neuro.search.rewards import rate_together

TRAINING = {
    "image_size": 16,
    "network": {"filters": 2, "cells_per_stage": 1, "stages": 1},
    "device": "cpu",
}


def silent(line):
    pass


@pytest.mark.parametrize("guidance", [None, "p_plus_tg"])
def test_standardised_rewards_of_told_values(guidance):
    """Also where the first value chooses the guidance; the fifth candidate makes z-scores."""
    options = {"alpha": 0.5, "candidates": 5, "scale": "standardised"}
    study = tgas.search("chain", strategy="random", guidance=guidance, **options)
    values = [(0.1, 0.5), (0.3, 0.2), (0.2, 0.3), (0.5, 0.1), (0.4, 0.4)]
    for candidate, (P, TG) in zip(study.ask(), values, strict=True):
        entry = study.tell(candidate, {"P": P, "TG": TG})
    P, TG = np.array(values).T
    expected = (P - P.mean()) / P.std() + 0.5 * (TG - TG.mean()) / TG.std()
    assert study.to_frame()["reward"].tolist() == pytest.approx(expected.tolist())
    assert entry.reward == pytest.approx(expected[-1])
    assert study.best.reward == pytest.approx(expected.max())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"guidance": "learned"}, "guidance: 'learned' needs candidates that are trained on; give"),
        ({"alpha": {"start": 2, "end": 1}}, "alpha: changes over the rungs of a training; give"),
        ({"scale": "log"}, "search: scale: 'log' is not one of: raw, standardised"),
    ],
)
def test_what_needs_a_training_is_refused_without_one(options, message):
    with pytest.raises(UserError, match=message):
        tgas.search("chain", **options)


def test_learned_rewards_of_a_search_that_trains(small, monkeypatch):
    monkeypatch.chdir(small)
    teacher = tgas.load_teacher(data={"IT": "simulated"}, splits=3, report=silent)
    options = {
        "images": {"kind": "simulated", "images_per_class": 10},
        "teacher": teacher,
        "strategy": "random",
        "guidance": "learned",
        "layer_choice": "mean",
        "cell": {"blocks": 1},
        "report": silent,
    }
    with pytest.raises(UserError, match=r"search: premature\.probes: is missing; "):
        tgas.search("cell", **options, premature=TRAINING)
    training = TRAINING | {"probes": {"share": 1, "epochs": 2}}
    study = tgas.search("cell", **options, premature=training, generations=2, candidates=6)
    rating = Rating("learned", layer_choice="mean")
    records = [study.record(entry.id) for entry in study.entries if entry.original is None]
    entries = [build_entry(record, rating, {}) for record in records]
    expected, basis = rate_together(entries, rating)
    assert basis["regression"]["of"] == len(records) >= 8
    assert [e for e in study.entries if e.original is None] == expected
    record = records[0]
    assert record["probe"]["epochs"] == 2
    assert record["cost"]["images_seen"] == 2 * 64  # an epoch has 72 images, which are two steps
