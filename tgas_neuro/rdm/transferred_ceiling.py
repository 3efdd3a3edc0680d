"""The noise ceiling of an RDM of stimuli that were not repeated, from others that were."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm.distances import normalise_patterns
from tgas_neuro.rdm.noise_ceiling import NoiseCeiling, calc_noise_ceiling
from tgas_neuro.rdm.reliability import bin_pairs, correlate_pairs
from tgas_neuro.rdm.repetitions import (
    Repetitions,
    average_repetitions,
    draw_split,
    index_repetitions,
    list_stimuli,
    standardise_sites,
)

REST_SPLITS = 10  # enough: with many presentations the ceiling of the rest is near 1


@dataclass(frozen=True)
class TransferredCeiling(NoiseCeiling):
    """Ceiling of an RDM of few presentations, measured on repeated stimuli of the same sites.

    Attributes
    ----------
    split_correlations
        Spearman's r between the RDM of so few presentations and that of the others, (split,).
    n_rows
        Repeated stimuli.
    rest
        Noise ceiling of the RDM of the others; None where they are as few as the first, one each.
    n_repeated
        Median number of presentations of a repeated stimulus.
    """

    rest: float | None = None
    n_repeated: float = float("nan")

    @property
    def reliability(self) -> float:
        """Reliability of the RDM of so few presentations, the square of its ceiling."""
        return self._calc_ceiling(self.split_half) ** 2

    def _calc_ceiling(self, r: float) -> float:
        r = max(r, 0.0) if r == r else r  # NaN stays
        return min(sqrt(r) if self.rest is None else r / self.rest, 1.0)


def calc_transferred_ceiling(
    repeated: Sequence[xr.DataArray],
    presentations: Sequence[np.ndarray],
    n_splits: int,
    generator: np.random.Generator,
    normalise: str = "zscore",
) -> TransferredCeiling:
    """Calculate the ceiling that an RDM has whose stimuli were presented a few times only.

    For every split, as many presentations of each repeated stimulus are drawn as a stimulus of the
    RDM has. Their RDM and the RDM of the others, each of z-scored sites, agree by Spearman's r. By
    attenuation (Spearman 1904) r = c * c_rest, with c the correlation of the first RDM with the
    noise-free one, which is its ceiling, and c_rest that of the others, which
    `calc_noise_ceiling` gives. So c = r / c_rest. With 30 presentations c_rest is near 1, and
    r itself is nearly the ceiling; the square root of r between two single presentations would be
    too high, because both weigh the sites by the same noisy deviations.

    It holds for the RDM of other stimuli if these are as varied as the repeated ones, and the
    noise of the sites is the same.

    Parameters
    ----------
    repeated
        An assembly for each data set, dims ("presentation", "neuroid"), of the same stimuli.
    presentations
        For each data set, how often each stimulus of the RDM was presented, (stimulus,).
    n_splits
        Number of random draws, at least 1.
    generator
        Draws them.
    normalise
        ``"zscore"`` (default) or ``"none"``, per site over rows.

    Returns
    -------
    ceiling
        Without a ceiling (NaN splits) where fewer than three stimuli are shown more often in all
        data sets than those of the RDM.
    """
    stimulus_ids = list_stimuli(repeated[0])
    row = np.arange(len(stimulus_ids))
    parts = [index_repetitions(part, stimulus_ids, row, torch.float32) for part in repeated]
    counts = [part.counts.numpy() for part in parts]
    least = [int(np.min(number)) for number in presentations]
    usable = np.all([m > n for m, n in zip(counts, least, strict=True)], axis=0)
    correlations = np.full(n_splits, np.nan)
    median = float(np.median(np.concatenate(counts)))
    if usable.sum() < 3:  # fewer have no two pairs to correlate
        return TransferredCeiling(correlations, int(usable.sum()), n_repeated=median)
    rows = torch.from_numpy(np.flatnonzero(usable))
    others: list[torch.Tensor] = []
    for split in range(n_splits):
        drawn = [
            draw_split(part, generator, _draw_sizes(m, n, generator))
            for part, m, n in zip(parts, counts, presentations, strict=True)
        ]
        few, others = (
            [_average(part, keep[side], rows) for part, keep in zip(parts, drawn, strict=True)]
            for side in (0, 1)
        )
        pair = (standardise_sites(torch.cat(part, dim=1), normalise) for part in (few, others))
        binned = (bin_pairs(normalise_patterns(responses), 0) for responses in pair)
        correlations[split] = correlate_pairs(*binned)[0]
    rest = None
    if all((keep[1].sum() > usable.sum()) for keep in drawn):  # the others can be split again
        found = calc_noise_ceiling(
            [
                part.isel(presentation=np.flatnonzero(keep[1].numpy()))
                for part, keep in zip(repeated, drawn, strict=True)
            ],
            min(n_splits, REST_SPLITS),
            generator,
            stimulus_ids=stimulus_ids,
            normalise=normalise,
        )
        assert isinstance(found, NoiseCeiling)  # no halves were passed
        rest = found.ceiling
    return TransferredCeiling(correlations, len(rows), rest=rest, n_repeated=median)


def _average(part: Repetitions, keep: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return average_repetitions(part, keep)[rows]


def _draw_sizes(
    counts: np.ndarray, presentations: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """How many presentations are drawn of each stimulus: as the RDM's have, and one is left."""
    drawn = generator.choice(np.asarray(presentations), size=len(counts))
    return np.clip(drawn, 1, np.maximum(counts - 1, 1))


