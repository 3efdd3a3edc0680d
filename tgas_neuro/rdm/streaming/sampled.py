"""A layer against the RDMs of regions on a sample of the pairs, with the standard error of that.

A correlation of RDMs is a function of U-statistics, means over pairs of stimuli. Such a mean varies
over samples of pairs by what single stimuli do to all of their pairs, and by what is particular to
pairs. Where each stimulus is in equally many sampled pairs, the first part is that of all pairs
(Blom 1976, Some properties of incomplete U-statistics, Biometrika 63: 573-580). Here stimuli are
dealt into blocks by chance, and the sample is the pairs inside of blocks: each block is one small
matrix product. Weights undo that blocks differ by a stimulus, so that within each crossed half
every stimulus has the same weight, and that of both halves and across is what it is in all pairs.

What is left is the part of single pairs, which are as good as drawn one by one: its variance is
estimated from the influence of each pair on the coefficient, without what stimuli do to it.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch

from tgas_neuro.rdm.distances import calc_patterns
from tgas_neuro.rdm.streaming.binning import Bins, calc_mid_ranks
from tgas_neuro.rdm.streaming.products import calc_tiles, choose_bins, read_ranks, restore
from tgas_neuro.rdm.streaming.ranked import SUBSETS, RankedRDMs

SIZED_ROWS = 512  # of which rounding is estimated
PAIRS_OF_ERROR = 2**19  # from which the standard error is estimated, in whole blocks
VALUES_OF_PATTERNS = 2**24  # at once: 64 MB of float32


def compare_sampled(
    features: torch.Tensor, ranked: RankedRDMs, distance: str
) -> dict[str, dict[str, float]]:
    """Compare the RDM of features with those of regions on a sample of their pairs.

    Parameters
    ----------
    features, ranked, distance
        See `compare_features`; `ranked` has a ``sample``.

    Returns
    -------
    similarities
        Region to the coefficients of ``all`` rows, ``half_0`` and ``half_1``, and to the standard
        error of each, ``<subset>_standard_error``: how much it varies over samples of the pairs
        of these stimuli. NaN as in `compare_features`.
    """
    found = _calc_dissimilarities(features, ranked, distance)
    if found is None:
        names = [*SUBSETS, *(f"{subset}_standard_error" for subset in SUBSETS)]
        return {name: dict.fromkeys(names, float("nan")) for name in ranked.regions}
    values, bins = found
    pairs = _Pairs(ranked)
    numbers = values.to(torch.float64) if bins is None else bins.assign(values)
    similarities: dict[str, dict[str, float]] = {name: {} for name in ranked.regions}
    for subset, part in SUBSETS.items():
        span = pairs.spans[part]
        weight, chosen, some = pairs.weight[span], numbers[span], pairs.some[part]
        for name, ranks in ranked.regions.items():
            other = torch.empty(len(chosen), dtype=torch.float64)
            read_ranks(ranks.all if part is None else ranks.within, span.start, other)
            other -= ranks.mean[subset]
            value, influence = (
                _correlate_values(restore(chosen.clone(), distance), other, weight, some)
                if bins is None
                else _correlate_ranks(chosen, bins.n_bins, other, weight, some)
            )
            similarities[name][subset] = value
            error = pairs.calc_standard_error(influence, part) if value == value else value
            similarities[name][f"{subset}_standard_error"] = error
    return similarities


def _calc_dissimilarities(
    features: torch.Tensor, ranked: RankedRDMs, distance: str
) -> tuple[torch.Tensor, Bins | None] | None:
    """Half the squared distance of each sampled pair, (pair,), and bins for Spearman's r.

    None when a dissimilarity is not defined. Patterns are made for a few blocks at a time.
    """
    order = torch.from_numpy(ranked.order).to(features.device)
    n_rows = max(1, VALUES_OF_PATTERNS // features.shape[1])
    spans = list(_group(ranked.blocks, n_rows))
    bins, dtype = None, torch.float32
    if ranked.comparison == "spearman":
        patterns = calc_patterns(features, distance, dtype, order[:SIZED_ROWS])
        bins, dtype = choose_bins(features, patterns, order, distance)
    tiles = ranked.tiles
    values = torch.empty(sum(tile.n_pairs for tile in tiles), dtype=dtype)
    for begin, end in spans:
        patterns = calc_patterns(features, distance, dtype, order[begin:end])
        if not bool(torch.isfinite(patterns.sum(dim=1)).all()):
            return None
        inside = [tile.shift(begin) for tile in tiles if begin <= tile.rows[0] < end]
        for tile, found in calc_tiles(patterns, inside):
            values[tile.start : tile.start + tile.n_pairs] = found
    return values, bins


def _group(blocks: list[tuple[int, int]], most: int) -> Iterator[tuple[int, int]]:
    """Places of a few blocks after each other, of at most so many rows unless it is one."""
    begin = end = 0
    for block in blocks:
        if end > begin and end + sum(block) - begin > most:
            yield begin, end
            begin = end
        end += sum(block)
    yield begin, end


class _Pairs:
    """The sampled pairs: their places, weights and blocks.

    Attributes
    ----------
    weight
        (pair,), float64; the weights of all pairs are as many as there are pairs of rows.
    spans
        Part (None: all) to its pairs.
    some
        Part to those of its pairs, within its span, from which the standard error is estimated.
    places
        Places of both rows of each of them, (2, pair).
    """

    def __init__(self, ranked: RankedRDMs):
        self.sizes = torch.tensor(ranked.blocks, dtype=torch.float64)
        rows = torch.arange(len(self.sizes))
        self.block = torch.repeat_interleave(rows, self.sizes.sum(dim=1).to(torch.int64))
        tiles = ranked.tiles
        weights = calc_weights(self.sizes)
        length = torch.tensor([tile.n_pairs for tile in tiles])
        of_tile = [weights[int(self.block[tile.rows[0]]), tile.part] for tile in tiles]
        self.weight = torch.repeat_interleave(torch.stack(of_tile), length)
        self.n_blocks = math.ceil(len(self.sizes) * min(1.0, PAIRS_OF_ERROR / len(self.weight)))
        self.spans: dict[int | None, slice] = {}
        self.some: dict[int | None, list[slice]] = {}
        self.places: dict[int | None, torch.Tensor] = {}
        for part in SUBSETS.values():
            inside = [tile for tile in tiles if part in (None, tile.part)]
            start = inside[0].start if inside else 0
            self.spans[part] = slice(start, start + sum(tile.n_pairs for tile in inside))
            few = [tile for tile in inside if self.block[tile.rows[0]] < self.n_blocks]
            ends = [tile.start - start + tile.n_pairs for tile in few]
            self.some[part] = [
                slice(end - tile.n_pairs, end) for end, tile in zip(ends, few, strict=True)
            ]
            self.places[part] = torch.cat([tile.list_places() for tile in few], dim=1)

    def calc_standard_error(self, influence: torch.Tensor, part: int | None) -> float:
        """Standard error of a coefficient, from the influence of each pair of a part on it.

        The influences are those of `some` pairs, all of a few blocks. In each block, the sum over
        rows of a two-way table without diagonal is taken away (the general combining abilities of
        Griffing 1956, method 4), and the rest is particular to pairs. The share of all pairs that
        is sampled does not vary.
        """
        every = self.weight[self.spans[part]]
        weight = take_some(every, self.some[part])
        values = weight * (influence - float(weight @ influence) / float(weight.sum()))
        n_rows = self.sizes.sum(dim=1) if part is None else self.sizes[:, part]
        total = float(n_rows.sum())
        n_rows, n_blocks = n_rows[: self.n_blocks], self.n_blocks
        of_rows = torch.zeros(len(self.block), dtype=torch.float64)
        for places in self.places[part]:
            of_rows += torch.bincount(places, values, minlength=len(of_rows))
        in_blocks = self.block < n_blocks
        block, of_rows = self.block[in_blocks], of_rows[in_blocks]
        sums = torch.bincount(block, of_rows, minlength=n_blocks) / 2
        squares = torch.bincount(block, of_rows.square(), minlength=n_blocks)
        explained = (squares - 4 * sums.square() / n_rows) / (n_rows - 2)
        explained += 2 * sums.square() / (n_rows * (n_rows - 1))
        freedom = float((n_rows * (n_rows - 3) / 2).sum())
        left = max(0.0, float(values.square().sum() - explained.sum())) / freedom
        left *= len(every) * (1 - len(every) / (total * (total - 1) / 2))
        return float(left**0.5 / float(every.sum()))


def take_some(values: torch.Tensor, some: list[slice]) -> torch.Tensor:
    """Values of the pairs from which the standard error is estimated."""
    return torch.cat([values[one] for one in some])


def calc_weights(sizes: torch.Tensor) -> torch.Tensor:
    """Weights of the pairs of each block, (block, part), for parts half 0, half 1 and across.

    Parameters
    ----------
    sizes
        Rows of each half in each block, (block, half), float64.
    """
    rows = sizes.sum(dim=0)
    within = (rows - 1) / (sizes - 1)
    share = sizes / rows
    across = 2 / share.sum(dim=1)
    across *= rows.prod() / (across @ sizes.prod(dim=1))
    return torch.cat([within, across[:, None]], dim=1)


def _correlate_ranks(
    numbers: torch.Tensor,
    n_bins: int,
    other: torch.Tensor,
    weight: torch.Tensor,
    some: list[slice],
) -> tuple[float, torch.Tensor]:
    """Spearman's r from bins, and the influence of some pairs on it, up to a constant.

    Ranks are those in the sample. A pair therefore counts by its own product, and by what it does
    to the ranks of all pairs with higher values.
    """
    if _is_constant(numbers) or _is_constant(other):
        return float("nan"), other
    total = float(weight.sum())
    count = torch.bincount(numbers, weight, minlength=n_bins)
    centred = torch.where(count > 0, calc_mid_ranks(count) - (total + 1) / 2, 0.0)
    other = other - float(weight @ other) / total
    sums = torch.bincount(numbers, weight * other, minlength=n_bins)
    variation = float(centred.square() @ count) / total
    other_variation = float(weight @ other.square()) / total
    scale = (variation * other_variation) ** 0.5
    value = float(centred @ sums) / total / scale
    above = sums.flip(0).cumsum(0).flip(0) - sums / 2
    moved = above / scale + value / 8 * count.square() / variation  # the second: of ties alone
    numbers, other = take_some(numbers, some), take_some(other, some)
    influence = (centred / scale)[numbers] * other + moved[numbers]
    influence -= value / (2 * other_variation) * other.square()
    return float(np.clip(value, -1, 1)), influence


def _correlate_values(
    values: torch.Tensor, other: torch.Tensor, weight: torch.Tensor, some: list[slice]
) -> tuple[float, torch.Tensor]:
    """Pearson's r, and the influence of some pairs on it."""
    if _is_constant(values) or _is_constant(other):
        return float("nan"), other
    total = float(weight.sum())
    scaled = []
    for one in (values, other):
        one = one - float(weight @ one) / total
        scaled.append(one / (float(weight @ one.square()) / total) ** 0.5)
    value = float(weight @ (scaled[0] * scaled[1])) / total
    first, second = (take_some(one, some) for one in scaled)
    influence = first * second - value / 2 * (first.square() + second.square())
    return float(np.clip(value, -1, 1)), influence


def _is_constant(values: torch.Tensor) -> bool:
    low, high = torch.aminmax(values)
    return bool(low == high)
