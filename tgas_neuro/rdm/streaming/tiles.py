"""Tiles: the pairs of an RDM, cut so that each piece comes from one small matrix product."""

import math
from dataclasses import dataclass, replace

import torch

from tgas_neuro.runtime.errors import UserError

# Rows are in an order in which the first crossed half comes before the second. All pairs of a tile
# then belong to one half or join the two, and no pair has to be looked up.
HALF_0, HALF_1, ACROSS = 0, 1, 2
BLOCK = 512  # rows of a tile: enough for a matrix product at full speed
WIDTH = 4096  # most columns of a tile: with BLOCK, 8 MB of float32


@dataclass(frozen=True)
class Tile:
    """A rectangle of pairs, or a triangle on the diagonal, of the upper triangle of an RDM.

    Attributes
    ----------
    rows, columns
        Places in the order of the tiles, half-open.
    part
        `HALF_0`, `HALF_1` or `ACROSS` (one row of each half).
    start
        Where its pairs begin among those of all tiles.
    start_within
        Where they begin among those of the tiles inside halves; not for `ACROSS`.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    part: int
    start: int
    start_within: int

    @property
    def is_triangle(self) -> bool:
        """Whether it lies on the diagonal and holds the pairs above it alone."""
        return self.rows == self.columns

    @property
    def n_products(self) -> int:
        """Pairs of rows in the whole rectangle."""
        return (self.rows[1] - self.rows[0]) * (self.columns[1] - self.columns[0])

    @property
    def n_pairs(self) -> int:
        """Pairs of rows in it."""
        n_rows = self.rows[1] - self.rows[0]
        return n_rows * (n_rows - 1) // 2 if self.is_triangle else self.n_products

    def shift(self, by: int) -> "Tile":
        """The same tile so many places earlier, of patterns that begin there."""
        (first, last), (left, right) = self.rows, self.columns
        return replace(self, rows=(first - by, last - by), columns=(left - by, right - by))

    def list_places(self) -> torch.Tensor:
        """Places of both rows of each pair, (2, pair), int64."""
        rows, columns = torch.arange(*self.rows), torch.arange(*self.columns)
        return torch.stack(
            [self.flatten(places) for places in torch.meshgrid(rows, columns, indexing="ij")]
        )

    def flatten(self, values: torch.Tensor) -> torch.Tensor:
        """Values of its pairs, (pair,), from those of the whole rectangle, (row, column)."""
        if not self.is_triangle:
            return values.flatten()
        n_rows, n_columns = values.shape
        first, second = torch.triu_indices(n_rows, n_columns, offset=1, device=values.device)
        return values[first, second]


def build_tiles(n_half_0: int, n_half_1: int) -> list[Tile]:
    """Cut the pairs of so many rows of the first half and so many of the second into tiles."""
    ends = {HALF_0: n_half_0, HALF_1: n_half_0 + n_half_1}
    tiles: list[Tile] = []
    start = within = 0
    for part, begin in ((HALF_0, 0), (HALF_1, n_half_0)):
        for row in range(begin, ends[part], BLOCK):
            rows = (row, min(row + BLOCK, ends[part]))
            spans = [(*rows, part), *_cut(rows[1], ends[part], part)]
            if part == HALF_0:
                spans += _cut(n_half_0, ends[HALF_1], ACROSS)
            for first, last, belongs in spans:
                tile = Tile(rows, (first, last), belongs, start, within)
                tiles.append(tile)
                start += tile.n_pairs
                within += tile.n_pairs if belongs != ACROSS else 0
    return [tile for tile in tiles if tile.n_pairs]


def _cut(begin: int, end: int, part: int) -> list[tuple[int, int, int]]:
    return [(first, min(first + WIDTH, end), part) for first in range(begin, end, WIDTH)]


# A block of a sample has at least so many rows of each half: enough to tell what stimuli do to
# their pairs from what is particular to single pairs, and hence for a standard error.
FEWEST_ROWS = 8


def cut_blocks(n_half_0: int, n_half_1: int, pairs: int) -> list[tuple[int, int]]:
    """Cut rows into blocks whose pairs are about so many.

    Parameters
    ----------
    n_half_0, n_half_1
        Rows of the crossed halves.
    pairs
        How many pairs of rows of one block there are to be, in all blocks.

    Returns
    -------
    blocks
        Rows of each half in each block; of one half they differ by at most one between blocks.

    Raises
    ------
    UserError
        There are fewer pairs, or so few are asked for that the blocks would be too small.
    """
    n_rows = n_half_0 + n_half_1
    n_pairs = n_rows * (n_rows - 1) // 2
    if pairs > n_pairs:
        raise UserError(
            f"search.scoring.pairs: {pairs}, but {n_rows} stimuli have {n_pairs} pairs; lower it, "
            "or set it to null to take all"
        )
    n_blocks = max(1, round(n_rows**2 / (2 * pairs + n_rows)))
    most = max(1, min(n for n in (n_half_0, n_half_1, n_rows) if n) // FEWEST_ROWS)
    if n_blocks > most:
        least = math.ceil(n_rows * (n_rows - most) / (2 * most))
        raise UserError(
            f"search.scoring.pairs: {pairs}, but {n_rows} stimuli need at least {least}, so that "
            f"a block of the sample has {FEWEST_ROWS} stimuli of each crossed half; raise it, or "
            "set it to null to take all pairs"
        )
    sizes = [
        [n // n_blocks + (block < n % n_blocks) for block in range(n_blocks)]
        for n in (n_half_0, n_half_1)
    ]
    return list(zip(*sizes, strict=True))


def order_by_blocks(blocks: list[tuple[int, int]]) -> list[int]:
    """Where to find the rows of each block among rows of which all of half 0 come first."""
    first, second = 0, sum(n_half_0 for n_half_0, _ in blocks)
    places: list[int] = []
    for n_half_0, n_half_1 in blocks:
        places += [*range(first, first + n_half_0), *range(second, second + n_half_1)]
        first, second = first + n_half_0, second + n_half_1
    return places


def build_sample_tiles(blocks: list[tuple[int, int]]) -> list[Tile]:
    """Tiles of the pairs inside blocks, first those of half 0, then of half 1, then across.

    Parameters
    ----------
    blocks
        See `cut_blocks`. The rows of a block follow those of the one before, half 0 first.
    """
    found: dict[int, list[tuple[tuple[int, int], tuple[int, int]]]] = {0: [], 1: [], 2: []}
    end = 0
    for n_half_0, n_half_1 in blocks:
        first, second = (end, end + n_half_0), (end + n_half_0, end + n_half_0 + n_half_1)
        found[HALF_0].append((first, first))
        found[HALF_1].append((second, second))
        found[ACROSS].append((first, second))
        end = second[1]
    tiles: list[Tile] = []
    start = 0
    for part, spans in found.items():
        for rows, columns in spans:
            tiles.append(Tile(rows, columns, part, start, start))
            start += tiles[-1].n_pairs
    return [tile for tile in tiles if tile.n_pairs]
