"""Rewards of told values that depend on the other candidates."""

import numpy as np
import pytest

import tgas_neuro as tgas


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
