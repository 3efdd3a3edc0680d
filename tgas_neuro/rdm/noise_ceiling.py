"""The noise ceiling of a measured RDM: the most that a noise-free model can reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm.distances import normalise_patterns
from tgas_neuro.rdm.reliability import bin_pairs, correlate_pairs
from tgas_neuro.rdm.repetitions import (
    Repetitions,
    average_repetitions,
    draw_split,
    index_repetitions,
    list_stimuli,
    standardise_sites,
)

MIN_CEILING = 0.3  # below, dividing by it would magnify noise more than correct for it
CORRECTION_SPLITS = 8  # enough: the correction varies little over splits


@dataclass(frozen=True)
class NoiseCeiling:
    """Split-half reliability of an RDM and the ceiling that follows from it.

    Attributes
    ----------
    split_correlations
        Spearman's r between the RDMs of two halves of the repetitions, (split,); NaN when the
        recordings cannot be split.
    n_rows
        Rows of the RDM that could be split (two repetitions or more).
    correction
        Factor of the ceiling for what Spearman-Brown ignores in RDMs; see
        `calc_ceiling_correction`. 1 without noise and where it is not estimated.
    """

    split_correlations: np.ndarray
    n_rows: int
    correction: float = 1.0

    @property
    def split_half(self) -> float:
        """Mean Spearman r between the two halves' RDMs, in [-1, 1]."""
        return float(np.mean(self.split_correlations))

    @property
    def reliability(self) -> float:
        """Spearman-Brown corrected split-half reliability of the whole RDM, 2 r / (1 + r)."""
        r = self.split_half
        return 2 * r / (1 + r) if r > -1 else float("nan")

    @property
    def ceiling(self) -> float | None:
        """Correction * sqrt(2 r / (1 + r)), in (0, 1]; None when r <= 0 or there is no r."""
        return self._calc_ceiling(self.split_half) if self.split_half > 0 else None

    @property
    def interval(self) -> tuple[float, float]:
        """2.5 and 97.5 percentile of r over splits: the spread over splits, not over stimuli."""
        low, high = np.percentile(self.split_correlations, [2.5, 97.5])
        return float(low), float(high)

    @property
    def ceiling_interval(self) -> tuple[float, float]:
        """The interval of r carried through to the ceiling, in [0, 1]; an r <= 0 gives 0."""
        low, high = map(self._calc_ceiling, self.interval)
        return low, high

    def _calc_ceiling(self, r: float) -> float:
        r = max(r, 0.0) if r == r else r  # NaN stays
        return min(self.correction * sqrt(2 * r / (1 + r)), 1.0)


