"""Ranked RDMs: ranks of dissimilarities, computed once per teacher, in the order of tiles."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from tgas_neuro.rdm.distances import take_rows
from tgas_neuro.rdm.streaming.binning import calc_binned_ranks, rank_with_ties
from tgas_neuro.rdm.streaming.tiles import (
    ACROSS,
    HALF_0,
    HALF_1,
    Tile,
    build_sample_tiles,
    build_tiles,
    cut_blocks,
    order_by_blocks,
)
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.provenance import derive_generator

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
class Sample:
    """A sample of the pairs of rows: those inside blocks, into which the rows are dealt by chance.

    Attributes
    ----------
    pairs
        About how many.
    seed
        Of the chance.
    """

    pairs: int
    seed: int

    @classmethod
    def choose(cls, pairs: int | None, seed: int) -> "Sample | None":
        """The sample of ``search.scoring.pairs``; None, of null, is all pairs."""
        return None if pairs is None else cls(pairs, seed)


@dataclass(frozen=True)
class RankedRDMs:
    """Ranks of the RDMs of regions that share stimuli and crossed halves.

    Attributes
    ----------
    order
        (row,): the row of the RDM at each place; the first half comes first, with a `sample` in
        each of its blocks.
    n_half_0
        Rows of the first half.
    comparison
        ``"spearman"``; with ``"pearson"`` the dissimilarities take the place of their ranks.
    regions
        Region to its `Ranks`; with a `sample` of the sampled pairs alone, among all pairs.
    sample
        Which pairs these are; None: all.
    """

    order: np.ndarray
    n_half_0: int
    comparison: str
    regions: dict[str, Ranks]
    sample: Sample | None = None

    @property
    def tiles(self) -> list[Tile]:
        """How the pairs are cut."""
        if self.sample is not None:
            return build_sample_tiles(self.blocks)
        return build_tiles(self.n_half_0, len(self.order) - self.n_half_0)

    @property
    def blocks(self) -> list[tuple[int, int]]:
        """Rows of each half in each block; all rows are one block where there is no sample."""
        n_half_1 = len(self.order) - self.n_half_0
        if self.sample is None:
            return [(self.n_half_0, n_half_1)]
        return cut_blocks(self.n_half_0, n_half_1, self.sample.pairs)

    def save(self, folder: str | Path) -> None:
        """Write as arrays that can be memory-mapped, into an empty folder."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "order.npy", self.order)
        for name, ranks in self.regions.items():
            np.save(folder / f"{name}_all.npy", ranks.all)
            np.save(folder / f"{name}_within.npy", ranks.within)
        content: dict[str, Any] = {
            "n_half_0": self.n_half_0,
            "comparison": self.comparison,
            "regions": {
                name: {"mean": ranks.mean, "variation": ranks.variation}
                for name, ranks in self.regions.items()
            },
        }
        if self.sample is not None:
            content["sample"] = asdict(self.sample)
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
    sample = Sample(**content["sample"]) if "sample" in content else None
    order = load("order.npy", None)
    return RankedRDMs(order, content["n_half_0"], content["comparison"], regions, sample)


def rank_rdms(
    rdms: Mapping[str, np.ndarray | torch.Tensor],
    half: np.ndarray,
    comparison: str = "spearman",
    sample: Sample | None = None,
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
    sample
        Keep the ranks of a sample of the pairs; None keeps all.

    Raises
    ------
    UserError
        The comparison is unknown, an RDM does not have as many pairs as there are of the rows, or
        there are no such samples of them (see `cut_blocks`).
    """
    check_choice("comparison", comparison, RANKINGS)
    half = np.asarray(half)
    # any order within the halves would do; by chance, the first tile shows what all are like
    generator = derive_generator(sample.seed, "pairs") if sample else np.random.default_rng(0)
    shuffled = generator.permutation(len(half))
    order = shuffled[np.argsort(half[shuffled], kind="stable")]
    ranked = RankedRDMs(order, int(np.sum(half == 0)), comparison, {}, sample)
    if sample is not None:
        order[:] = order[order_by_blocks(ranked.blocks)]
    n_pairs = len(half) * (len(half) - 1) // 2
    for name, rdm in rdms.items():
        if rdm.shape != (n_pairs,):
            raise UserError(
                f"region {name}: RDM of shape {tuple(rdm.shape)}, but {len(half)} rows have "
                f"{n_pairs} pairs"
            )
        rank = RANKINGS[comparison]
        ranked.regions[name] = (
            _rank_region(torch.as_tensor(rdm), ranked, rank)
            if sample is None
            else _rank_sample(torch.as_tensor(rdm), ranked, half, rank)
        )
    return ranked


def _rank_sample(rdm: torch.Tensor, ranked: RankedRDMs, half: np.ndarray, rank: Callable) -> Ranks:
    """Ranks of sampled pairs, among all pairs and among all of the own half."""
    found: dict[str, list[torch.Tensor]] = {}
    mean: dict[str, float] = {}
    variation: dict[str, float] = {}
    for name, part in SUBSETS.items():
        inside = np.arange(len(half)) if part is None else np.flatnonzero(half == part)
        ranks = rank(rdm if part is None else take_rows(rdm, torch.from_numpy(half == part)))
        mean[name] = float(ranks.mean()) if len(ranks) else 0.0
        variation[name] = float(ranks.var(correction=0)) * len(ranks) if len(ranks) else 0.0
        place = np.zeros(len(half), dtype=np.int64)  # of a row among those inside
        place[inside] = np.arange(len(inside))
        order = torch.from_numpy(place[ranked.order])
        found[name] = [
            _take(ranks, order, tile, len(inside)).to(torch.float32)
            for tile in ranked.tiles
            if part is None or tile.part == part
        ]
    within = [*found["half_0"], *found["half_1"]]
    return Ranks(
        torch.cat(found["all"]).numpy(),
        torch.cat(within or [rdm[:0].to(torch.float32)]).numpy(),
        mean,
        variation,
    )


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


def _take(
    condensed: torch.Tensor, order: torch.Tensor, tile: Tile, n_rows: int | None = None
) -> torch.Tensor:
    """Values of the pairs of a tile from a condensed matrix in `pdist` order of the rows.

    The matrix has `n_rows` rows, as many as there are places unless it is said.
    """
    n = len(order) if n_rows is None else n_rows
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
