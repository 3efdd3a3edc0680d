"""The noise ceiling of an RDM, as `Recordings.ceiling` gives it."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Ceiling:
    """The noise ceiling of an RDM: the most that a noise-free model can reach against it.

    Attributes
    ----------
    value
        In (0, 1]; None where the recordings do not repeat themselves (r <= 0).
    interval
        2.5 and 97.5 percentile of the ceiling over the random splits, in [0, 1]. It is the spread
        over splits, not over stimuli.
    split_half
        Mean Spearman r between the RDMs of two halves of the repetitions, in [-1, 1].
    reliability
        Spearman-Brown corrected split-half reliability of the RDM, 2 r / (1 + r).
    halves
        The ceilings of the RDMs of the two crossed halves of the rows, None as for `value`.
    n_rows
        Rows of the RDM that could be split.
    """

    value: float | None
    interval: tuple[float, float]
    split_half: float
    reliability: float
    halves: tuple[float | None, float | None]
    n_rows: int

    def to_frame(self) -> pd.DataFrame:
        """One row; columns ``value``, ``low``, ``high``, ``split_half``, ``reliability``."""
        low, high = self.interval
        values = {"value": self.value, "low": low, "high": high}
        rest = {"split_half": self.split_half, "reliability": self.reliability}
        return pd.DataFrame([values | rest | {"n_rows": self.n_rows}])