def calc_noise_ceiling(
    assembly: xr.DataArray | Sequence[xr.DataArray],
    n_splits: int,
    generator: np.random.Generator,
    stimulus_ids: np.ndarray | None = None,
    row: np.ndarray | None = None,
    normalise: str = "zscore",
    halves: np.ndarray | None = None,
    device: str | torch.device = "cpu",
) -> NoiseCeiling | tuple[NoiseCeiling, NoiseCeiling, NoiseCeiling]:
    """Calculate the noise ceiling of the RDM of an assembly.

    For every split: the repetitions of each stimulus go at random into two halves, each half is
    averaged, z-scored by its own mean and deviation and made into an RDM; Spearman's r between
    the two RDMs. With r the mean over splits (averaged first: Spearman-Brown bends, so that the
    mean of its results would be lower) the reliability of the full RDM is SB = 2 r / (1 + r)
    (Spearman-Brown). A noise-free model correlates with the measured RDM at most sqrt(SB)
    (attenuation: r(true, measured) = sqrt(reliability), Spearman 1904), so the ceiling is the
    root; dividing by SB or r itself would over-correct. A factor near 1 corrects the root for
    the other effects of noise on RDMs (`calc_ceiling_correction`).

    In simulations with Poisson counts (rates that depend on the stimulus, log-sd 0.8; 4 to 50
    repetitions, also unequal; 10 to 256 sites) the mean ceiling is within about 0.02 of what the
    noise-free sites reach wherever SB is above 0.5; without the factor it is up to 0.06 off
    (`benchmarks/noise_ceiling.py` prints the grid). What remains: a single data set scatters
    about that mean, more with fewer stimuli and sites; with SB under 0.5 errors reach 0.05. The
    weights of sites come from deviations that hold noise, which is not corrected.

    Parameters
    ----------
    assembly
        Dims ("presentation", "neuroid"); or several, of the same stimuli, whose sites make one
        RDM. Each one's repetitions are split by themselves, and the sites of its halves put side
        by side; a row needs repetitions in all.
    n_splits
        Number of random splits, at least 1.
    generator
        Draws the splits.
    stimulus_ids
        (stimulus,), the order of stimuli; sorted identifiers when None.
    row
        (stimulus,), the RDM row of each stimulus: an image of its own, or its object; every
        stimulus is a row of its own when None.
    normalise
        ``"zscore"`` (default) or ``"none"``, per site over rows.
    halves
        (row,), 0 or 1: the crossed halves of the rows. When given, the ceilings of the RDM
        restricted to each half are calculated from the same splits.
    device
        Where it is calculated.

    Returns
    -------
    ceiling
        One `NoiseCeiling`, or with `halves` three: of all rows, of half 0 and of half 1.
    """
    assemblies = [assembly] if isinstance(assembly, xr.DataArray) else list(assembly)
    if stimulus_ids is None:
        stimulus_ids = list_stimuli(assemblies[0])
    if row is None:
        row = np.arange(len(stimulus_ids))
    parts = [
        index_repetitions(part, stimulus_ids, row, torch.float32, device) for part in assemblies
    ]
    usable = torch.stack([_find_splittable_rows(part) for part in parts]).all(dim=0)
    half = torch.zeros_like(usable, dtype=torch.int64)
    if halves is not None:
        half = torch.as_tensor(halves, device=device)
    # rows in the order of the tiles: half 0 before half 1
    rows = torch.cat([torch.nonzero(usable & (half == number)).flatten() for number in (0, 1)])
    n_half_0 = int((half[rows] == 0).sum())
    correlations = np.full((3, n_splits), np.nan)
    some = []
    for split in range(n_splits if len(rows) >= 3 else 0):  # fewer have no two pairs to correlate
        pair = tuple(
            standardise_sites(responses, normalise)
            for responses in _average_halves(parts, rows, generator)
        )
        binned = (bin_pairs(normalise_patterns(responses), n_half_0) for responses in pair)
        correlations[:, split] = correlate_pairs(*binned)
        if split < CORRECTION_SPLITS:
            some.append(tuple(responses.to(torch.float32) for responses in pair))
    subsets = [slice(None)]
    if halves is not None:
        subsets += [slice(n_half_0), slice(n_half_0, None)]
    ceilings = [
        _build_ceiling(values, len(rows[subset]), [(a[subset], b[subset]) for a, b in some])
        for values, subset in zip(correlations, subsets, strict=False)
    ]
    return ceilings[0] if halves is None else (ceilings[0], ceilings[1], ceilings[2])


def _build_ceiling(
    correlations: np.ndarray, n_rows: int, some: list[tuple[torch.Tensor, torch.Tensor]]
) -> NoiseCeiling:
    r = float(np.mean(correlations[: len(some)])) if some else float("nan")
    return NoiseCeiling(correlations, n_rows, calc_ceiling_correction(some, r) if r > 0 else 1.0)


