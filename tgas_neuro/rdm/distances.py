"""RDMs from features: the dissimilarity of the response patterns of each pair of stimuli."""

from collections.abc import Iterator

import numpy as np
import torch

from tgas_neuro.errors import UserError, check_choice

# Rows that vary less than this, relative to their size, are constant but for rounding. Features
# that were given in float64 (or as integers) are rounded less.
SMALLEST_RELATIVE_NORM = 1e-7
SMALLEST_RELATIVE_NORM_FLOAT64 = 1e-14

# What is held beside the features and the RDM: a chunk of the units in float64, and the
# dissimilarities of a block of rows to all stimuli. Larger is not faster.
UNITS_PER_CHUNK = 2048
ROWS_PER_BLOCK = 256


def calc_rdm(
    features: np.ndarray | torch.Tensor, method: str = "correlation", precise: bool = False
) -> np.ndarray | torch.Tensor:
    """Calculate the representational dissimilarity matrix of a set of patterns.

    All methods are squared Euclidean distances in some form: for patterns p of length 1,
    1 - r = |p_i - p_j|^2 / 2. The mean pattern over stimuli is taken away before they are
    multiplied, which changes no distance, so that the error is relative to the spread of the
    dissimilarities (below 1e-6 of it) and not to 1: a layer of which all correlations lie within
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
    dtype = torch.float64 if precise else torch.float32
    rdm = METHODS[method](tensor, dtype).to(dtype)
    return rdm if isinstance(features, torch.Tensor) else rdm.numpy()


def take_rows(rdm: torch.Tensor, keep: torch.Tensor) -> torch.Tensor:
    """Condensed RDM of some of the rows.

    Parameters
    ----------
    rdm
        Condensed RDM, (pair,).
    keep
        Which rows to keep, (row,), bool.
    """
    rows, columns = torch.triu_indices(len(keep), len(keep), offset=1, device=rdm.device)
    return rdm[keep[rows] & keep[columns]]


def normalise_patterns(features: torch.Tensor) -> torch.Tensor:
    """Centre each pattern over units and scale it to length 1; constant patterns become NaN.

    Means, differences and lengths are taken in float64, so that a large common offset costs no
    digits, and only the result is rounded.

    Parameters
    ----------
    features
        (stimulus, unit).

    Returns
    -------
    patterns
        (stimulus, unit), float32.
    """
    mean, scale = _describe_patterns(features)
    patterns = torch.empty(features.shape, dtype=torch.float32, device=features.device)
    for units, chunk in _iterate_chunks(features):
        patterns[:, units] = ((chunk - mean) * scale).to(torch.float32)
    return patterns


def _correlation_distances(features: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    mean, scale = _describe_patterns(features)
    return _calc_half_squares(features, mean, scale, dtype).clamp_(0, 2)


def _cosine_distances(features: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    nothing = torch.zeros((), dtype=torch.float64, device=features.device)
    norm = _calc_norms(features, nothing)
    scale = torch.where(norm.isfinite() & (norm > 0), 1 / norm, torch.nan)
    return _calc_half_squares(features, nothing, scale, dtype).clamp_(0, 2)


def _euclidean_distances(features: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    nothing = torch.zeros((), dtype=torch.float64, device=features.device)
    finite = torch.isfinite(_calc_norms(features, nothing))
    scale = torch.where(finite, 1.0, torch.nan).to(torch.float64)
    return _calc_half_squares(features, nothing, scale, torch.float64).mul_(2).clamp_(min=0).sqrt_()


METHODS = {
    "correlation": _correlation_distances,
    "cosine": _cosine_distances,
    "euclidean": _euclidean_distances,
}


def _iterate_chunks(features: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    """Some of the units at a time, and their features in float64."""
    for start in range(0, features.shape[1], UNITS_PER_CHUNK):
        units = slice(start, start + UNITS_PER_CHUNK)
        yield units, features[:, units].to(torch.float64)


def _describe_patterns(features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of each pattern over units, and one over its length without it; (stimulus, 1) each."""
    total = sum(chunk.sum(dim=1, keepdim=True) for _, chunk in _iterate_chunks(features))
    mean = total / features.shape[1]
    size = _calc_norms(features, torch.zeros_like(mean))
    norm = _calc_norms(features, mean)
    rounded = features.is_floating_point() and features.dtype != torch.float64
    smallest = SMALLEST_RELATIVE_NORM if rounded else SMALLEST_RELATIVE_NORM_FLOAT64
    varies = norm.isfinite() & (norm > smallest * size)
    return mean, torch.where(varies, 1 / norm, torch.nan)


def _calc_norms(features: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Length of each pattern after `shift` is taken away, (stimulus, 1), float64."""
    squares = (
        (chunk - shift).square_().sum(dim=1, keepdim=True) for _, chunk in _iterate_chunks(features)
    )
    return sum(squares).sqrt()


def _calc_half_squares(
    features: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor, dtype: torch.dtype
) -> torch.Tensor:
    """Half the squared distance of the patterns (features - shift) * scale, (pair,), float64.

    The products are taken in `dtype`, one chunk of units after the other, and added in float64.
    """
    n_stimuli = len(features)
    rdm = torch.zeros(n_stimuli * (n_stimuli - 1) // 2, dtype=torch.float64, device=features.device)
    for _, chunk in _iterate_chunks(features):
        patterns = (chunk - shift) * scale
        _add_half_squares(rdm, (patterns - patterns.nanmean(dim=0)).to(dtype))
    return rdm


def _add_half_squares(rdm: torch.Tensor, patterns: torch.Tensor) -> None:
    """Add |p_i - p_j|^2 / 2 of every pair of patterns to `rdm`, a block of rows at a time."""
    n_stimuli, place = len(patterns), 0
    half = patterns.to(torch.float64).square().sum(dim=1) / 2
    for start in range(0, n_stimuli - 1, ROWS_PER_BLOCK):
        block = half[start : start + ROWS_PER_BLOCK, None] + half[start:]
        block -= patterns[start : start + ROWS_PER_BLOCK] @ patterns[start:].T
        for row in range(len(block)):
            n_pairs = n_stimuli - 1 - start - row
            rdm[place : place + n_pairs] += block[row, row + 1 :]
            place += n_pairs
