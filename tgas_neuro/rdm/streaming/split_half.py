"""Split-half similarity: Spearman's r between the RDMs of two halves, without a sort.

A noise ceiling needs it hundreds of times, so that the products of patterns go tile by tile into
one vector, and mid-ranks of fine bins stand for ranks. The crossed halves come out of the same
pass, for each has tiles of its own.
"""

from dataclasses import dataclass
from math import sqrt

import torch

from tgas_neuro.rdm.streaming.binning import (
    N_BINS,
    Bins,
    bin_values,
    calc_mid_ranks,
    calc_unresolved,
)
from tgas_neuro.rdm.streaming.ranked import ACROSS, build_tiles

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
