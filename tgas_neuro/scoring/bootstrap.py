"""Resampled similarities: over the stimuli of an RDM, over the sites behind it, and over both.

A stimulus that is drawn twice is not compared with itself. A resample is then how often each row
is there, and a pair of rows counts as often as the product of both: sums over its pairs are
w' X w, and one matrix product makes those of many resamples. All models see the same resamples, so
that their differences are paired.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import torch

from tgas_neuro.rdm.comparisons import calc_ranks
from tgas_neuro.rdm.distances import METHODS, calc_half_squares, calc_patterns
from tgas_neuro.rdm.streaming.binning import calc_mid_ranks
from tgas_neuro.runtime.errors import check_choice

COMPARISONS = ("spearman", "pearson")
# Different rows that a resample has at least: three make three pairs, too few to correlate.
LEAST_DISTINCT = 4
ROWS_AT_ONCE = 256
N_BINS = 2**15  # of the dissimilarities of resampled sites, whose mean ranks stand for ranks

Ranked = tuple[torch.Tensor, torch.Tensor]  # order of pairs, and which of them are equal


def draw_rows(n_rows: int, n_resamples: int, generator: np.random.Generator) -> np.ndarray:
    """Draw rows with replacement, as many as there are.

    Parameters
    ----------
    n_rows
        Rows of the RDM, at least 4.
    n_resamples
        How many resamples.
    generator
        Draws them. A resample of fewer than four different rows is drawn again.

    Returns
    -------
    times
        (resample, row), float32: how often each row is there.
    """
    times = np.empty((n_resamples, n_rows), dtype=np.float32)
    for resample in times:
        while True:
            resample[:] = np.bincount(generator.integers(n_rows, size=n_rows), minlength=n_rows)
            if np.count_nonzero(resample) >= LEAST_DISTINCT:
                break
    return times


class Compared:
    """RDMs of models and of a region on the same rows, made ready for resampling.

    Parameters
    ----------
    models
        (model, pair), condensed, without NaN.
    region
        (pair,), that of the region.
    comparison
        ``"spearman"`` or ``"pearson"``.

    Attributes
    ----------
    models, region
        The same as ranks (spearman) or values, float32, of mean 0 and deviation 1.
    n_rows
        Rows of the RDMs.

    Raises
    ------
    UserError
        The comparison is another one.
    """

    def __init__(
        self, models: Sequence[np.ndarray], region: np.ndarray, comparison: str = "spearman"
    ) -> None:
        check_choice("comparison", comparison, COMPARISONS)
        self.comparison = comparison
        self.n_rows = round((1 + (1 + 8 * len(region)) ** 0.5) / 2)
        self.models = torch.stack([_standardise(rdm, comparison) for rdm in models])
        self.region = _standardise(region, comparison)

    def calc_similarities(self) -> np.ndarray:
        """Similarity of each model with the region, (model,), in [-1, 1]."""
        return (self.models @ self.region).double().numpy() / len(self.region)

    def resample_rows(self, times: np.ndarray) -> np.ndarray:
        """Similarity of each model with the region on resampled rows.

        Pearson's r is that of the repeated rows. For Spearman's r, ranks are taken again in each
        resample to first order: to Pearson's r of the whole RDM's ranks comes how they change
        with the rows that are there (`_calc_rank_changes`).

        Parameters
        ----------
        times
            (resample, row), see `draw_rows`.

        Returns
        -------
        similarities
            (resample, model).
        """
        n_models = len(self.models)
        shown = torch.from_numpy(np.ascontiguousarray(times, dtype=np.float32))
        sums = torch.zeros((3 * n_models + 2, len(times)), dtype=torch.float64)
        for start, block in _unpack(torch.cat([self.models, self.region[None]]), self.n_rows):
            x, y = block[:-1], block[-1:]
            rows = shown[:, start : start + block.shape[1]]
            for total, values in zip(
                sums, torch.cat([x, x.square(), x * y, y, y.square()]), strict=True
            ):
                total += ((shown[:, start:] @ values.T) * rows).sum(dim=1, dtype=torch.float64)
        counts = shown.double()
        sums /= (counts.sum(dim=1).square() - counts.square().sum(dim=1)) / 2
        x, xx, xy = sums[: 3 * n_models].view(3, n_models, -1)
        y, yy = sums[3 * n_models :]
        similarities = ((xy - x * y) / ((xx - x * x) * (yy - y * y)).sqrt()).T.numpy()
        if self.comparison == "spearman":
            similarities += self._calc_rank_changes(times)
        return similarities

    def resample_sites(
        self, responses: np.ndarray, distance: str, sites: np.ndarray, times: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Similarity of each model with the RDM of resampled sites, and of rows with them.

        Parameters
        ----------
        responses
            (row, neuroid), of which the region's RDM is made.
        distance
            See `tgas_neuro.rdm.calc_rdm`.
        sites
            (resample, neuroid), numbers of the sites that were drawn.
        times
            (resample, row), see `draw_rows`.

        Returns
        -------
        over_sites, over_both
            (resample, model) each: on all rows, and on the rows that were drawn. The ranks of the
            latter change to first order as in `resample_rows`.
        """
        over_sites = np.empty((len(sites), len(self.models)))
        over_both = np.empty_like(over_sites)
        values = torch.from_numpy(np.ascontiguousarray(responses))
        upper = torch.triu_indices(self.n_rows, self.n_rows, 1)
        place = upper[0] * self.n_rows + upper[1]
        weights = torch.empty(len(self.region), dtype=torch.float32)
        model_squares = self.models.square()
        for number, (drawn, shown) in enumerate(zip(sites, torch.from_numpy(times), strict=True)):
            patterns = calc_patterns(values[:, torch.from_numpy(drawn)], distance)
            size = calc_half_squares(patterns).float()
            squares = torch.addmm(size + size[:, None], patterns, patterns.T, alpha=-1)
            rdm = METHODS[distance](squares.flatten()[place])
            region = _standardise(rdm, self.comparison, fast=True)
            over_sites[number] = (self.models @ region).numpy() / len(region)
            torch.mul(shown[upper[0]], shown[upper[1]], out=weights)
            weights /= weights.sum()
            y = weights * region
            x, xx = self.models @ weights, model_squares @ weights
            covariance = self.models @ y - x * y.sum()
            variance = (xx - x * x) * (y @ region - y.sum() ** 2)
            over_both[number] = (covariance / variance.sqrt()).numpy()
        if self.comparison == "spearman":
            over_both += self._calc_rank_changes(times)
        return over_sites, over_both

    def calc_pair_covariance(self) -> np.ndarray:
        """What single pairs add to the covariance of the models' similarities, (model, model).

        A similarity is to first order the mean over pairs of g = m + a_i + a_j + e_ij, with an
        effect of each row and a rest of each pair. With the covariance S of the rests, they add
        2 S / (n (n - 1)) to the covariance of the similarities.
        """
        rests = self.influences.clone()
        n = self.n_rows
        for rest in rests:
            rest -= rest.double().mean().float()
            effects = _average_rows(rest, n) * (n - 1) / (n - 2)
            for start, stop, row in _list_rows(n):
                rest[start:stop] -= effects[row] + effects[row + 1 :]
        covariance = (rests @ rests.T).double().numpy() / (rests.shape[1] - n)
        return 2 / (n * (n - 1)) * covariance

    @cached_property
    def rank_influences(self) -> torch.Tensor:
        """What a pair that counts more changes in Spearman's r by the ranks of others.

        (model, pair), float32. Let F be the distribution of the model's dissimilarities x, u its
        ranks, v those of the region (both of mean 0 and deviation 1) and r their correlation. A
        pair that counts more moves the rank of every pair above it, which changes the
        covariance of u and v by psi_u[v], the mean of v over all pairs where x is larger (half of
        it where x is the same) divided by the deviation of F, and so for all covariances:

            psi_u[v] + psi_v[u] - r (psi_u[u] + psi_v[v]).

        It is the part of the influence function of Spearman's r that fixed ranks leave out.
        """
        found = torch.zeros_like(self.models)
        if self.comparison != "spearman":
            return found
        region = self.region.double()
        region_order = _sort_groups(region)
        own_region = _average_above(region, region_order)
        for out, r, rdm in zip(found, self.calc_similarities(), self.models, strict=True):
            model = rdm.double()
            order = _sort_groups(model)
            cross = _average_above(region, order) + _average_above(model, region_order)
            out.copy_(cross - r * (_average_above(model, order) + own_region))
        return found

    @cached_property
    def influences(self) -> torch.Tensor:
        """Influence of each pair on the similarity of each model, (model, pair), float32."""
        r = torch.from_numpy(self.calc_similarities()).float()[:, None]
        squares = (self.models.square() + self.region.square()) / 2
        return self.models * self.region - r * squares + self.rank_influences

    def _calc_rank_changes(self, times: np.ndarray) -> np.ndarray:
        """What new ranks in each resample add to Spearman's r, (resample, model)."""
        rows = torch.stack([_average_rows(one, self.n_rows) for one in self.rank_influences])
        return 2 / self.n_rows * ((times.astype(float) - 1) @ rows.double().numpy().T)


