"""How well repeated measurements agree: sites, the RDMs of two halves, and of animals.

A noise ceiling needs the correlation of the RDMs of two halves hundreds of times. The products of
patterns therefore go tile by tile into one vector, and mid-ranks of fine bins replace ranks,
without a sort. The crossed halves come out of the same pass, because each has tiles of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm.comparisons import calc_ranks, compare_rdms
from tgas_neuro.rdm.repetitions import (
    average_repetitions,
    draw_split,
    index_repetitions,
    list_stimuli,
)
from tgas_neuro.rdm.streaming.binning import (
    N_BINS,
    Bins,
    bin_values,
    calc_mid_ranks,
    calc_unresolved,
)
from tgas_neuro.rdm.streaming.tiles import ACROSS, build_tiles
from tgas_neuro.runtime.devices import in_whole_float32
from tgas_neuro.runtime.errors import UserError, check_choice

LEAST_R = -1 / 3  # of which Spearman-Brown makes -1


def calc_site_reliability(
    assembly: xr.DataArray,
    n_splits: int,
    generator: np.random.Generator,
    n_presentations: float | None = None,
) -> np.ndarray:
    """Calculate each site's split-half reliability, as Brain-Score's internal consistency.

    For every split of each stimulus's repetitions into halves: Pearson's r over stimuli between
    the two halves' means, corrected to the full number of repetitions by Spearman-Brown,
    2 r / (1 + r); then the mean over splits.

    Parameters
    ----------
    assembly
        Dims ("presentation", "neuroid").
    n_splits
        Number of random splits, at least 1.
    generator
        Draws the splits.
    n_presentations
        Presentations of a stimulus for whose mean the reliability is meant; those of the assembly
        when None. For k times those of a half, Spearman-Brown is k r / (1 + (k - 1) r).

    Returns
    -------
    reliability
        (neuroid,), in [-1, 1]; 0 or below is noise. A split with r under -1/3 counts as -1, for
        2 r / (1 + r) has a pole at r = -1 and one such split would drown all others.
        NaN for a site that does not vary, and for all sites when fewer than two stimuli have two
        repetitions.
    """
    stimulus_ids = list_stimuli(assembly)
    repetitions = index_repetitions(
        assembly, stimulus_ids, np.arange(len(stimulus_ids)), torch.float32
    )
    repeated = repetitions.counts >= 2
    if repeated.sum() < 2:
        return np.full(assembly.sizes["neuroid"], np.nan)
    halved = float(repetitions.counts[repeated].to(torch.float64).mean()) / 2
    k = 2.0 if n_presentations is None else n_presentations / halved
    total = torch.zeros(assembly.sizes["neuroid"], dtype=torch.float64)
    for _ in range(n_splits):
        first, second = draw_split(repetitions, generator)
        r = _calc_column_correlations(
            average_repetitions(repetitions, first)[repeated],
            average_repetitions(repetitions, second)[repeated],
        )
        r = r.clamp(min=LEAST_R)
        total += k * r / (1 + (k - 1) * r)
    return (total / n_splits).numpy()


def _calc_column_correlations(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Pearson's r of each column over rows, (neuroid,); NaN where a column is constant."""
    first = first - first.mean(dim=0)
    second = second - second.mean(dim=0)
    scale = torch.linalg.vector_norm(first, dim=0) * torch.linalg.vector_norm(second, dim=0)
    return torch.where(scale > 0, (first * second).sum(dim=0) / scale, torch.nan)


def calc_animal_bounds(
    rdms: np.ndarray | torch.Tensor, method: str = "spearman"
) -> tuple[float, float]:
    """Calculate the lower and the upper bound on the mean similarity of a model to the animals.

    Upper: each animal's RDM with the mean of all, which fits them best, its own noise included.
    Lower: each animal's RDM with the mean of the others, a model made of data alone. Both are
    averaged over animals (Nili et al. 2014, PLoS Comput Biol 10:e1003553). They say how much
    animals differ, which repetitions within an animal cannot; so they stand beside the noise
    ceiling and do not replace it.

    RDMs are brought to one scale before they are averaged: to ranks for a comparison by ranks, to
    mean 0 and deviation 1 for Pearson's r.

    Parameters
    ----------
    rdms
        A condensed RDM per animal, (animal, pair), of the same rows in the same order.
    method
        ``"spearman"``, ``"pearson"`` or ``"kendall"``; see `compare_rdms`.

    Returns
    -------
    lower, upper
        In [-1, 1]; NaN where an animal's RDM holds NaN or is constant.

    Raises
    ------
    UserError
        The method is unknown, or there are fewer than two animals: then no other animal says
        anything, and a bound that looks like one would be wrong.
    """
    check_choice("method", method, POOLINGS)
    rdms = torch.as_tensor(rdms)
    if rdms.ndim != 2 or len(rdms) < 2:
        raise UserError(
            f"rdms: shape {tuple(rdms.shape)}; bounds across animals need the condensed RDMs of at "
            "least two animals, (animal, pair); with one animal use its noise ceiling alone"
        )
    scaled = torch.stack([POOLINGS[method](rdm.to(torch.float64)) for rdm in rdms])
    total = scaled.sum(dim=0)
    lower = [compare_rdms(rdm, total - own, method) for rdm, own in zip(rdms, scaled, strict=True)]
    upper = [compare_rdms(rdm, total, method) for rdm in rdms]
    return float(np.mean(lower)), float(np.mean(upper))


def _standardise(rdm: torch.Tensor) -> torch.Tensor:
    return (rdm - rdm.mean()) / rdm.std(correction=0)


