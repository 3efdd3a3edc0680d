"""The streaming scorer: a layer against the RDMs of regions without an N x N matrix or a sort.

Tiles of the upper triangle come from one matrix product each. Spearman's r needs of each pair only
its rank among the layer's dissimilarities, and the regions' ranks are known beforehand: the pairs
are counted in fine bins, the regions' ranks summed in them, and the mean rank of a bin stands for
its values. The crossed halves come out of the same pass, for each half has tiles of its own.
"""

from collections.abc import Iterable
from itertools import chain

import numpy as np
import torch

from tgas_neuro.rdm.distances import calc_patterns
from tgas_neuro.rdm.streaming.binning import (
    MOST_UNRESOLVED,
    Bins,
    calc_mid_ranks,
    calc_unresolved,
    rank_with_ties,
)
from tgas_neuro.rdm.streaming.products import (
    calc_rounding,
    calc_tiles,
    choose_bins,
    read_ranks,
    restore,
    try_even_bins,
)
from tgas_neuro.rdm.streaming.ranked import SUBSETS, RankedRDMs
from tgas_neuro.rdm.streaming.sampled import compare_sampled
from tgas_neuro.rdm.streaming.tiles import ACROSS, Tile
from tgas_neuro.runtime.devices import in_whole_float32
from tgas_neuro.runtime.errors import UserError

MOST_ROWS_EXACT = 512  # up to so many rows, sorting costs less than it is worth to avoid


@in_whole_float32()
def compare_features(
    features: torch.Tensor,
    ranked: RankedRDMs,
    distance: str = "correlation",
    exact: bool = False,
) -> dict[str, dict[str, float]]:
    """Compare the RDM of features with those of regions.

    Spearman's r is within 1e-4 of `scipy.stats.spearmanr` on a float64 `pdist`, usually within
    1e-6. Memory beyond the features and the ranks: one copy of the features and the tiles, about
    100 MB, whatever the number of rows.

    Parameters
    ----------
    features
        (row, unit), of the rows of the RDMs; on any device.
    ranked
        See `rank_rdms`; its ``comparison`` is the one that is made.
    distance
        ``"correlation"``, ``"cosine"``, ``"euclidean"``, as in `calc_rdm`; or ``"patterns"``:
        features whose squared distances, halved, are the dissimilarities (a projected layer).
    exact
        Dissimilarities in float64, sorted; memory grows with the square of the rows. Up to 512
        rows it is always so.

    Returns
    -------
    similarities
        Region to the coefficients of ``all`` rows, ``half_0`` and ``half_1``. All are NaN when a
        dissimilarity is not defined (a row that does not vary over units), and one is NaN when
        the dissimilarities of its pairs do not vary.

    Raises
    ------
    UserError
        The features do not have the rows of the RDMs, or the distance is unknown.
    """
    if len(features) != len(ranked.order):
        raise UserError(
            f"features: {len(features)} rows, but the RDMs have {len(ranked.order)}; both must be "
            "of the same stimuli in the same order"
        )
    if ranked.sample is not None:
        return compare_sampled(features, ranked, distance)
    exact = exact or len(features) <= MOST_ROWS_EXACT
    order = torch.from_numpy(ranked.order).to(features.device)
    patterns = calc_patterns(features, distance, torch.float64 if exact else torch.float32, order)
    if not bool(torch.isfinite(patterns.sum(dim=1)).all()):
        return {name: dict.fromkeys(SUBSETS, float("nan")) for name in ranked.regions}
    if exact:
        return _compare_exactly(patterns, ranked, distance)
    if ranked.comparison == "pearson":
        return _compare_pearson(patterns, ranked, distance)
    similarities = _compare_simply(patterns, ranked)
    if similarities is not None:
        return similarities
    bins, dtype = choose_bins(features, patterns, order, distance)
    if dtype != patterns.dtype:
        patterns = calc_patterns(features, distance, dtype, order)
    tiles = calc_tiles(patterns, ranked.tiles)
    return _compare_spearman(tiles, ranked, bins, order.device)[0]


def _compare_simply(
    patterns: torch.Tensor, ranked: RankedRDMs
) -> dict[str, dict[str, float]] | None:
    """Spearman's r with bins of one width; None if ties or the rounding need more than that."""
    tiles = calc_tiles(patterns, ranked.tiles)
    first = next(tiles)  # rows are in an order by chance, so that all tiles are alike
    bins = try_even_bins(first[1], patterns)
    if bins is None:
        return None
    similarities, counts = _compare_spearman(chain([first], tiles), ranked, bins, patterns.device)
    return similarities if calc_unresolved(counts) < MOST_UNRESOLVED else None


