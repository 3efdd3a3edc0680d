"""Debiased linear CKA: how alike two sets of responses are up to rotation and scale."""

from collections.abc import Iterator

import numpy as np
import torch

from tgas_neuro.runtime.devices import in_whole_float32
from tgas_neuro.runtime.errors import UserError

ROWS_PER_BLOCK = 512
UNITS_PER_CHUNK = 2048

# A set whose HSIC with itself is below this share of the sum of K_ij^2 that equally distant stimuli
# would have (their HSIC is 0) has none but for rounding.
SMALLEST_SHARE = {torch.float32: 1e-6, torch.float64: 1e-13}


@in_whole_float32()
def calc_linear_cka(
    features1: np.ndarray | torch.Tensor,
    features2: np.ndarray | torch.Tensor,
    precise: bool = False,
) -> float:
    """Calculate the debiased linear CKA of two sets of responses to the same stimuli.

    Centred kernel alignment, CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) with linear kernels
    K = X X^T and L = Y Y^T (Kornblith et al. 2019, ICML), of the unbiased HSIC of Song et al.
    (2012, J Mach Learn Res 13: 1393-1434) as in Nguyen, Raghu & Kornblith (2021, ICLR). The plain
    estimator is near 1 for any two sets with many more units than stimuli, and so prefers wide
    layers; this one does not depend on their width.

    With k and l the sums of the rows of K and L without the diagonal:

        n (n - 3) HSIC = sum of K_ij L_ij over i != j  - 2 k . l / (n - 2)
                         + (sum of k) (sum of l) / ((n - 1) (n - 2))

    where the sum of K_ij L_ij over all i, j is |X^T Y|^2. So a set with fewer units than stimuli
    needs products of units only; otherwise they are products of stimuli, a block of rows at a
    time. No (stimulus, stimulus) matrix is held.

    Parameters
    ----------
    features1, features2
        (stimulus, unit) each, the same at least four stimuli in the same order.
    precise
        Take the products in float64 instead of float32 (its error: below 1e-6).

    Returns
    -------
    cka
        In [-1, 1]: 1 for the same responses up to rotation, scale and a common shift, about 0
        for unrelated ones. (It is the cosine of the two U-centred kernels, Szekely & Rizzo 2014,
        Ann Stat 42: 2382-2412, and therefore not below -1.) NaN when a set has no variance over
        stimuli or is not finite, or all its stimuli are equally far apart.

    Raises
    ------
    UserError
        A set is not (stimulus, unit), the numbers of stimuli differ, or there are fewer than four.
    """
    dtype = torch.float64 if precise else torch.float32
    x, y = (_centre(features, dtype) for features in _check(features1, features2))
    if not all(torch.isfinite(z).all() and z.any() for z in (x, y)):
        return float("nan")
    k, ell = _calc_row_sums(x), _calc_row_sums(y)
    xx, yy, xy = _calc_hsics(x, y, k, ell)
    for hsic, sums in ((xx, k), (yy, ell)):
        if not hsic > SMALLEST_SHARE[dtype] * float(sums @ sums) / (len(x) - 1):
            return float("nan")
    return min(max(xy / (xx * yy) ** 0.5, -1.0), 1.0)


