"""RDMs from features: the dissimilarity of the response patterns of each pair of stimuli."""

import numpy as np
import torch

from tgas_neuro.errors import UserError, check_choice

# Rows that vary less than this, relative to their size, are constant but for rounding.
SMALLEST_RELATIVE_NORM = 1e-7


def calc_rdm(
    features: np.ndarray | torch.Tensor, method: str = "correlation"
) -> np.ndarray | torch.Tensor:
    """Calculate the representational dissimilarity matrix of a set of patterns.

    Parameters
    ----------
    features
        (stimulus, unit): responses of sites or activations of a layer, at least two stimuli.
    method
        ``"correlation"``: one minus the Pearson correlation of two patterns over units, in
        [0, 2]; 0 is the same pattern up to scale and shift (Kriegeskorte, Mur & Bandettini 2008).

    Returns
    -------
    rdm
        Condensed upper triangle, float32, (stimulus * (stimulus - 1) / 2,), in the order of
        `scipy.spatial.distance.pdist`; of the kind (array or tensor, device) of `features`.
        Pairs with a pattern that does not vary over units are NaN, as in scipy: their
        correlation is not defined.

    Raises
    ------
    UserError
        The method is unknown or `features` is not (stimulus, unit) with two stimuli or more.
    """
    check_choice("method", method, METHODS)
    tensor = torch.as_tensor(features)
    if tensor.ndim != 2 or tensor.shape[0] < 2 or tensor.shape[1] < 1:
        raise UserError(
            f"features: shape {tuple(tensor.shape)}; expected (stimulus, unit) with at least two "
            "stimuli and one unit"
        )
    square = METHODS[method](tensor)
    rows, columns = torch.triu_indices(*square.shape, offset=1, device=square.device)
    rdm = square[rows, columns].to(torch.float32)
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

    Sums are taken in float64. The first mean of a pattern with a large common offset is only as
    exact as float32 allows, so that what is left of it is taken away in a second pass.

    Parameters
    ----------
    features
        (stimulus, unit).

    Returns
    -------
    patterns
        (stimulus, unit), float32.
    """
    size = torch.linalg.vector_norm(features, dim=1, keepdim=True, dtype=torch.float64)
    centred = features - _average(features).to(features.dtype)
    centred = centred.to(torch.float32)
    centred -= _average(centred).to(torch.float32)
    norm = torch.linalg.vector_norm(centred, dim=1, keepdim=True, dtype=torch.float64)
    scale = torch.where(norm <= SMALLEST_RELATIVE_NORM * size, torch.nan, 1 / norm)
    return centred.mul_(scale.to(torch.float32))


def _average(features: torch.Tensor) -> torch.Tensor:
    return features.mean(dim=1, keepdim=True, dtype=torch.float64)


def _correlation_distances(features: torch.Tensor) -> torch.Tensor:
    """One minus the Pearson correlation of every two rows, (stimulus, stimulus)."""
    if not features.is_floating_point():
        features = features.to(torch.float64)
    # float32 products: an error of about 1e-7 in a coefficient
    patterns = normalise_patterns(features)
    return (1 - patterns @ patterns.T).clamp_(0, 2)


METHODS = {"correlation": _correlation_distances}
