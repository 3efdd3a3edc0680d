"""Ranks without sorting: values fall into fine bins, and a bin has one mean rank.

A rank correlation needs of each value only its rank. With bins that hold 1 / B of the values each,
the ranks' variance that is lost inside the bins is 1 / B^2 of the whole, so that 10,000 bins are
already exact to 1e-8. Bins have equal widths where the values allow it; values with ties, heavy
tails or several clumps get bins with edges at their quantiles, and each tie a bin of its own.
"""

from dataclasses import dataclass

import torch

N_BINS = 2**16
SAMPLE = 2**17
VALUES_A_QUANTILE_BIN = 8  # of the sample
HEAVY_TIE = 3e-4  # share of all values; lighter ties cannot change a coefficient by 1e-7
# The share of the ranks' variance inside the bins that is put up with. Its root bounds the error
# of a coefficient in the worst case (Cauchy-Schwarz); the usual error is the share itself.
MOST_UNRESOLVED = 2.5e-9


@dataclass(frozen=True)
class Bins:
    """A map from values to numbers of bins, ascending.

    Attributes
    ----------
    low, scale
        Bin ``floor((value - low) * scale)``, when all bins have one width.
    n_bins
        How many.
    edges
        Ascending, (bin - 1,); None when all bins have one width.
    """

    low: float
    scale: float
    n_bins: int
    edges: torch.Tensor | None = None

    def assign(self, values: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """Number of the bin of each value, int64, of the same shape; `values` is overwritten.

        Parameters
        ----------
        values
            Of any shape.
        out
            Receives the numbers, of the same shape; made anew when None.
        """
        if out is None:
            out = torch.empty_like(values, dtype=torch.int64)
        if self.edges is not None:
            return torch.bucketize(values, self.edges.to(values), out=out)
        return out.copy_(values.sub_(self.low).mul_(self.scale).clamp_(0, self.n_bins - 1))


def fit_bins(sample: torch.Tensor, tie: float = 0.0, jitter: float = 0.0) -> Bins:
    """Choose bins from a sample of the values.

    Parameters
    ----------
    sample
        (value,), finite, float64.
    tie
        Sampled values at most so far apart are the same value.
    jitter
        How far the values to be binned may lie from exact ones (rounding): a tie's bin is wider
        than the tie by so much on either side.
    """
    ordered = sample.sort().values
    ties = _find_ties(ordered, tie)
    bins = fit_even_bins(sample) if len(ties) == 0 else None
    if bins is not None:
        return bins
    edges = _find_edges(ordered, ties, tie, jitter)
    return Bins(float(ordered[0]), 0.0, len(edges) + 1, edges)


def fit_even_bins(sample: torch.Tensor) -> Bins | None:
    """Choose bins of one width from a sample of the values; None if some would hold too many.

    Parameters
    ----------
    sample
        (value,), finite; at least one.
    """
    low, high = map(float, sample.aminmax())
    margin = (high - low) / 16  # for values beyond the sample
    if margin == 0:
        return None
    bins = Bins(low - margin, N_BINS / (high - low + 2 * margin), N_BINS)
    counts = torch.bincount(bins.assign(sample.clone()), minlength=N_BINS)
    return bins if calc_unresolved(counts) < MOST_UNRESOLVED else None


def calc_unresolved(counts: torch.Tensor) -> float:
    """Share of the ranks' variance that lies inside bins, from how many values each holds.

    Without bias for a sample: values that share a bin by themselves count for nothing.
    """
    counts = counts.to(torch.float64)
    n = float(counts.sum())
    triples = counts * (counts - 1) * (counts - 2)
    return float(triples.sum()) / max(n * (n - 1) * (n - 2), 1.0)


def calc_blur(sample: torch.Tensor, tie: float, width: float) -> float:
    """Share of the ranks' variance that rounding hides, ties aside.

    Parameters
    ----------
    sample
        (value,), float64, exact.
    tie
        As in `fit_bins`.
    width
        Values so close to each other may change places when they are rounded.
    """
    ordered = sample.sort().values
    n = len(ordered)
    cells = torch.floor((ordered - ordered[0]) / width)
    counts = torch.unique_consecutive(cells, return_counts=True)[1]
    tied = _find_ties(ordered, tie)
    sizes = (tied[:, 1] - tied[:, 0] + 1).to(torch.float64)
    return calc_unresolved(counts) - float((sizes / n).pow(3).sum())


def calc_mid_ranks(counts: torch.Tensor) -> torch.Tensor:
    """Mean rank, from 1, of the values in each bin, (bin,), float64."""
    counts = counts.to(torch.float64)
    return counts.cumsum(0) - (counts - 1) / 2


def bin_values(values: torch.Tensor) -> tuple[torch.Tensor, int]:
    """Bin a vector so finely that its mean ranks are as good as ranks.

    Parameters
    ----------
    values
        (value,), finite.

    Returns
    -------
    bins, n_bins
        Number of the bin of each value, int64, and how many bins there are.
    """
    if len(values) <= SAMPLE:  # exact: every value a bin of its own
        _, inverse = torch.unique(values, return_inverse=True)
        return inverse, int(inverse.max()) + 1
    generator = torch.Generator().manual_seed(0)  # which values are looked at is no chance event
    chosen = torch.randint(len(values), (SAMPLE,), generator=generator)
    bins = fit_bins(values[chosen.to(values.device)].to(torch.float64))
    return bins.assign(values.clone()), bins.n_bins


def calc_binned_ranks(values: torch.Tensor) -> torch.Tensor:
    """Ranks from 1 by fine bins, (value,), float64; the exact ones for up to 131,072 values.

    A rank correlation of them is within 5e-5 of the exact one at worst and usually within 1e-8.
    """
    bins, n_bins = bin_values(values)
    return calc_mid_ranks(torch.bincount(bins, minlength=n_bins))[bins]


def rank_with_ties(values: torch.Tensor, tie: float) -> torch.Tensor:
    """Exact ranks from 1, float64; values at most `tie` above the next lower one share theirs."""
    ordered, order = values.sort()
    new = torch.ones(len(values), dtype=torch.int64, device=values.device)
    new[1:] = ordered.diff() > tie
    group = new.cumsum(0) - 1
    mid_ranks = calc_mid_ranks(torch.bincount(group))
    ranks = torch.empty(len(values), dtype=torch.float64, device=values.device)
    ranks[order] = mid_ranks[group]
    return ranks


def _find_ties(ordered: torch.Tensor, tie: float) -> torch.Tensor:
    """First and last place of every heavy tie of an ascending vector, (tie, 2)."""
    new = torch.ones(len(ordered), dtype=torch.bool, device=ordered.device)
    new[1:] = ordered.diff() > tie
    start = torch.nonzero(new).flatten()
    end = torch.cat([start[1:], start.new_tensor([len(ordered)])])
    heavy = end - start >= max(2, HEAVY_TIE * len(ordered))
    return torch.stack([start[heavy], end[heavy] - 1], dim=1)


def _find_edges(
    ordered: torch.Tensor, ties: torch.Tensor, tie: float, jitter: float
) -> torch.Tensor:
    """Edges at quantiles, and on both sides of every tie."""
    breaks = torch.nonzero(ordered.diff() > tie).flatten() + 1  # an edge never parts a tie
    wanted = torch.arange(0, len(ordered), VALUES_A_QUANTILE_BIN, device=ordered.device)
    next_break = torch.searchsorted(breaks, wanted)
    places = breaks[next_break[next_break < len(breaks)].unique()]
    edges = (ordered[places - 1] + ordered[places]) / 2
    if len(ties) == 0:
        return edges.unique()
    below = ordered[ties[:, 0]] - jitter
    below = torch.nextafter(below, torch.full_like(below, -torch.inf))
    above = ordered[ties[:, 1]] + jitter
    # no edge inside the band of a tie; bands are disjoint or share what jitter can not tell apart
    band = torch.searchsorted(below, edges, right=True) - 1
    inside = (band >= 0) & (edges < above[band.clamp(min=0)])
    return torch.cat([edges[~inside], below, above]).unique()
