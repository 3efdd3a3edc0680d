"""Ranked RDMs: ranks of dissimilarities, computed once per teacher, in the order of tiles."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from tgas_neuro.rdm.streaming.binning import calc_binned_ranks, rank_with_ties
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.files import read_json, write_json

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


MOST_SORTED = 2**25  # pairs; sorting more takes a GB for every 2**25 of them
SUBSETS = {"all": None, "half_0": HALF_0, "half_1": HALF_1}


@dataclass(frozen=True)
class Ranks:
    """Ranks of one region's dissimilarities.

    Attributes
    ----------
    all
        Among all pairs, (pair,), float32, in the order of the tiles; may be memory-mapped.
    within
        Among the pairs of the own half, (pair,), of the tiles inside halves.
    mean, variation
        Subset (``all``, ``half_0``, ``half_1``) to the mean of the ranks of its pairs and the sum
        of their squared deviations.
    """

    all: np.ndarray
    within: np.ndarray
    mean: dict[str, float]
    variation: dict[str, float]


@dataclass(frozen=True)
class RankedRDMs:
    """Ranks of the RDMs of regions that share stimuli and crossed halves.

    Attributes
    ----------
    order
        (row,): the row of the RDM at each place; the first half comes first.
    n_half_0
        Rows of the first half.
    comparison
        ``"spearman"``; with ``"pearson"`` the dissimilarities take the place of their ranks.
    regions
        Region to its `Ranks`.
    """

    order: np.ndarray
    n_half_0: int
    comparison: str
    regions: dict[str, Ranks]

    @property
    def tiles(self) -> list[Tile]:
        """How the pairs are cut."""
        return build_tiles(self.n_half_0, len(self.order) - self.n_half_0)

    def save(self, folder: str | Path) -> None:
        """Write as arrays that can be memory-mapped, into an empty folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "order.npy", self.order)
        for name, ranks in self.regions.items():
            np.save(folder / f"{name}_all.npy", ranks.all)
            np.save(folder / f"{name}_within.npy", ranks.within)
        content = {
            "n_half_0": self.n_half_0,
            "comparison": self.comparison,
            "regions": {
                name: {"mean": ranks.mean, "variation": ranks.variation}
                for name, ranks in self.regions.items()
            },
        }
        write_json(folder / "ranks.json", content)


def load_ranked(folder: str | Path) -> RankedRDMs:
    """Load what `RankedRDMs.save` wrote; the ranks are memory-mapped.

    Raises
    ------
    UserError
        A file is missing or is not what was written.
    """
    folder = Path(folder)
    content = read_json(folder / "ranks.json")

    def load(name: str, mode: Literal["r"] | None) -> np.ndarray:
        try:
            return np.load(folder / name, mmap_mode=mode, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{folder / name}: not readable ({error}); delete the folder to compute it again"
            ) from None

    regions = {
        name: Ranks(load(f"{name}_all.npy", "r"), load(f"{name}_within.npy", "r"), **moments)
        for name, moments in content["regions"].items()
    }
    return RankedRDMs(load("order.npy", None), content["n_half_0"], content["comparison"], regions)


def rank_rdms(
    rdms: Mapping[str, np.ndarray | torch.Tensor],
    half: np.ndarray,
    comparison: str = "spearman",
) -> RankedRDMs:
    """Rank the RDMs of regions that share stimuli and crossed halves.

    Parameters
    ----------
    rdms
        Region to its condensed RDM, (pair,), in scipy's `pdist` order of the rows; finite.
    half
        (row,), 0 or 1: the crossed half of each row.
    comparison
        ``"spearman"``, or ``"pearson"``: no ranks.

    Raises
    ------
    UserError
        The comparison is unknown, or an RDM does not have as many pairs as there are of the rows.
    """
    check_choice("comparison", comparison, RANKINGS)
    half = np.asarray(half)
    # any order within the halves would do; by chance, the first tile shows what all are like
    shuffled = np.random.default_rng(0).permutation(len(half))
    order = shuffled[np.argsort(half[shuffled], kind="stable")]
    ranked = RankedRDMs(order, int(np.sum(half == 0)), comparison, {})
    n_pairs = len(half) * (len(half) - 1) // 2
    for name, rdm in rdms.items():
        if rdm.shape != (n_pairs,):
            raise UserError(
                f"region {name}: RDM of shape {tuple(rdm.shape)}, but {len(half)} rows have "
                f"{n_pairs} pairs"
            )
        ranked.regions[name] = _rank_region(torch.as_tensor(rdm), ranked, RANKINGS[comparison])
    return ranked


def _rank_region(rdm: torch.Tensor, ranked: RankedRDMs, rank: Callable) -> Ranks:
    tiles, order = ranked.tiles, torch.from_numpy(ranked.order)
    inside = [tile for tile in tiles if tile.part != ACROSS]
    values = {"all": rdm} | {
        name: torch.cat(
            [_take(rdm, order, tile) for tile in inside if tile.part == part] or [rdm[:0]]
        )
        for name, part in SUBSETS.items()
        if part is not None
    }
    ranks = {name: rank(found) for name, found in values.items()}
    everywhere = ranks["all"].to(torch.float32)
    mean = {name: float(found.mean()) if len(found) else 0.0 for name, found in ranks.items()}
    return Ranks(
        all=torch.cat([_take(everywhere, order, tile) for tile in tiles]).numpy(),
        # half 0 comes before half 1 in the order of the tiles too
        within=torch.cat([ranks["half_0"], ranks["half_1"]]).to(torch.float32).numpy(),
        mean=mean,
        variation={
            name: float((found - mean[name]).square().sum()) for name, found in ranks.items()
        },
    )


def _take(condensed: torch.Tensor, order: torch.Tensor, tile: Tile) -> torch.Tensor:
    """Values of the pairs of a tile from a condensed matrix in `pdist` order of the rows."""
    n = len(order)
    rows = order[slice(*tile.rows)][:, None]
    columns = order[slice(*tile.columns)][None, :]
    first, second = torch.minimum(rows, columns), torch.maximum(rows, columns)
    place = first * (2 * n - first - 1) // 2 + second - first - 1
    return condensed[tile.flatten(place)]


def _rank(values: torch.Tensor) -> torch.Tensor:
    return rank_with_ties(values, 0.0) if len(values) <= MOST_SORTED else calc_binned_ranks(values)


def _keep(values: torch.Tensor) -> torch.Tensor:
    return values.to(torch.float64)


RANKINGS = {"spearman": _rank, "pearson": _keep}