def _check(
    features1: np.ndarray | torch.Tensor, features2: np.ndarray | torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    first, second = torch.as_tensor(features1).detach(), torch.as_tensor(features2).detach()
    for features in (first, second):
        if features.ndim != 2 or features.shape[1] < 1:
            raise UserError(f"features: shape {tuple(features.shape)}; expected (stimulus, unit)")
    if len(first) != len(second):
        raise UserError(
            f"features differ in stimuli: {len(first)} and {len(second)}; linear CKA compares "
            "responses to the same stimuli"
        )
    if len(first) < 4:
        raise UserError(f"features: {len(first)} stimuli; debiased linear CKA needs at least four")
    return first, second


def _centre(features: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Features without the mean of each unit, scaled to at most 1 (CKA ignores the scale)."""
    peaks = torch.stack([chunk.abs().amax() for _, chunk in _iterate_centred(features)])
    largest = torch.where(peaks.amax() > 0, peaks.amax(), 1.0)
    centred = torch.empty(features.shape, dtype=dtype, device=features.device)
    for units, chunk in _iterate_centred(features):
        centred[:, units] = (chunk / largest).to(dtype)
    return centred


def _iterate_centred(features: torch.Tensor) -> Iterator[tuple[slice, torch.Tensor]]:
    for start in range(0, features.shape[1], UNITS_PER_CHUNK):
        units = slice(start, start + UNITS_PER_CHUNK)
        chunk = features[:, units].to(torch.float64)
        chunk = chunk - chunk[0]  # a unit that is constant becomes 0, without rounding
        yield units, chunk - chunk.mean(dim=0)


def _calc_row_sums(x: torch.Tensor) -> torch.Tensor:
    """Sum of each row of the kernel without its diagonal, (stimulus,), float64.

    Of centred units it is minus the diagonal but for their rounding, which is not left out.
    """
    sums = -_calc_squares(x)
    for chunk in x.split(UNITS_PER_CHUNK, dim=1):
        chunk = chunk.to(torch.float64)
        sums += chunk @ chunk.sum(dim=0)
    return sums


def _calc_squares(x: torch.Tensor) -> torch.Tensor:
    """Diagonal of the kernel, (stimulus,), float64."""
    return torch.linalg.vector_norm(x, dim=1, dtype=torch.float64).square()


def _calc_hsics(
    x: torch.Tensor, y: torch.Tensor, k: torch.Tensor, ell: torch.Tensor
) -> tuple[float, float, float]:
    """HSIC(K, K), HSIC(L, L) and HSIC(K, L), each times n (n - 3); k, ell are the row sums."""
    n_stimuli = len(x)
    if x.shape[1] >= n_stimuli and y.shape[1] >= n_stimuli:
        return _sum_over_stimuli(x, y, k, ell)
    own = [
        _sum_over_units(z, z, sums, sums)
        if z.shape[1] < n_stimuli
        else _sum_over_stimuli(z, z, sums, sums)[0]
        for z, sums in ((x, k), (y, ell))
    ]
    return own[0], own[1], _sum_over_units(x, y, k, ell)


def _sum_over_units(x: torch.Tensor, y: torch.Tensor, k: torch.Tensor, ell: torch.Tensor) -> float:
    """By Song's formula, with the sum of K_ij L_ij from products of units."""
    n = len(x)
    total = k.sum() * ell.sum() / ((n - 1) * (n - 2)) - 2 * (k @ ell) / (n - 2)
    total -= _calc_squares(x) @ _calc_squares(y)
    for chunk in y.split(UNITS_PER_CHUNK, dim=1):
        total += (x.T @ chunk).to(torch.float64).square().sum()
    return float(total)


def _sum_over_stimuli(
    x: torch.Tensor, y: torch.Tensor, k: torch.Tensor, ell: torch.Tensor
) -> tuple[float, float, float]:
    """The same as sums over i != j of the products of the U-centred kernels, block by block.

    With few stimuli and many units the kernels are nearly constant off the diagonal; what is
    left after U-centring is small, and is never the difference of large sums here.
    """
    sums = torch.zeros(3, dtype=torch.float64, device=x.device)
    for start in range(0, len(x), ROWS_PER_BLOCK):
        first = _centre_kernel(x, k, start)
        second = first if y is x else _centre_kernel(y, ell, start)
        products = (first * first, second * second, first * second)
        sums += 2 * torch.stack([product.sum() for product in products])
    return tuple(sums.tolist())


def _centre_kernel(x: torch.Tensor, sums: torch.Tensor, start: int) -> torch.Tensor:
    """Block of the U-centred kernel from row and column `start`, 0 up to the diagonal, float64."""
    n = len(x)
    rows = slice(start, start + ROWS_PER_BLOCK)
    block = sums.sum() / ((n - 1) * (n - 2)) - (sums[rows, None] + sums[start:]) / (n - 2)
    for chunk in x.split(UNITS_PER_CHUNK, dim=1):
        block += chunk[rows] @ chunk[start:].T
    return block.triu_(1)
