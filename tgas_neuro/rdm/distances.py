"""RDMs from features: the dissimilarity of the response patterns of each pair of stimuli."""

from typing import overload

import numpy as np
import torch

from tgas_neuro.rdm.patterns import calc_half_squares, calc_patterns
from tgas_neuro.runtime.errors import UserError, check_choice

ROWS_PER_BLOCK = 256  # whose dissimilarities to all stimuli are held beside the RDM


@overload
def calc_rdm(features: np.ndarray, method: str = ..., precise: bool = ...) -> np.ndarray: ...


@overload
def calc_rdm(features: torch.Tensor, method: str = ..., precise: bool = ...) -> torch.Tensor: ...


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
