"""An RDM as a picture, sorted by category and coloured by rank; the map of layers and regions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.spatial.distance import squareform

# Above so many stimuli, neighbours are averaged: a screen has no more pixels to spare.
MAX_CELLS = 700

# More categories than this get no names: they would overlap.
MAX_NAMES = 24

DISTANCES = {
    "correlation": "1 \N{MINUS SIGN} Pearson r",
    "cosine": "1 \N{MINUS SIGN} cosine",
    "euclidean": "Euclidean distance",
}


def plot_rdm(
    rdm: np.ndarray,
    categories: Sequence[str] | None,
    ax: Axes,
    title: str,
    colorbar: bool = True,
    distance: str = "correlation",
) -> Axes:
    """Draw an RDM into `ax` and return it.

    Colours are percentiles of the dissimilarities between different stimuli: what the comparison
    of RDMs by rank correlation sees, whatever the spread of the values. The diagonal, of no
    dissimilarity, is 0.

    Parameters
    ----------
    rdm
        Condensed vector in scipy's `pdist` order, n (n - 1) / 2 values.
    categories
        Of each of the n stimuli; the rows are sorted by it, within a category they keep their
        order. None: no categories, rows as they are.
    ax
        Where to draw.
    title
        See `build_rdm_title`.
    colorbar
        Whether to add a colour bar (takes some room from `ax`).
    distance
        What the dissimilarities are, for the colour bar.
    """
    order, names, borders = sort_categories(categories, _count_stimuli(rdm))
    percentiles = squareform(calc_percentiles(rdm))[np.ix_(order, order)]
    n = len(order)
    image = ax.imshow(
        shrink_square(percentiles, MAX_CELLS),
        cmap="viridis",
        vmin=0,
        vmax=100,
        extent=(0, n, n, 0),
        interpolation="nearest",
        aspect="equal",
    )
    _draw_categories(ax, names, borders, n)
    ax.set_title(title, fontsize=10)
    if colorbar:
        bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03)
        unit = DISTANCES.get(distance, distance)
        bar.set_label(f"dissimilarity ({unit}), percentile", fontsize=8)
        bar.ax.tick_params(labelsize=8)
        bar.outline.set_visible(False)
    return ax


def build_rdm_title(
    region: str,
    n_sites: int | None = None,
    ceiling: float | None = None,
    splits: int | None = None,
    simulated: bool = False,
    noise_free: bool = False,
) -> str:
    """The two lines above an RDM: what it is of, and how good it can be.

    Parameters
    ----------
    region
        Name of the region, for example ``"V4"``.
    n_sites
        Recorded sites behind the RDM; None where unknown.
    ceiling
        sqrt(Spearman-Brown), in [0, 1]; None if there are no repetitions to compute it from.
    splits
        Random splits behind the ceiling.
    simulated
        Whether the recordings are; the title says so.
    noise_free
        A layer or pixels, without noise: units in place of sites, and a ceiling of 1.
    """
    first = f"simulated {region}" if simulated else region
    if n_sites is not None:
        first += f", {n_sites} {'units' if noise_free else 'sites'}"
    if noise_free:
        return f"{first}\nwithout noise"
    if ceiling is None:
        return f"{first}\nno ceiling: RDM only"
    second = f"ceiling {ceiling:.2f}"
    return f"{first}\n{second}" + (f" ({splits} splits)" if splits else "")


def calc_percentiles(rdm: np.ndarray) -> np.ndarray:
    """Rank of each value as a share of the way from the lowest to the highest, in [0, 100].

    A value that is not defined stays NaN.
    """
    if len(rdm) < 2:
        return np.full(len(rdm), 50.0)
    ranks = pd.Series(rdm).rank().to_numpy()  # scipy.stats takes a second to load
    return (ranks - 1) / max(np.isfinite(rdm).sum() - 1, 1) * 100


def sort_categories(
    categories: Sequence[str] | None, n: int
) -> tuple[np.ndarray, list[str], np.ndarray]:
    """Order of rows, names of the categories in that order, and where they begin and end.

    Returns
    -------
    order, names, borders
        (stimulus,) indices; k names; k + 1 positions from 0 to n.
    """
    if categories is None:
        return np.arange(n), [], np.array([0, n])
    labels = np.asarray(categories).astype(str)
    if len(labels) != n:
        raise ValueError(f"categories of {len(labels)} stimuli, but the RDM has {n}")
    names, counts = np.unique(labels, return_counts=True)
    borders = np.concatenate([[0], np.cumsum(counts)])
    return np.argsort(labels, kind="stable"), [str(name) for name in names], borders


def shrink_square(matrix: np.ndarray, max_size: int) -> np.ndarray:
    """`matrix` with neighbouring rows and columns averaged until at most `max_size` are left.

    The last group is smaller where the size does not divide.
    """
    n = len(matrix)
    step = -(-n // max_size)
    if step == 1:
        return matrix
    starts = np.arange(0, n, step)
    sizes = np.diff(np.append(starts, n))
    sums = np.add.reduceat(np.add.reduceat(matrix, starts, axis=0), starts, axis=1)
    return sums / np.outer(sizes, sizes)


def _count_stimuli(rdm: np.ndarray) -> int:
    n = round((1 + (1 + 8 * len(rdm)) ** 0.5) / 2)
    if rdm.ndim != 1 or n * (n - 1) // 2 != len(rdm):
        raise ValueError(f"an RDM of shape {rdm.shape} is not condensed: no n (n - 1) / 2 values")
    return n


def _draw_categories(ax: Axes, names: list[str], borders: np.ndarray, n: int) -> None:
    for border in borders[1:-1]:
        ax.axhline(border, color="white", linewidth=0.8)
        ax.axvline(border, color="white", linewidth=0.8)
    ax.set_xlim(0, n)
    ax.set_ylim(n, 0)
    ax.tick_params(length=0, labelsize=8)
    for spine in ax.spines.values():
        spine.set_visible(False)
    if not names or len(names) > MAX_NAMES:
        what = f"{n} stimuli" + (f" in {len(names)} categories" if names else "")
        ax.set_xticks([])
        ax.set_yticks([])
        ax.set_xlabel(what, fontsize=8)
        return
    middles = (borders[:-1] + borders[1:]) / 2
    ax.set_xticks(middles, names, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(middles, names)
    ax.set_xlabel(f"{n} stimuli", fontsize=8)


CELL = (1.0, 0.24)  # of one region and one layer [inch], at which the numbers are readable


def plot_layer_map(
    similarities: Mapping[str, Mapping[str, float | None]],
    chosen: Mapping[str, Sequence[str]],
    ax: Axes,
    title: str,
) -> Axes:
    """Draw a layer map into `ax` and return it.

    Rows are layers, from the image (top) to the output, columns are regions. The values are raw
    similarities, before they are corrected for noise.

    Parameters
    ----------
    similarities
        Region to layer to its similarity; None, drawn white, for a layer without a value. All
        regions have the same layers.
    chosen
        Region to the layers that stand for it; they have a frame.
    ax
        Where to draw.
    title
        For example the id of the candidate.
    """
    regions = list(similarities)
    layers = list(similarities[regions[0]])
    values = np.array(
        [[similarities[region][layer] for region in regions] for layer in layers], dtype=float
    )
    low, high = _choose_limits(values)
    image = ax.imshow(values, cmap="viridis", aspect="auto", vmin=low, vmax=high)
    for row, layer in enumerate(layers):
        for column, region in enumerate(regions):
            _write(ax, row, column, values[row, column], image)
            if layer in chosen[region]:
                _frame(ax, row, column)
    ax.set_xticks(range(len(regions)), regions)
    ax.set_yticks(range(len(layers)), layers, fontsize=8)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=10)
    bar = ax.figure.colorbar(image, ax=ax, fraction=0.046, pad=0.03)
    bar.set_label("similarity (raw)", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)
    return ax


def _choose_limits(values: np.ndarray) -> tuple[float, float]:
    """From 0, or the lowest where there are negative ones, to the highest."""
    finite = values[np.isfinite(values)]
    low, high = (min(0.0, finite.min()), finite.max()) if len(finite) else (0.0, 1.0)
    return low, high if high > low else low + 1.0


def _write(ax: Axes, row: int, column: int, value: float, image) -> None:
    dark = np.isfinite(value) and image.norm(value) < 0.6
    ax.text(
        column,
        row,
        f"{value:.3f}" if np.isfinite(value) else "none",
        ha="center",
        va="center",
        fontsize=8,
        color="white" if dark else "black",
    )


def _frame(ax: Axes, row: int, column: int) -> None:
    x, y = np.array([-1, 1, 1, -1, -1]), np.array([-1, -1, 1, 1, -1])
    ax.plot(column + 0.47 * x, row + 0.44 * y, color="#d1495b", linewidth=1.8)
