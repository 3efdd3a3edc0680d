"""Neural predictivity: how well the features of a layer predict the responses of each site.

A linear map from features to responses is fitted to some stimuli and tested on the others. Both
maps are those of Brain-Score's metrics ``ridge`` and ``pls``, on the same splits with the same
values. What the splits share is calculated once.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
import xarray as xr

from tgas_neuro.rdm.streaming.ranked import SUBSETS
from tgas_neuro.runtime.errors import check_choice
from tgas_neuro.scoring.pls import correlate_by_pls, correlate_columns
from tgas_neuro.teacher.held_out import get_site_ceilings

ALPHA = 1.0  # penalty of Brain-Score's ridge
N_COMPONENTS = 25  # of Brain-Score's PLS
ROWS_AT_ONCE, UNITS_AT_ONCE = 512, 4096

Correlations = dict[str, dict[str, np.ndarray]]  # region, subset to (split, neuroid)


def calc_predictivity(correlations: np.ndarray, ceilings: np.ndarray | None = None) -> float:
    """Summarise how well the sites of a region are predicted.

    The median over sites for each split, then the mean over splits, as Brain-Score does.

    Parameters
    ----------
    correlations
        (split, neuroid), from `correlate_held_out`. A site that has no value in a split, because
        its held-out responses do not vary, takes no part there.
    ceilings
        (neuroid,). If given, each site is divided by its ceiling before the median is taken.

    Returns
    -------
    predictivity
        In [-1, 1] without ceilings; NaN when no site has a value.

    Examples
    --------
    >>> calc_predictivity(np.array([[0.2, 0.4, 0.9], [0.4, 0.4, 0.6]]))
    0.4
    >>> calc_predictivity(np.array([[0.4, 0.4, 0.5]]), np.array([0.5, 0.8, 0.5]))
    0.8
    """
    values = correlations if ceilings is None else correlations / ceilings
    values = values[np.isfinite(values).any(axis=1)]
    return float(np.nanmedian(values, axis=1).mean()) if len(values) else float("nan")


def correlate_held_out(
    features: torch.Tensor,
    responses: Mapping[str, torch.Tensor],
    held_out: Mapping[str, np.ndarray],
    method: str,
) -> Correlations:
    """Predict held-out responses from features, and correlate them with those measured.

    ``ridge`` is ridge regression with an unpenalised intercept and penalty 1. With M the inverse
    of K + 1 without its part along the vector of ones, K the inner products of the centred
    features, the errors on held-out rows T are (M_TT)^-1 (M y)_T (Dubrule 1983, Math Geol 15:
    687-699), so that all splits need one inverse. Where there are fewer units than rows the same
    is calculated from inner products of units.

    ``pls`` is PLS regression with 25 components, without scaling: a layer of fewer units has as
    many components as units. See `tgas_neuro.scoring.pls.correlate_by_pls`.

    Parameters
    ----------
    features
        (row, unit), on any device. Sums are in float64.
    responses
        Region to (row, neuroid).
    held_out
        Subset of the rows to (split, row): 1 for rows that are held out, 0 for those that the map
        is fitted to, -1 for rows outside the subset.
    method
        ``"ridge"`` or ``"pls"``.

    Returns
    -------
    correlations
        Region to subset to Pearson's r of each site over the held-out rows, (split, neuroid). All
        NaN when the features do not vary over rows or are not finite; NaN for a site whose
        held-out responses or predictions do not vary.
    """
    check_choice("method", method, METHODS)
    measured = {name: found.to(features.device, torch.float64) for name, found in responses.items()}
    defined = bool(torch.isfinite(features).all() and (features != features[0]).any())
    kernel = None
    if defined and (method == "pls" or features.shape[1] >= len(features)):
        kernel = _calc_kernel(features)
    found: Correlations = {name: {} for name in responses}
    for subset, flags in held_out.items():
        rows = np.flatnonzero(flags[0] >= 0)
        tests = torch.from_numpy(flags[:, rows] == 1).to(features.device)
        taken = torch.from_numpy(rows).to(features.device)
        y = {name: values[taken] for name, values in measured.items()}
        if not defined:
            for name, values in y.items():
                found[name][subset] = np.full((len(tests), values.shape[1]), np.nan)
            continue
        if kernel is None:
            x, products = features[taken].to(torch.float64), None
        else:
            x, products = features, _centre(kernel[taken][:, taken])
        for name, values in METHODS[method](x, products, y, tests).items():
            found[name][subset] = values.cpu().numpy()
    return found


Regions = Mapping[str, torch.Tensor]


def _predict_by_ridge(
    x: torch.Tensor, kernel: torch.Tensor | None, responses: Regions, tests: torch.Tensor
) -> dict[str, torch.Tensor]:
    """All regions at once: the map of one site does not depend on the others."""
    y = torch.cat(list(responses.values()), dim=1)
    y = y - y.mean(dim=0)
    n_rows = len(y)
    if kernel is None:
        x = x - x.mean(dim=0)
        inner = x.T @ x
        inner.diagonal().add_(ALPHA)
        root = torch.linalg.solve_triangular(torch.linalg.cholesky(inner), x.T, upper=False)
        errors = y - root.T @ (root @ y)  # in sample

        def get_block(test: torch.Tensor) -> torch.Tensor:
            block = -(root[:, test].T @ root[:, test]) - 1 / n_rows
            block.diagonal().add_(1)
            return block

    else:
        inverse = _invert(kernel)
        errors = inverse @ y

        def get_block(test: torch.Tensor) -> torch.Tensor:
            return inverse[test][:, test]

    correlations = []
    for test in tests:
        predicted = y[test] - torch.linalg.solve(get_block(test), errors[test])
        correlations.append(correlate_columns(predicted, y[test]))
    widths = [values.shape[1] for values in responses.values()]
    split = torch.stack(correlations).split(widths, dim=1)
    return dict(zip(responses, split, strict=True))


def _invert(kernel: torch.Tensor) -> torch.Tensor:
    """Inverse of a centred kernel plus the penalty, without its part along the vector of ones."""
    n_rows = len(kernel)
    along = kernel.diagonal().mean()  # the kernel has nothing there; any value goes out again
    penalised = kernel + along / n_rows
    penalised.diagonal().add_(ALPHA)
    root, failed = torch.linalg.cholesky_ex(penalised)
    if failed:  # the penalty is lost in the rounding of large features
        values, vectors = torch.linalg.eigh(penalised)
        inverse = (vectors / values.clamp(min=ALPHA)) @ vectors.T
    else:
        inverse = torch.cholesky_inverse(root)
    return inverse.sub_(1 / (n_rows * (ALPHA + along)))


def _predict_by_pls(
    x: torch.Tensor, kernel: torch.Tensor | None, responses: Regions, tests: torch.Tensor
) -> dict[str, torch.Tensor]:
    assert kernel is not None
    n_fitted = int((~tests[0]).sum())
    n_components = min(N_COMPONENTS, x.shape[1], n_fitted - 1)
    return {
        name: correlate_by_pls(kernel, y - y.mean(dim=0), tests, n_components)
        for name, y in responses.items()
    }


def _calc_kernel(features: torch.Tensor) -> torch.Tensor:
    """Inner products of the rows, each unit centred, (row, row), float64."""
    n_rows = len(features)
    kernel = torch.zeros((n_rows, n_rows), dtype=torch.float64, device=features.device)
    for units in features.split(UNITS_AT_ONCE, dim=1):
        x = units.to(torch.float64)
        x = x - x[0]  # a unit that is constant becomes 0, without rounding
        x -= x.mean(dim=0)
        for start in range(0, n_rows, ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            kernel[rows, : start + ROWS_AT_ONCE] += x[rows] @ x[: start + ROWS_AT_ONCE].T
    return kernel.tril_().add_(kernel.tril(-1).T)


def _centre(kernel: torch.Tensor) -> torch.Tensor:
    """The kernel of features that are centred over the rows of a subset."""
    means = kernel.mean(dim=0)
    return kernel - means - means[:, None] + means.mean()


METHODS = {"ridge": _predict_by_ridge, "pls": _predict_by_pls}


def prepare_predictivity(
    method: str, regions: Mapping[str, xr.Dataset]
) -> Callable[[torch.Tensor, str, bool], dict[str, dict[str, float]]]:
    """Make a function that scores a layer against regions on the same stimuli.

    Its similarities of a region are the predictivity on ``all`` rows, ``half_0`` and ``half_1``,
    and where the region is corrected for noise the same with each site divided by its ceiling, as
    ``all_corrected``, ``half_0_corrected`` and ``half_1_corrected``.
    """
    flags = next(iter(regions.values()))["held_out"].values
    held_out = dict(zip(SUBSETS, flags, strict=True))
    responses = {
        name: torch.from_numpy(region["responses"].values) for name, region in regions.items()
    }
    ceilings = {name: get_site_ceilings(region) for name, region in regions.items()}

    def compare(features: torch.Tensor, distance: str, exact: bool) -> dict[str, dict[str, float]]:
        found = correlate_held_out(features, responses, held_out, method)
        return {name: dict(_summarise(found[name], ceilings[name])) for name in responses}

    return compare


def _summarise(
    found: Mapping[str, np.ndarray], ceilings: np.ndarray | None
) -> Iterator[tuple[str, float]]:
    for subset, correlations in found.items():
        yield subset, calc_predictivity(correlations)
        if ceilings is not None:
            yield f"{subset}_corrected", calc_predictivity(correlations, ceilings)
