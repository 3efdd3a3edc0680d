"""Partial least squares with scikit-learn's values, from inner products of stimuli."""

import torch

MAX_ITERATIONS, TOLERANCE = 500, 1e-6  # of scikit-learn's PLSRegression
AT_ONCE = 32  # power iterations, a power of 2
SMALLEST = 1e-10
EXHAUSTED = 1e-13  # share of the first squared covariance that rounding leaves


def correlate_by_pls(
    kernel: torch.Tensor, y: torch.Tensor, tests: torch.Tensor, n_components: int
) -> torch.Tensor:
    """PLS regression of all splits side by side, without scaling.

    scikit-learn's `PLSRegression` stops its power iterations early, and so its values depend on
    their course. The same iterations run here on products of sites instead of whole features
    (Lindgren, Geladi & Wold 1993, J Chemom 7: 45-59; Rännar et al. 1994, J Chemom 8: 111-125).

    With X and Y of a split less what earlier components explain, S = X^T Y over the fitted rows, a
    component has the weights S d / |S d|, d from the power iterations on S^T S. Kept are X S of all
    rows, (split, row, neuroid), and S^T S; the weights, as wide as the layer, are not.

    Parameters
    ----------
    kernel
        (row, row), inner products of the centred features, float64.
    y
        (row, neuroid), responses, each site centred over all rows, float64.
    tests
        (split, row), bool: held out. All splits hold out as many rows.
    n_components
        At most the number of units.

    Returns
    -------
    correlations
        Pearson's r of predictions and held-out responses, (split, neuroid).
    """
    fitted = (~tests).to(torch.float64)
    n_fitted = fitted.sum(dim=1, keepdim=True)
    means = fitted @ y / n_fitted
    product = kernel @ y
    xs = torch.stack(
        [
            product - kernel[:, test] @ (y[test] - mean)
            for test, mean in zip(tests, means, strict=True)
        ]
    )
    xs -= (torch.einsum("sr,srn->sn", fitted, xs) / n_fitted)[:, None]
    ss = torch.stack([y[~test].T @ found[~test] for test, found in zip(tests, xs, strict=True)])
    varies = torch.stack([(y[~test] != y[~test][0]).any(dim=0) for test in tests])
    start = torch.zeros_like(means)
    start[torch.arange(len(tests)), varies.to(torch.int8).argmax(dim=1)] = 1
    first = torch.zeros((len(tests), 1), dtype=y.dtype, device=y.device)
    scores: list[torch.Tensor] = []
    squares: list[torch.Tensor] = []
    loadings: list[torch.Tensor] = []
    for _ in range(n_components):
        direction, covariance = _iterate_power(ss, start)
        first = torch.maximum(first, covariance)
        left = covariance > EXHAUSTED * first  # else this split is explained
        scale = torch.where(left, 1 / covariance.clamp(min=1e-300).sqrt(), 0.0)
        score = torch.einsum("srn,sn->sr", xs, direction) * scale
        own = score * fitted
        for earlier, square in zip(scores, squares, strict=True):  # but for rounding nothing
            overlap = (earlier * own).sum(dim=1, keepdim=True) / square
            score = score - earlier * overlap
            own = score * fitted
        square = torch.where(left, own.square().sum(dim=1, keepdim=True), 1.0)
        loading = own @ y / square
        carried = own @ kernel
        carried -= (carried * fitted).sum(dim=1, keepdim=True) / n_fitted
        for earlier, before in zip(scores, squares, strict=True):
            overlap = (earlier * fitted * carried).sum(dim=1, keepdim=True) / before
            carried -= earlier * overlap
        length = (own * carried).sum(dim=1, keepdim=True) / square.square()
        ps = torch.einsum("sr,srn->sn", own, xs) / square
        xs.baddbmm_(
            torch.stack([carried, score], dim=2),
            torch.stack([loading, ps - square * length * loading], dim=1),
            alpha=-1,
        )
        both = torch.einsum("sn,sm->snm", square * ps, loading)
        ss = ss - both - both.mT
        ss += torch.einsum("sn,sm->snm", square.square() * length * loading, loading)
        scores.append(score)
        squares.append(square)
        loadings.append(loading)
    all_scores, all_loadings = torch.stack(scores, dim=2), torch.stack(loadings, dim=1)
    return torch.stack(
        [
            correlate_columns(all_scores[split][test] @ all_loadings[split], y[test])
            for split, test in enumerate(tests)
        ]
    )


def _iterate_power(ss: torch.Tensor, start: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Direction of sites for each split, (split, neuroid), and |S d|^2, (split, 1).

    It goes on until the weights S d / |S d| of a split move by less than the tolerance. `AT_ONCE`
    iterations are made together, by powers of S^T S that are made once; each split then takes the
    first of them that ends.
    """
    size = torch.linalg.matrix_norm(ss)[:, None, None].clamp(min=1e-300)
    powers = [ss / size]
    while 2 ** len(powers) < AT_ONCE:
        powers.append(powers[-1] @ powers[-1])
    direction, done = start, torch.full((len(ss),), ss.shape[1] == 1, device=ss.device)
    left = MAX_ITERATIONS - 1
    while left and not done.all():
        steps = direction[:, :, None]
        for power in powers:
            steps = torch.cat([steps, power @ steps], dim=2)
        steps = torch.cat([steps, powers[0] @ steps[:, :, -1:]], dim=2)  # (split, neuroid, step)
        images = powers[0] @ steps
        squares = (steps * images).sum(dim=1).clamp(min=0)
        alike = (images[:, :, :-1] * steps[:, :, 1:]).sum(dim=1)
        cosines = alike / (squares[:, :-1] * squares[:, 1:]).sqrt().clamp(min=1e-300)
        ended = 2 - 2 * cosines[:, :left] < TOLERANCE
        made = ended.shape[1]
        taken = torch.where(ended.any(dim=1), ended.to(torch.int8).argmax(dim=1) + 1, made)
        reached = steps.take_along_dim(taken[:, None, None], dim=2)[:, :, 0]
        length = torch.linalg.vector_norm(reached, dim=1, keepdim=True)
        done = done | (length[:, 0] == 0)
        direction = torch.where(done[:, None], direction, reached / length.clamp(min=1e-300))
        done, left = done | ended.any(dim=1), left - made
    image = torch.einsum("snm,sm->sn", ss, direction)
    return direction, (direction * image).sum(dim=1, keepdim=True).clamp(min=0)


def correlate_columns(predicted: torch.Tensor, measured: torch.Tensor) -> torch.Tensor:
    """Pearson's r of each column over rows, (neuroid,); NaN where a column is constant.

    Predictions that vary by less than a share of `SMALLEST` of what was measured are constant but
    for rounding.
    """
    first, second = predicted - predicted.mean(dim=0), measured - measured.mean(dim=0)
    lengths = [torch.linalg.vector_norm(values, dim=0) for values in (first, second)]
    varies = (lengths[0] > SMALLEST * lengths[1]) & (lengths[1] > 0)
    r = (first * second).sum(dim=0) / (lengths[0] * lengths[1])
    return torch.where(varies, r, torch.nan)