def _average_halves(
    parts: list[Repetitions], rows: torch.Tensor, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Means of two random halves of the repetitions, (row, neuroid of all parts) each."""
    means = [
        [average_repetitions(part, keep)[rows] for keep in draw_split(part, generator)]
        for part in parts
    ]
    first, second = (torch.cat(half, dim=1) for half in zip(*means, strict=True))
    return first, second


def _find_splittable_rows(repetitions: Repetitions) -> torch.Tensor:
    """Rows that both halves can show, because one of their stimuli has two repetitions."""
    repeated = repetitions.counts >= 2
    usable = torch.zeros(repetitions.n_rows, dtype=torch.bool, device=repeated.device)
    usable[repetitions.row[repeated]] = True
    return usable


# Smaller shares of signal in a row are raised to this: correcting them would amplify chance.
SMALLEST_SHARE = 0.15
SMALLEST_SHARE_OF_SITES = 3.0  # the same, divided by the number of sites

Halves = tuple[torch.Tensor, torch.Tensor]


def calc_ceiling_correction(halves: list[Halves], split_half: float) -> float:
    """Calculate the factor that makes the square root of the reliability the noise ceiling.

    A noise-free model does not quite reach the square root of the reliability:

    - Noise lengthens a pattern, so all correlations of a noisy row shrink, in both halves alike.
      The halves agree on this although it is no signal (the ceiling is too high by up to 0.06
      where rows differ in noise: rates that depend on the stimulus, unequal repetitions).
    - The noise of a dissimilarity is a product of the noises of two rows as soon as these are
      large. Twice the repetitions then divide its variance by up to four and not by two (the
      ceiling is too low).

    With x1, x2 the responses of a row in two halves, centred over neuroids, x1 . x2 is the squared
    length of its signal without bias, and |(x1 + x2) / 2|^2 that of signal and noise in the average
    of all repetitions; s is their ratio over the splits. A correlation of two rows is that of their
    signals times sqrt(s) of each row in the whole average, and times sqrt(s / (2 - s)) of each in
    a half (attenuation, Spearman 1904). From each half come two RDMs: U with these factors undone,
    V with those of the whole average in place of the half's. Over pairs of rows, with cov and
    r_P of Pearson,

        f = cov(U1, V2) / sqrt(cov(U1, U2) cov(V1, V2))      noise-free and expected measured RDM
        r' = r r_P(V1, V2) / r_P(D1, D2)                     split-half r, attenuated as the whole
        g = 4 / (1 + s)                                      noise variance, half over whole
        reach = f sqrt(g r' / (1 + (g - 1) r'))

    with D the RDMs of the halves as they are, r their Spearman correlation and s in g the mean over
    rows. f is the correction for attenuation; covariances between halves hold no noise. A product
    of two rows has noise of 2 s (1 - s) + (1 - s)^2 in the whole average and of 4 s (1 - s) +
    4 (1 - s)^2 in a half, which makes g: 2 as in Spearman-Brown when there is little noise. The
    factor is reach / sqrt(2 r / (1 + r)); it is 1 for recordings without noise.

    Parameters
    ----------
    halves
        For some of the splits, the normalised responses of both halves, (row, neuroid).
    split_half
        Mean Spearman's r between the RDMs of these halves.

    Returns
    -------
    factor
        Such that factor * sqrt(2 r / (1 + r)) is at most 1; 1 where nothing can be said (a
        covariance that is not positive).
    """
    share = _calc_signal_share(halves)
    least = max(SMALLEST_SHARE, SMALLEST_SHARE_OF_SITES / halves[0][0].shape[1])
    seen = share.clamp(min(least, 1.0), 1.0)
    undone, whole = (2 / seen - 1).sqrt(), (2 - seen).sqrt()
    sums = torch.zeros(6, dtype=torch.float64)
    for pair in halves:
        d1, d2 = (normalise_patterns(half) for half in pair)
        (u1, v1), (u2, v2) = ((half * undone, half * whole) for half in (d1, d2))
        sums += torch.stack(
            [
                _calc_covariance(u1, u2),
                (_calc_covariance(u1, v2) + _calc_covariance(v1, u2)) / 2,
                _calc_covariance(v1, v2),
                (_calc_covariance(v1, v1) * _calc_covariance(v2, v2)).sqrt(),
                _calc_covariance(d1, d2),
                (_calc_covariance(d1, d1) * _calc_covariance(d2, d2)).sqrt(),
            ]
        ).cpu()
    uu, uv, vv, v, dd, d = sums.tolist()
    if not (uu > 0 and uv > 0 and vv > 0 and dd > 0 and split_half > 0):
        return 1.0
    f = min(uv / sqrt(uu * vv), 1.0)
    r = min(split_half * (vv / v) / (dd / d), 1.0)
    g = 4 / (1 + float(share.clamp(0, 1).mean()))
    uncorrected = sqrt(2 * split_half / (1 + split_half))
    return min(f * sqrt(g * r / (1 + (g - 1) * r)), 1.0) / uncorrected


def _calc_signal_share(halves: list[Halves]) -> torch.Tensor:
    """Share of the signal in the squared length of each row of the whole average, (row, 1)."""
    signal = torch.zeros((), device=halves[0][0].device)
    whole = torch.zeros_like(signal)
    for pair in halves:
        first, second = (half - half.mean(dim=1, keepdim=True) for half in pair)
        signal = signal + (first * second).sum(dim=1, keepdim=True)
        whole = whole + ((first + second) / 2).square().sum(dim=1, keepdim=True)
    return signal / whole


def _calc_covariance(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Covariance over pairs of rows between the products p_i . p_j of two sets of patterns.

    Without the products: sum over i, j of (p_i . p_j) (q_i . q_j) = |P^T Q|^2 (Frobenius).
    """
    lengths = [patterns.square().sum(dim=1, dtype=torch.float64) for patterns in (first, second)]
    n_pairs = len(first) * (len(first) - 1)
    means = [
        (patterns.sum(dim=0, dtype=torch.float64).square().sum() - length.sum()) / n_pairs
        for patterns, length in zip((first, second), lengths, strict=True)
    ]
    together = (first.T @ second).to(torch.float64).square().sum() - lengths[0] @ lengths[1]
    return together / n_pairs - means[0] * means[1]