POOLINGS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "spearman": calc_ranks,
    "pearson": _standardise,
    "kendall": calc_ranks,
}


FEW_PAIRS = 2**16  # so few are ranked exactly
MOST_UNRESOLVED = 1e-8  # share of the ranks' variance inside bins: the usual error of a coefficient
AT_ONCE = 2**18  # values: few enough for the cache, many enough for all threads


@dataclass(frozen=True)
class BinnedPairs:
    """All pairs of rows, binned by their similarity.

    Attributes
    ----------
    numbers
        Bin of each pair, (pair,): first those within half 0, then those within half 1, then across.
    counts
        Pairs in each bin, (subset, bin): of all pairs, of those within half 0, within half 1.
    spans
        Which pairs each subset has, half-open, (subset, 2).
    """

    numbers: torch.Tensor
    counts: torch.Tensor
    spans: tuple[tuple[int, int], ...]


def bin_pairs(patterns: torch.Tensor, n_half_0: int) -> BinnedPairs | None:
    """Bin all pairs of rows by the product of their patterns.

    Parameters
    ----------
    patterns
        (row, neuroid), float32, crossed half 0 first; of patterns centred and scaled to length 1
        the products are correlations. One minus them is the dissimilarity: the order is turned,
        in all RDMs alike.
    n_half_0
        Rows of crossed half 0.

    Returns
    -------
    pairs
        None when a pattern is NaN.
    """
    within_0, within_1, every = (
        n * (n - 1) // 2 for n in (n_half_0, len(patterns) - n_half_0, len(patterns))
    )
    spans = ((0, every), (0, within_0), (within_0, within_0 + within_1))
    values = _multiply_patterns(patterns, n_half_0, spans[2][1])
    low, high = (float(end) for end in torch.aminmax(values)) if every else (0.0, 0.0)
    if low != low:  # NaN
        return None
    if every > FEW_PAIRS and high > low:
        bins = Bins(low, N_BINS / (high - low), N_BINS)
        numbers = values.view(torch.int32)  # in the place of the values, which saves a vector
        for place, part in zip(numbers.split(AT_ONCE), values.split(AT_ONCE), strict=True):
            place.copy_(bins.assign(part))
        counts = _count_subsets(numbers, N_BINS, spans)
        if all(calc_unresolved(found) <= MOST_UNRESOLVED for found in counts):
            return BinnedPairs(numbers, counts, spans)
        values = _multiply_patterns(patterns, n_half_0, spans[2][1])
    # few values, or ties, heavy tails and clumps, for which bins of one width are too coarse
    numbers, n_bins = bin_values(values) if every else (values.to(torch.int64), 1)
    return BinnedPairs(numbers, _count_subsets(numbers, n_bins, spans), spans)


def correlate_pairs(first: BinnedPairs | None, second: BinnedPairs | None) -> list[float]:
    """Spearman's r between two RDMs: of all rows, of half 0 and of half 1, in [-1, 1].

    Within 1e-6 of the exact coefficients. NaN when patterns are NaN or all pairs are equally
    dissimilar (so with fewer than two pairs).
    """
    if first is None or second is None:
        return [float("nan")] * 3
    found: dict[tuple[int, int], float] = {}
    for subset, span in enumerate(first.spans):
        if span not in found:  # one half may hold all rows
            found[span] = _correlate(first, second, subset)
    return [found[span] for span in first.spans]


@in_whole_float32()
def _multiply_patterns(patterns: torch.Tensor, n_half_0: int, n_within: int) -> torch.Tensor:
    """Products of every two rows, (pair,), in the order of `BinnedPairs.numbers`."""
    n_rows = len(patterns)
    pairs = torch.empty(n_rows * (n_rows - 1) // 2, device=patterns.device)
    for tile in build_tiles(n_half_0, n_rows - n_half_0):
        rows, columns = patterns[slice(*tile.rows)], patterns[slice(*tile.columns)]
        across = tile.part == ACROSS
        start = n_within + tile.start - tile.start_within if across else tile.start_within
        place = pairs[start : start + tile.n_pairs]
        if tile.is_triangle:
            place.copy_(tile.flatten(rows @ columns.T))
        else:
            torch.mm(rows, columns.T, out=place.view(len(rows), len(columns)))
    return pairs


def _count_subsets(
    numbers: torch.Tensor, n_bins: int, spans: tuple[tuple[int, int], ...]
) -> torch.Tensor:
    """Pairs in each bin, (subset, bin)."""
    half_0, half_1, across = (
        torch.bincount(numbers[start:end], minlength=n_bins)
        for start, end in (*spans[1:], (spans[2][1], spans[0][1]))
    )
    return torch.stack([half_0 + half_1 + across, half_0, half_1])


def _correlate(first: BinnedPairs, second: BinnedPairs, subset: int) -> float:
    """Pearson's r of the mid-ranks of a subset, which are those among its own pairs."""
    start, end = first.spans[subset]
    ranks, variation = [], 1.0
    for pairs in (first, second):
        centred = calc_mid_ranks(pairs.counts[subset]) - (end - start + 1) / 2
        variation *= float(pairs.counts[subset].to(torch.float64) @ centred.square())
        ranks.append(centred.to(torch.float32))
    if not variation > 0:
        return float("nan")
    parts = (pairs.numbers[start:end].split(AT_ONCE) for pairs in (first, second))
    products = [
        ranks[0].index_select(0, part_1) @ ranks[1].index_select(0, part_2)
        for part_1, part_2 in zip(*parts, strict=True)
    ]
    return max(
        -1.0, min(1.0, float(torch.stack(products).sum(dtype=torch.float64)) / sqrt(variation))
    )