def _compare_spearman(
    tiles: Iterable[tuple[Tile, torch.Tensor]],
    ranked: RankedRDMs,
    bins: Bins,
    device: torch.device,
) -> tuple[dict[str, dict[str, float]], torch.Tensor]:
    """Spearman's r from the counts of the bins and the sums of the regions' ranks in them.

    Ranks are multiples of a half, so that their sums are exact in float64 in any order.

    Returns
    -------
    similarities, counts
        As in `compare_features`, and how many pairs each bin holds.
    """
    counts = torch.zeros((3, bins.n_bins), dtype=torch.int64, device=device)
    sums = {
        name: torch.zeros(bins.n_bins, dtype=torch.float64, device=device)
        for name in ranked.regions
    }
    within = {
        name: torch.zeros((2, bins.n_bins), dtype=torch.float64, device=device)
        for name in ranked.regions
    }
    most = max((tile.n_pairs for tile in ranked.tiles), default=0)
    bin_room = torch.empty(most, dtype=torch.int64, device=device)
    rank_room = torch.empty(most, dtype=torch.float64, device=device)
    for tile, values in tiles:
        bin_of = bins.assign(values, out=bin_room[: tile.n_pairs])
        found = rank_room[: tile.n_pairs]
        counts[tile.part] += torch.bincount(bin_of, minlength=bins.n_bins)
        for name, ranks in ranked.regions.items():
            sums[name].scatter_add_(0, bin_of, read_ranks(ranks.all, tile.start, found))
            if tile.part != ACROSS:
                read_ranks(ranks.within, tile.start_within, found)
                within[name][tile.part].scatter_add_(0, bin_of, found)
    similarities: dict[str, dict[str, float]] = {name: {} for name in ranked.regions}
    for subset, part in SUBSETS.items():
        count = counts.sum(dim=0) if part is None else counts[part]
        # Pearson's r of mean ranks, which all regions share, and ranks
        centred = torch.where(count > 0, calc_mid_ranks(count) - (float(count.sum()) + 1) / 2, 0.0)
        variation = float(centred.square() @ count.double())
        for name, ranks in ranked.regions.items():
            total = sums[name] if part is None else within[name][part]
            product = float(centred @ (total - count * ranks.mean[subset]))
            similarities[name][subset] = _divide(product, variation, ranks.variation[subset])
    return similarities, counts.sum(dim=0)


def _compare_exactly(
    patterns: torch.Tensor, ranked: RankedRDMs, distance: str
) -> dict[str, dict[str, float]]:
    """Hold all dissimilarities in float64 and, for Spearman's r, sort them."""
    tie = calc_rounding(patterns)[torch.float64]
    parts: dict[str, list[torch.Tensor]] = {subset: [] for subset in SUBSETS}
    for tile, values in calc_tiles(patterns, ranked.tiles):
        for subset, part in SUBSETS.items():
            if part is None or part == tile.part:
                parts[subset].append(values.clone())
    similarities: dict[str, dict[str, float]] = {name: {} for name in ranked.regions}
    first = {"all": 0, "half_0": 0, "half_1": sum(map(len, parts["half_0"]))}
    for subset, found in parts.items():
        values = torch.cat(found) if found else patterns.new_zeros(0)
        if ranked.comparison == "spearman":
            values = rank_with_ties(values, tie)
        else:
            values = restore(values, distance)
        centred = values - values.mean()
        for name, ranks in ranked.regions.items():
            stored = ranks.all if subset == "all" else ranks.within
            other = read_ranks(stored, first[subset], torch.empty_like(values)) - ranks.mean[subset]
            similarities[name][subset] = _divide(
                float(centred @ other), float(centred @ centred), ranks.variation[subset]
            )
    return similarities


def _compare_pearson(
    patterns: torch.Tensor, ranked: RankedRDMs, distance: str
) -> dict[str, dict[str, float]]:
    """Pearson's r from sums of the dissimilarities, their squares and their products."""
    n, total, squares = np.zeros(3), np.zeros(3), np.zeros(3)
    products = {name: np.zeros(3) for name in ranked.regions}
    within = {name: np.zeros(3) for name in ranked.regions}
    offset = None
    for tile, values in calc_tiles(patterns, ranked.tiles):
        values = restore(values.to(torch.float64), distance)
        offset = float(values.mean()) if offset is None else offset  # the squares must not drown
        values -= offset
        n[tile.part] += len(values)
        total[tile.part] += float(values.sum())
        squares[tile.part] += float(values @ values)
        found = torch.empty_like(values)
        for name, ranks in ranked.regions.items():
            other = read_ranks(ranks.all, tile.start, found) - ranks.mean["all"]
            products[name][tile.part] += float(values @ other)
            if tile.part != ACROSS:
                other = read_ranks(ranks.within, tile.start_within, found)
                subset = ("half_0", "half_1")[tile.part]
                within[name][tile.part] += float(values @ (other - ranks.mean[subset]))
    similarities: dict[str, dict[str, float]] = {}
    for name, ranks in ranked.regions.items():
        similarities[name] = {}
        for subset, part in SUBSETS.items():
            chosen = slice(None) if part is None else slice(part, part + 1)
            product = products[name].sum() if part is None else within[name][part]
            variation = squares[chosen].sum() - total[chosen].sum() ** 2 / max(n[chosen].sum(), 1)
            similarities[name][subset] = _divide(product, variation, ranks.variation[subset])
    return similarities


def _divide(product: float, variation: float, other_variation: float) -> float:
    scale = (max(variation, 0.0) * other_variation) ** 0.5
    return float(np.clip(product / scale, -1, 1)) if scale > 0 else float("nan")
