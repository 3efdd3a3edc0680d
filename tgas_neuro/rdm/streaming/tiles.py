"""Tiles: the upper triangle of an N x N matrix cut into rectangles, a half of the rows at a time.

Rows stand in an order in which the first crossed half comes before the second, so that all pairs
of a tile belong to one half or join the two, and no pair needs to be asked where it belongs.
"""

from dataclasses import dataclass

import torch

HALF_0, HALF_1, ACROSS = 0, 1, 2
BLOCK = 512  # rows of a tile: enough for a matrix product at full speed
WIDTH = 4096  # most columns of a tile: with BLOCK, 8 MB of float32


@dataclass(frozen=True)
class Tile:
    """A rectangle of pairs, or a triangle on the diagonal.

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

    def flatten(self, values: torch.Tensor) -> torch.Tensor:
        """Values of its pairs, (pair,), from those of the whole rectangle, (row, column)."""
        if not self.is_triangle:
            return values.flatten()
        return values[tuple(torch.triu_indices(*values.shape, offset=1, device=values.device))]


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
