"""Which rows of an RDM a page shows: all, or so many of each category that a screen can show."""

import numpy as np
import xarray as xr

MOST_SHOWN = 640  # rows; a screen has few more pixels for an RDM


def choose_shown(region: xr.Dataset, most: int = MOST_SHOWN) -> np.ndarray:
    """Numbers of the rows that are shown, (shown,), sorted by category.

    Rows of one category keep their order. Of more than `most` rows, every so many are taken from
    that order.

    Parameters
    ----------
    region
        Of a teacher.
    most
        The most rows.
    """
    categories = region["category_name"].values.astype(str)
    order = np.argsort(categories, kind="stable")
    return order[:: -(-len(order) // most)]


def take_pairs(rdm: np.ndarray, n: int, rows: np.ndarray) -> np.ndarray:
    """Condensed RDM of some rows in their order.

    Parameters
    ----------
    rdm
        (pair,), in scipy's order of `n` rows.
    n
        Number of its rows.
    rows
        (shown,), numbers of rows, each once.
    """
    first, second = np.triu_indices(len(rows), 1)
    low = np.minimum(rows[first], rows[second]).astype(np.int64)
    high = np.maximum(rows[first], rows[second])
    return rdm[n * low - low * (low + 1) // 2 + high - low - 1]