def _standardise(
    rdm: np.ndarray | torch.Tensor, comparison: str, fast: bool = False
) -> torch.Tensor:
    """Ranks or values of mean 0 and deviation 1, (pair,), float32; fast: ranks of even bins."""
    values = torch.as_tensor(rdm)
    if comparison == "spearman" and fast:
        low, high = values.aminmax()
        bins = ((values - low) * ((N_BINS - 1) / (high - low))).to(torch.int32)
        values = calc_mid_ranks(torch.bincount(bins, minlength=N_BINS))[bins]
    elif comparison == "spearman":
        values = calc_ranks(values)
    values = values.double() - values.double().mean()
    return (values / values.square().mean().sqrt()).float()


def _list_rows(n_rows: int) -> Iterator[tuple[int, int, int]]:
    """Where the pairs of each row with later ones begin and end, and its number."""
    stop = 0
    for row in range(n_rows - 1):
        start, stop = stop, stop + n_rows - 1 - row
        yield start, stop, row


def _unpack(rdms: torch.Tensor, n_rows: int) -> Iterator[tuple[int, torch.Tensor]]:
    """Some rows of the upper triangles at a time: where they begin, (rdm, row, column from it).

    What is not above the diagonal is 0.
    """
    pairs = list(_list_rows(n_rows))
    for first in range(0, n_rows - 1, ROWS_AT_ONCE):
        rows = pairs[first : first + ROWS_AT_ONCE]
        block = rdms.new_zeros((len(rdms), len(rows), n_rows - first))
        for start, stop, row in rows:
            block[:, row - first, row - first + 1 :] = rdms[:, start:stop]
        yield first, block


