"""RDMs from features: the dissimilarity of the response patterns of each pair of stimuli.

Patterns are vectors whose squared distances, halved, are the dissimilarities. Correlation and
cosine distance are squared Euclidean distances of unit vectors, 1 - p . q = |p - q|^2 / 2.
Distances do not change when all patterns move by the same vector, so the pattern that they share is
subtracted. What remains is as large as the dissimilarities themselves, and float32 is exact
relative to their spread, not to 1. Patterns that nearly agree (an RDM whose values lie within 1e-4
of each other) would otherwise be lost in rounding.
"""

from collections.abc import Callable, Iterator
from typing import overload

import numpy as np
import torch

from tgas_neuro.runtime.devices import in_whole_float32
from tgas_neuro.runtime.errors import UserError, check_choice

# A pattern that varies less than this, relative to its size, is constant but for rounding; by the
# type in which it was given.
SMALLEST_RELATIVE_NORM = {torch.float64: 1e-14}
SMALLEST_RELATIVE_NORM_OTHERWISE = 1e-7
# Squared length that is left of unit patterns, below which their rounding to float32 would show.
SMALL_SPREAD = 1e-2
# Few enough, a MB, that all passes over them find them in the cache, and that the float64 copies of
# sums fit into what the last ones left.
VALUES_AT_ONCE = 2**18
ROWS_OF_A_CENTRE = 128


def calc_patterns(
    features: torch.Tensor,
    method: str = "correlation",
    dtype: torch.dtype = torch.float32,
    order: torch.Tensor | None = None,
) -> torch.Tensor:
    """Calculate the patterns of features.

    Parameters
    ----------
    features
        (row, unit), any real type.
    method
        ``"correlation"``: centred over units and scaled to length 1; ``"cosine"``: scaled to
        length 1; ``"euclidean"``: as they are, so that half the squared distance of two patterns
        is half the squared Euclidean distance.
    dtype
        Of the patterns, float32 or float64.
    order
        (place,), the rows in the order in which they are wanted; as they stand when None.

    Returns
    -------
    patterns
        (row, unit), with the shared pattern (see `centre_patterns`) taken away. Rows that do not
        vary over units (correlation) or are zero (cosine) are NaN: their dissimilarities are not
        defined.
    """
    check_choice("distance", method, PREPARATIONS)
    if method not in SCALINGS:
        return centre_patterns(features, dtype, order)
    patterns = normalise_patterns(features, method, dtype, order)
    centre = _average_rows(patterns)
    length = float(1 - centre.square().sum())  # mean squared length after centring
    if dtype == torch.float32 and length < SMALL_SPREAD:
        for rows, values in _pair(patterns, features, order):
            scaled = SCALINGS[method](values.to(torch.float64), _get_smallest(values))
            rows.copy_(scaled.sub_(centre))
        return patterns
    return patterns.sub_(centre.to(dtype))


def normalise_patterns(
    features: torch.Tensor,
    method: str = "correlation",
    dtype: torch.dtype = torch.float32,
    order: torch.Tensor | None = None,
) -> torch.Tensor:
    """Patterns of length 1 with what they share; arguments as in `calc_patterns`.

    Returns
    -------
    patterns
        (row, unit): p . q is the correlation, or the cosine, of two rows.
    """
    # sums in float64, values in float32 where that is enough
    working = torch.float64 if features.dtype != torch.float32 else dtype
    patterns = _make_room(features, dtype, order)
    for rows, values in _pair(patterns, features, order):
        rows.copy_(SCALINGS[method](values.to(working), _get_smallest(values)))
    return patterns


