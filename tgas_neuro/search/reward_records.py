"""What the JSON files of a search hold about rewards: how they are made, and from what."""

from typing import NotRequired, TypedDict

from tgas_neuro.scoring.layers import LayerChoice


class AlphaContent(TypedDict):
    """A weight of TG that changes over the training; see `FallingAlpha` of the configuration."""

    start: float
    end: float


class RatingContent(TypedDict):
    """How candidates are ranked; see `tgas_neuro.search.guidance.Rating`.

    A scale that is missing is ``raw``.
    """

    guidance: str
    alpha: float | AlphaContent
    layer_choice: LayerChoice
    scale: NotRequired[str]


class Spread(TypedDict):
    """Mean of a measure over candidates, and its standard deviation (of the population)."""

    mean: float
    deviation: float


class Standardisation(TypedDict):
    """What z-scores of P and TG refer to: `of` so many candidates."""

    P: Spread
    TG: Spread
    of: int


class Feature(Spread):
    """A measure in the regression: its weight [accuracy per deviation] and range over probes.

    Mean and deviation are those of all trained candidates.
    """

    weight: float
    lowest: float
    highest: float


class Model(TypedDict):
    """One of the regressions that are averaged.

    It expects z(P) + `weight_of_TG` * z(TG); `features` may deviate from that. `share` is its
    weight in the average.
    """

    weight_of_TG: float
    features: str
    penalty: float
    share: float


class Regression(TypedDict):
    """What probes taught; see `tgas_neuro.search.learned.fit_regression`."""

    of: int
    intercept: float
    features: dict[str, Feature]
    models: list[Model]
    error: float
    error_of_P: float


class RewardBasis(TypedDict, total=False):
    """What rewards that depend on other candidates were calculated from."""

    standardisation: Standardisation | None
    regression: Regression | None