def _sort_groups(values: torch.Tensor) -> Ranked:
    """The order of values, and for each place in it which group of equal ones it belongs to."""
    ordered, order = values.sort()
    new = torch.zeros(len(values), dtype=torch.int64)
    new[1:] = ordered.diff() > 0
    return order, new.cumsum(0)


def _average_above(values: torch.Tensor, ranked: Ranked) -> torch.Tensor:
    """For each pair, the mean of centred values of the pairs above it, over all pairs.

    It is divided by the deviation of the shares F by which the pairs are in order.
    """
    order, group = ranked
    sums = torch.zeros(int(group[-1]) + 1, dtype=torch.float64)
    counts = torch.bincount(group).double() / len(values)
    deviation = ((1 - (counts**3).sum()) / 12).sqrt()
    sums.index_add_(0, group, values[order])
    above = sums.sum() - sums.cumsum(0) + sums / 2
    out = torch.empty_like(values)
    out[order] = (above / (len(values) * deviation))[group]
    return out


def _average_rows(values: torch.Tensor, n_rows: int) -> torch.Tensor:
    """Mean over the pairs of each row of a condensed matrix, (row,), in its type."""
    sums = torch.zeros(n_rows, dtype=torch.float64)
    for start, (block,) in _unpack(values[None], n_rows):
        sums[start : start + len(block)] += block.sum(dim=1)
        sums[start:] += block.sum(dim=0)
    return (sums / (n_rows - 1)).to(values.dtype)
