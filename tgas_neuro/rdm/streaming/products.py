"""Dissimilarities of the pairs of tiles, from matrix products, and how exact they are."""

from collections.abc import Iterator

import numpy as np
import torch

from tgas_neuro.rdm.distances import calc_half_squares, calc_patterns
from tgas_neuro.rdm.streaming.binning import (
    Bins,
    calc_blur,
    calc_unresolved,
    fit_bins,
    fit_even_bins,
)
from tgas_neuro.rdm.streaming.tiles import Tile

SAMPLE_ROWS, SAMPLE_COLUMNS = 256, 512  # of which dissimilarities are looked at beforehand
SAMPLE_SIZE = 2**25  # most values of the features in that sample
STRIP = 256  # rows of a triangle that are multiplied at once
# Rounding of a dissimilarity in units of the last place of the patterns' squared length.
ROUNDING = 16
# Share of the ranks' variance that rounding to float32 may hide; beyond, float64 is used.
MOST_BLURRED = 1e-6
FEWEST_VALUES = 2**14  # that show what others are like
MOST_CELLS = 2**24  # of the width of the rounding, that are counted


def calc_tiles(patterns: torch.Tensor, tiles: list[Tile]) -> Iterator[tuple[Tile, torch.Tensor]]:
    """Half the squared distance of the pairs of each tile, (pair,), in the type of the patterns.

    A tile's values are overwritten by those of the next: memory that is asked for anew for each of
    them has to be cleared by the system each time, and lies about in pieces.
    """
    size = calc_half_squares(patterns).to(patterns.dtype)
    room = patterns.new_empty(max((tile.n_products for tile in tiles), default=0))
    for tile in tiles:
        rows, columns = slice(*tile.rows), slice(*tile.columns)
        product = room[: tile.n_products].view(rows.stop - rows.start, columns.stop - columns.start)
        step = STRIP if tile.is_triangle else len(product)
        for start in range(0, len(product), step):  # below a triangle nothing is wanted
            left = start if tile.is_triangle else 0
            some, others = patterns[rows][start : start + step], patterns[columns][left:]
            out = product[start : start + step, left:]
            torch.addmm(size[columns][left:], some, others.T, alpha=-1, out=out)
        yield tile, tile.flatten(product.add_(size[rows, None]))


def read_ranks(stored: np.ndarray, start: int, out: torch.Tensor) -> torch.Tensor:
    """Ranks of the pairs of a tile, into `out`, (pair,), float64, on any device."""
    part = stored[start : start + len(out)]
    if out.device.type == "cpu":
        np.copyto(out.numpy(), part)
        return out
    return out.copy_(torch.from_numpy(np.array(part)))  # a copy: what is mapped is read-only


def restore(values: torch.Tensor, distance: str) -> torch.Tensor:
    """The dissimilarity itself from half a squared distance; the order of pairs is the same."""
    return values.clamp_(min=0).mul_(2).sqrt_() if distance == "euclidean" else values


def calc_rounding(patterns: torch.Tensor) -> dict[torch.dtype, float]:
    """How far a dissimilarity may lie from the exact one, by the type of the patterns."""
    sizes = calc_half_squares(patterns)
    # of rows that differ from the shared pattern at all; the median, whatever a few rows do
    size = 2 * float(sizes[sizes > 0].median()) if bool((sizes > 0).any()) else 0.0
    return {
        dtype: ROUNDING * torch.finfo(dtype).eps * size for dtype in (torch.float32, torch.float64)
    }


def try_even_bins(values: torch.Tensor, patterns: torch.Tensor) -> Bins | None:
    """Bins of one width from dissimilarities that are calculated already; None if these do not do.

    It costs a tenth of `choose_bins`, which they need where values are tied, or so close to each
    other that rounding to float32 changes their order.

    Parameters
    ----------
    values
        (pair,), float32, of pairs of rows by chance.
    patterns
        Of all rows, float32.
    """
    if len(values) < FEWEST_VALUES:
        return None
    rounding = calc_rounding(patterns)[torch.float32]
    low, high = map(float, values.aminmax())
    if not 0 < high - low < MOST_CELLS * rounding:
        return None
    cells = values.to(torch.float64).sub_(low).div_(rounding).to(torch.int64)
    # ties are among what shares a cell
    return None if calc_unresolved(cells.bincount()) > MOST_BLURRED else fit_even_bins(values)


def choose_bins(
    features: torch.Tensor, patterns: torch.Tensor, order: torch.Tensor, distance: str
) -> tuple[Bins, torch.dtype]:
    """Bins for the dissimilarities, and the type of patterns that they need.

    Parameters
    ----------
    features
        (row, unit).
    patterns
        Of all rows or of many of them, float32.
    order
        (place,), the rows in an order by chance.
    distance
        See `compare_features`.
    """
    sample = _calc_sample(features, order, distance)
    rounding = calc_rounding(patterns)
    tie = rounding[torch.float64]
    blurred = calc_blur(sample, tie, rounding[torch.float32]) > MOST_BLURRED
    dtype = torch.float64 if blurred else torch.float32
    return fit_bins(sample, tie, rounding[dtype]), dtype


def _calc_sample(features: torch.Tensor, order: torch.Tensor, distance: str) -> torch.Tensor:
    """Dissimilarities of some pairs, (pair,), float64; the order of rows is one by chance."""
    share = min(1.0, SAMPLE_SIZE / features.shape[1] / (SAMPLE_ROWS + SAMPLE_COLUMNS))
    n_rows = min(max(8, int(share * SAMPLE_ROWS)), len(order) // 2)
    columns = torch.linspace(n_rows, len(order) - 1, max(16, int(share * SAMPLE_COLUMNS)))
    places = torch.cat([torch.arange(n_rows), columns.to(torch.int64).unique()])
    patterns = calc_patterns(features, distance, torch.float64, order[places.to(order.device)])
    size = calc_half_squares(patterns)
    product = patterns[:n_rows] @ patterns[n_rows:].T
    return (size[:n_rows, None] + size[n_rows:] - product).flatten()
