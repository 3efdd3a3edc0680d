"""Guidance: by which of its measures a candidate is ranked, and the reward that follows.

The mode of the paper is P + alpha * TG. The others are what it has to be compared with: either
part alone, size alone ("bigger is better"), and TG of the same network before its training. Every
candidate record holds all measures, so one run can be ranked by any of them. Rewards that depend
on other candidates as well are made in `tgas_neuro.search.rewards`.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

from tgas_neuro.config.search import FallingAlpha, Search
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.scoring.layers import (
    LAYER_CHOICES,
    LayerChoice,
)
from tgas_neuro.search.reward_records import RatingContent, Spread, Standardisation

SCALES = ("raw", "standardised")


@dataclass(frozen=True)
class Measures:
    """What a candidate can be ranked by.

    Attributes
    ----------
    P
        Accuracy after the short training, in [0, 1].
    TG
        Teacher guidance of the trained network; None where it was not measured.
    TG_untrained
        TG of the same network before its first training step; None where it was not measured.
    params, macs
        Parameters, and multiply-adds for one image.
    """

    P: float
    TG: float | None
    TG_untrained: float | None
    params: int
    macs: int


def calc_reward(P: float, TG: float, alpha: float) -> float:
    """Reward = P + alpha * TG (Bashivan, Tensen & DiCarlo 2019, section 3)."""
    return P + alpha * TG


def calc_z_score(value: float, spread: Spread) -> float:
    """Deviations of a value from the mean; 0 where candidates do not differ."""
    deviation = spread["deviation"]
    return (value - spread["mean"]) / deviation if deviation > 0 else 0.0


def _take_both(measures: Measures, alpha: float) -> float | None:
    return None if measures.TG is None else calc_reward(measures.P, measures.TG, alpha)


def _take_accuracy(measures: Measures, alpha: float) -> float:
    return measures.P


def _take_guidance(measures: Measures, alpha: float) -> float | None:
    return measures.TG


def _take_params(measures: Measures, alpha: float) -> float:
    return math.log10(measures.params)


def _take_macs(measures: Measures, alpha: float) -> float:
    return math.log10(measures.macs)


def _take_untrained(measures: Measures, alpha: float) -> float | None:
    return measures.TG_untrained


# Sizes count by their logarithm. The ranks are the same, and a strategy that learns from the
# rewards gets numbers like those of the other modes.
GUIDANCES = {
    "p_plus_tg": _take_both,
    "p": _take_accuracy,
    "tg": _take_guidance,
    "params": _take_params,
    "macs": _take_macs,
    "tg_epoch0": _take_untrained,
    "learned": _take_accuracy,  # by itself and at rungs; see rewards.py for all together
}
FORMULAS = {
    "standardised": "z(P) + {weight} x z(TG) ({layer_choice})",
    "p_plus_tg": "P + {weight} x TG ({layer_choice})",
    "p": "P",
    "tg": "TG ({layer_choice})",
    "params": "log10 of the parameters",
    "macs": "log10 of the multiply-adds",
    "tg_epoch0": "TG at epoch 0 ({layer_choice})",
    "learned": "P, or the later accuracy as probes teach it from P, TG ({layer_choice}) and size",
}
# Modes that need TG of the network in training: at a rung only these measure it.
TRAINED_GUIDANCES = ("p_plus_tg", "tg")


@dataclass(frozen=True)
class Rating:
    """How the candidates of a run are ranked.

    Attributes
    ----------
    guidance
        A key of `GUIDANCES`.
    alpha
        Weight of TG, at least 0; only ``p_plus_tg`` uses it. A `FallingAlpha` has one for each
        share of the training.
    layer_choice
        Which TG of a record counts, one of `LAYER_CHOICES`.
    scale
        Whether ``p_plus_tg`` adds P and TG (``raw``) or their z-scores (``standardised``).

    Raises
    ------
    UserError
        A mode, layer choice or scale that does not exist, or an alpha that is negative or not
        finite.
    """

    guidance: str = "p_plus_tg"
    alpha: float | FallingAlpha = 1.0
    layer_choice: LayerChoice = "crossed"
    scale: str = "raw"

    def __post_init__(self) -> None:
        check_choice("guidance", self.guidance, GUIDANCES)
        check_choice("layer_choice", self.layer_choice, LAYER_CHOICES)
        check_choice("scale", self.scale, SCALES)
        if isinstance(self.alpha, FallingAlpha):
            return
        if not (math.isfinite(self.alpha) and self.alpha >= 0):
            raise UserError(f"alpha: {self.alpha!r}; expected a number of at least 0")

    @classmethod
    def read(cls, content: RatingContent) -> "Rating":
        """From a file of the search."""
        alpha: float | FallingAlpha | Any = content["alpha"]
        if isinstance(alpha, dict):
            alpha = FallingAlpha(**alpha)
        scale = content.get("scale", "raw")
        return cls(content["guidance"], alpha, content["layer_choice"], scale)

    @classmethod
    def from_search(cls, search: Search) -> "Rating":
        """From the section ``search`` of a configuration."""
        return cls(search.guidance, search.alpha, search.layer_choice, search.scale)

    @property
    def standardises(self) -> bool:
        """Whether rewards are made of z-scores over the known candidates."""
        return self.guidance == "p_plus_tg" and self.scale == "standardised"

    @property
    def compares(self) -> bool:
        """Whether the reward of a candidate depends on the others that are known."""
        return self.standardises or self.guidance == "learned"

    def to_json(self) -> RatingContent:
        """The rating as JSON content, keys as in the section ``search``."""
        alpha = self.alpha
        content: RatingContent = {
            "guidance": self.guidance,
            "alpha": (
                {"start": alpha.start, "end": alpha.end}
                if isinstance(alpha, FallingAlpha)
                else alpha
            ),
            "layer_choice": self.layer_choice,
        }
        return content if self.scale == "raw" else {**content, "scale": self.scale}

    def describe(self) -> str:
        """The formula of the reward, for people: ``P + 2 x TG (crossed)``."""
        name = "standardised" if self.standardises else self.guidance
        weight = f"{self.calc_alpha(1.0):g}"
        if isinstance(self.alpha, FallingAlpha):
            weight = f"{self.alpha.start:g} to {weight}"
        return FORMULAS[name].format(weight=weight, layer_choice=self.layer_choice)

    def calc_alpha(self, share: float) -> float:
        """The weight of TG after this share of the training, in [0, 1]."""
        alpha = self.alpha
        return alpha.calc_weight(share) if isinstance(alpha, FallingAlpha) else alpha

    def rate(
        self,
        measures: Measures,
        standardisation: Standardisation | None = None,
        share: float = 1.0,
    ) -> float | None:
        """The reward; None where TG has no value, as for a network that is dead at epoch 0.

        Parameters
        ----------
        measures
            Of the candidate.
        standardisation
            What z-scores refer to, where the rating `standardises`; None rates P and TG as they
            were measured.
        share
            Of the training, after which they were measured; 1 is its end.
        """
        if standardisation is not None and measures.TG is not None:
            measures = replace(
                measures,
                P=calc_z_score(measures.P, standardisation["P"]),
                TG=calc_z_score(measures.TG, standardisation["TG"]),
            )
        return GUIDANCES[self.guidance](measures, self.calc_alpha(share))