def centre_patterns(
    features: torch.Tensor, dtype: torch.dtype = torch.float32, order: torch.Tensor | None = None
) -> torch.Tensor:
    """Take a shared pattern away from features of any length; arguments as in `calc_patterns`.

    The median over some rows, not the mean: a few rows far away must not move the others.
    """
    step = max(1, len(features) // ROWS_OF_A_CENTRE)
    centre = features[::step].to(torch.float64).nanmedian(dim=0).values
    patterns = _make_room(features, dtype, order)
    for rows, values in _pair(patterns, features, order):
        finite = torch.isfinite(values.sum(dim=1, keepdim=True, dtype=torch.float64))
        rows.copy_(torch.where(finite, values - centre, torch.nan))
    return patterns


def calc_half_squares(patterns: torch.Tensor) -> torch.Tensor:
    """Half the squared length of each pattern, (row,), float64."""
    squares = torch.empty(len(patterns), dtype=torch.float64, device=patterns.device)
    # Some rows at a time, for a sum in float64 takes a copy. Into what is there already: small
    # results between large copies that are freed keep their memory from being used again.
    n_rows = _count_rows(patterns)
    for part, out in zip(patterns.split(n_rows), squares.split(n_rows), strict=True):
        out.copy_(_calc_norm(part).flatten())
    return squares.square_().div_(2)


def _make_room(
    features: torch.Tensor, dtype: torch.dtype, order: torch.Tensor | None
) -> torch.Tensor:
    n_rows = len(features if order is None else order)
    return torch.empty((n_rows, features.shape[1]), dtype=dtype, device=features.device)


def _pair(
    patterns: torch.Tensor, features: torch.Tensor, order: torch.Tensor | None
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Some rows of the patterns at a time, with a copy of the features they come from.

    Integers, of which nothing is rounded, come as float64.
    """
    if order is None:
        order = torch.arange(len(features), device=features.device)
    n_rows = _count_rows(patterns)
    for rows, part in zip(patterns.split(n_rows), order.split(n_rows), strict=True):
        values = features[part]
        yield rows, values if values.is_floating_point() else values.to(torch.float64)


def _count_rows(patterns: torch.Tensor) -> int:
    """Rows of a part."""
    return max(1, VALUES_AT_ONCE // max(1, patterns.shape[1]))


def _get_smallest(values: torch.Tensor) -> float:
    return SMALLEST_RELATIVE_NORM.get(values.dtype, SMALLEST_RELATIVE_NORM_OTHERWISE)


def _average_rows(patterns: torch.Tensor) -> torch.Tensor:
    """Mean over rows that are defined, (unit,), float64."""
    parts = patterns.split(_count_rows(patterns))
    return sum(part.nansum(dim=0).to(torch.float64) for part in parts) / len(patterns)


def _scale_correlation(rows: torch.Tensor, smallest: float) -> torch.Tensor:
    """Centre rows over units and scale them to length 1, in place."""
    size = _calc_norm(rows)
    rows.sub_(_average_units(rows))
    # the first mean of a row with a large offset is only as exact as the type allows
    rows.sub_(_average_units(rows))
    norm = _calc_norm(rows)
    scale = torch.where(norm <= smallest * size, torch.nan, 1 / norm)
    return rows.mul_(scale.to(rows.dtype))


def _scale_cosine(rows: torch.Tensor, smallest: float) -> torch.Tensor:
    """Scale rows to length 1, in place."""
    norm = _calc_norm(rows)
    return rows.mul_(torch.where(norm > 0, 1 / norm, torch.nan).to(rows.dtype))


def _average_units(rows: torch.Tensor) -> torch.Tensor:
    return rows.mean(dim=1, keepdim=True, dtype=torch.float64).to(rows.dtype)


def _calc_norm(rows: torch.Tensor) -> torch.Tensor:
    return torch.linalg.vector_norm(rows, dim=1, keepdim=True, dtype=torch.float64)


SCALINGS = {"correlation": _scale_correlation, "cosine": _scale_cosine}
# None: patterns of any length, whose distance is the dissimilarity
PREPARATIONS: dict[str, Callable[[torch.Tensor, float], torch.Tensor] | None] = {
    **SCALINGS,
    "euclidean": None,
    "patterns": None,
}


ROWS_PER_BLOCK = 256  # whose dissimilarities to all stimuli are held beside the RDM


@overload
def calc_rdm(features: np.ndarray, method: str = ..., precise: bool = ...) -> np.ndarray: ...


@overload
def calc_rdm(features: torch.Tensor, method: str = ..., precise: bool = ...) -> torch.Tensor: ...


@in_whole_float32()
def calc_rdm(
    features: np.ndarray | torch.Tensor, method: str = "correlation", precise: bool = False
) -> np.ndarray | torch.Tensor:
    """Calculate the representational dissimilarity matrix of a set of patterns.

    All methods are squared Euclidean distances in some form: for patterns p of length 1,
    1 - r = |p_i - p_j|^2 / 2. The mean pattern over stimuli is taken away before they are
    multiplied, which changes no distance, so that the error is relative to the spread of the
    dissimilarities (below 2e-6 of it) and not to 1: a layer of which all correlations lie within
    1e-4 of each other keeps the order of its pairs in float32.

    Parameters
    ----------
    features
        (stimulus, unit): responses of sites or activations of a layer, at least two stimuli.
    method
        ``"correlation"``: one minus the Pearson correlation of two patterns over units, in
        [0, 2]; 0 is the same pattern up to scale and shift (Kriegeskorte, Mur & Bandettini 2008).
        ``"cosine"``: one minus the cosine of the angle between two patterns, in [0, 2]; 0 is the
        same pattern up to scale. ``"euclidean"``: the length of the difference of two patterns,
        in the unit of the features, not divided by the number of units; its products are taken
        in float64, because the root would magnify their error in the smallest distances.
    precise
        Calculate in float64 throughout and return float64.

    Returns
    -------
    rdm
        Condensed upper triangle, float32 (float64 when `precise`),
        (stimulus * (stimulus - 1) / 2,), in the order of `scipy.spatial.distance.pdist`; of the
        kind (array or tensor, device) of `features`. Pairs with a pattern whose correlation
        (it does not vary over units) or cosine (it is zero) is not defined are NaN, as in scipy,
        and so are pairs with a pattern that is not finite.

    Raises
    ------
    UserError
        The method is unknown or `features` is not (stimulus, unit) with two stimuli or more.
    """
    check_choice("method", method, METHODS)
    if isinstance(features, torch.Tensor):
        tensor = features.detach()
    else:
        tensor = torch.from_numpy(np.ascontiguousarray(features))
    if tensor.ndim != 2 or tensor.shape[0] < 2 or tensor.shape[1] < 1:
        raise UserError(
            f"features: shape {tuple(tensor.shape)}; expected (stimulus, unit) with at least two "
            "stimuli and one unit"
        )
    double = precise or method == "euclidean"
    patterns = calc_patterns(tensor, method, torch.float64 if double else torch.float32)
    rdm = METHODS[method](_calc_half_square_distances(patterns))
    rdm = rdm if precise else rdm.to(torch.float32)
    return rdm if isinstance(features, torch.Tensor) else rdm.numpy()


def take_rows(rdm: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """Condensed RDM of some of the rows, without an index of all pairs.

    Parameters
    ----------
    rdm
        Condensed RDM, (pair,).
    keep
        Which rows to keep, (row,), bool.
    """
    rows = enumerate(rdm.split(list(range(len(keep) - 1, -1, -1))))  # pairs with later rows
    return torch.cat([rdm[:0], *(pairs[keep[row + 1 :]] for row, pairs in rows if keep[row])])


def _calc_half_square_distances(patterns: torch.Tensor) -> torch.Tensor:
    """Half the squared distance of every pair of patterns, (pair,), in their type."""
    n_stimuli, place = len(patterns), 0
    rdm = patterns.new_empty(n_stimuli * (n_stimuli - 1) // 2)
    size = calc_half_squares(patterns)
    for start in range(0, n_stimuli - 1, ROWS_PER_BLOCK):
        rows = slice(start, start + ROWS_PER_BLOCK)
        # products in the patterns' type, sums in float64: rounded once
        block = size[rows, None] + size[start:] - patterns[rows] @ patterns[start:].T
        for row in range(len(block)):
            n_pairs = n_stimuli - 1 - start - row
            rdm[place : place + n_pairs] = block[row, row + 1 :]
            place += n_pairs
    return rdm


def _bound(half_squares: torch.Tensor) -> torch.Tensor:
    return half_squares.clamp_(0, 2)


def _take_root(half_squares: torch.Tensor) -> torch.Tensor:
    return half_squares.mul_(2).clamp_(min=0).sqrt_()


# From half a squared distance of patterns to the dissimilarity.
METHODS = {"correlation": _bound, "cosine": _bound, "euclidean": _take_root}