class PublishedCeiling(NoiseCeiling):
    """Ceiling of an RDM from the published reliabilities of its sites.

    ``split_correlations`` hold the reliability of the RDM, which takes no splits.
    """

    @property
    def reliability(self) -> float:
        """Share of the RDM's variance that is not noise, the square of the ceiling."""
        return self.split_half

    def _calc_ceiling(self, r: float) -> float:
        return min(sqrt(max(r, 0.0)), 1.0) if r == r else r


def calc_published_ceiling(
    responses: torch.Tensor, reliability: np.ndarray, n_splits: int
) -> PublishedCeiling:
    """Calculate the ceiling of an RDM whose sites' reliabilities are known, without repetitions.

    A site of variance v and reliability r has a signal of variance r v and noise of (1 - r) v. If
    the noise of sites and stimuli is independent, the inner product of two patterns has the noise
    variance sum(v^2 (1 - r^2)), and their correlation that over sum(v)^2. The reliability of the
    RDM is one minus its share of the variance of all correlations, and the ceiling is the root
    (attenuation, Spearman 1904). Noise that sites share is missed: the ceiling is then too high.

    In simulations (signals of 4 and 20 dimensions, 100 and 400 stimuli, 20 to 500 sites) it is
    within 0.03 of the correlation with the noise-free RDM where the latter is above 0.7, and up to
    0.05 too high down to 0.5.

    Parameters
    ----------
    responses
        (row, neuroid), normalised as for the RDM of correlation distances.
    reliability
        (neuroid,), of responses as they are in the rows, in [-1, 1]; below 0 counts as 0.
    n_splits
        Length of ``split_correlations``.
    """
    n = len(responses)
    patterns = normalise_patterns(responses.to(torch.float64))
    if n < 3:
        return PublishedCeiling(np.full(n_splits, np.nan), n)
    # means over all pairs of the correlation and its square, without the pairs themselves
    products = patterns.T @ patterns if patterns.shape[1] < n else patterns @ patterns.T
    n_pairs = n * (n - 1)
    mean = (float(patterns.sum(dim=0).pow(2).sum()) - n) / n_pairs
    square = (float(products.pow(2).sum()) - n) / n_pairs
    variance = responses.to(torch.float64).var(dim=0, correction=0).numpy()
    noise = variance**2 * (1 - np.clip(reliability, 0, 1) ** 2)
    share = noise.sum() / variance.sum() ** 2 / (square - mean**2)
    return PublishedCeiling(np.full(n_splits, 1 - share), n)
