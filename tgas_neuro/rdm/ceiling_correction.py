"""Correction of a noise ceiling for what Spearman-Brown does not know of RDMs.

The square root of the reliability is not quite what a noise-free model reaches:

- Noise adds to the length of a pattern, so that all correlations of a noisy row are smaller, in
  either half alike. The halves agree on this although it is no signal (a ceiling too high by up
  to 0.06 where rows differ in noise: rates that depend on the stimulus, unequal repetitions).
- The noise of a dissimilarity is a product of the noises of two rows as soon as these are large.
  Twice the repetitions then divide its variance by up to four and not by two (a ceiling too low).
"""

from math import sqrt

import torch

from tgas_neuro.rdm.patterns import normalise_patterns

# Smaller shares of signal in a row are not told from this: the correction would be one of chance.
SMALLEST_SHARE = 0.15
SMALLEST_SHARE_OF_SITES = 3.0  # the same, divided by the number of sites

Halves = tuple[torch.Tensor, torch.Tensor]


def calc_ceiling_correction(halves: list[Halves], split_half: float) -> float:
    """Calculate the factor that makes the square root of the reliability the noise ceiling.

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
    signal = whole = 0.0
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
