"""The ladder of a candidate: at each rung it is measured, and goes on or is stopped early."""

from collections.abc import Callable
from typing import Any

from torch import nn

from tgas_neuro.search.guidance import TRAINED_GUIDANCES, Rating, build_measures


class Ladder:
    """Measures a candidate at its rungs, by what the run is guided by.

    Parameters
    ----------
    early_stop
        ``rungs``, each with its ``epoch``, ``threshold`` (None stops nobody) and ``of`` how many
        candidates it was made; ``rating``, ``complexity``. None is no rungs at all.
    untrained
        Score of the network before its training, or None.
    measure, score
        P and the score of the network at the moment.

    Attributes
    ----------
    epochs
        Of all rungs, ascending.
    reached
        The rungs that were reached: ``epoch``, ``P``, ``TG`` (None where the guidance needs none),
        ``value``, ``threshold``, ``of``.
    """

    def __init__(
        self,
        early_stop: dict[str, Any] | None,
        untrained: dict[str, Any] | None,
        measure: Callable[[], float],
        score: Callable[[], dict[str, Any]],
    ):
        early_stop = early_stop or {"rungs": [], "rating": {}, "complexity": None}
        self.rungs = {rung["epoch"]: rung for rung in early_stop["rungs"]}
        self.rating = Rating(**early_stop["rating"])
        self.known = {
            "complexity": early_stop["complexity"],
            "teacher_untrained": untrained,
        }
        self.measure, self.score = measure, score
        self.reached: list[dict[str, Any]] = []

    @property
    def epochs(self) -> list[float]:
        """Of all rungs."""
        return list(self.rungs)

    def go_on(self, epoch: float, network: nn.Module) -> bool:
        """Whether the candidate reaches the threshold of this rung."""
        P = self.measure()
        TG = self.score()["TG"] if self.rating.guidance in TRAINED_GUIDANCES else None
        value = self.rating.rate(build_measures(self.known, P, TG, self.rating))
        rung = self.rungs[epoch]
        self.reached.append(
            {
                "epoch": epoch,
                "P": P,
                "TG": TG,
                "value": value,
                "threshold": rung["threshold"],
                "of": rung["of"],
            }
        )
        return rung["threshold"] is None or (value is not None and value >= rung["threshold"])
