"""An RDM as a picture: sorted by category, coloured by rank, its stimuli along the axes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from PIL import Image
from scipy.spatial.distance import squareform

# Above so many stimuli, neighbours are averaged: a screen has no more pixels to spare.
MAX_CELLS = 700

# More categories than this get no names: they would overlap.
MAX_NAMES = 24

MOST_PICTURES = 16  # stimuli along an axis: of more, every so many are shown
PICTURE = 64  # width and height of a stimulus there, at most [px]
MARGIN = 0.05  # around a stimulus, of its width

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
    stimuli: np.ndarray | None = None,
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
    stimuli
        (row, y, x, rgb), uint8, in the order of the RDM's rows; some are shown along both axes,
        each beside its row. None shows none.
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
        interpolation="none",  # SVG and PDF hold the matrix itself
        aspect="equal",
    )
    _draw_borders(ax, borders, n)
    beside, below = (ax, ax) if stimuli is None else draw_stimuli(ax, stimuli[order])
    _label_categories(beside, below, names, borders, n)
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
    interval: tuple[float, float] | None = None,
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
    interval
        2.5 and 97.5 percentile of the ceiling over splits.
    """
    first = f"simulated {region}" if simulated else region
    if n_sites is not None:
        first += f", {n_sites} {'units' if noise_free else 'sites'}"
    if noise_free:
        return f"{first}\nwithout noise"
    if ceiling is None:
        return f"{first}\nno ceiling: RDM only"
    notes = [] if interval is None else [f"{interval[0]:.3f} to {interval[1]:.3f}"]
    notes += [f"{splits} splits"] if splits else []
    return f"{first}\nceiling {ceiling:.3f}" + (f" ({' over '.join(notes)})" if notes else "")


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


def draw_stimuli(ax: Axes, stimuli: np.ndarray) -> tuple[Axes, Axes]:
    """Draw stimuli along the left and the lower edge of an RDM.

    Parameters
    ----------
    ax
        Axes of the RDM.
    stimuli
        (row, y, x, rgb), uint8, in the order of the rows.

    Returns
    -------
    beside, below
        New axes with the stimuli, whose ticks are outside of them.
    """
    n = len(stimuli)
    shown = choose_shown(n)
    pictures = np.stack([_frame_picture(stimuli[row]) for row in shown])
    share = 1 / len(shown)
    beside = ax.inset_axes((-share, 0, share, 1))
    below = ax.inset_axes((0, -share, 1, share))
    beside.imshow(np.concatenate(pictures, axis=0), extent=(0, 1, n, 0), aspect="auto")
    below.imshow(np.concatenate(pictures, axis=1), extent=(0, n, 1, 0), aspect="auto")
    for one in (beside, below):
        one.set_xticks([])
        one.set_yticks([])
        one.spines[:].set_visible(False)
    return beside, below


def choose_shown(n: int) -> np.ndarray:
    """Rows in the middle of equal parts of an axis, at most `MOST_PICTURES`."""
    number = min(n, MOST_PICTURES)
    return np.floor((np.arange(number) + 0.5) * n / number).astype(int)


def _frame_picture(pixels: np.ndarray) -> np.ndarray:
    """A stimulus, made smaller where it is larger than `PICTURE`, with a white margin."""
    if len(pixels) > PICTURE:
        image = Image.fromarray(pixels).resize((PICTURE, PICTURE), Image.Resampling.BOX)
        pixels = np.asarray(image)
    margin = max(1, round(MARGIN * len(pixels)))
    return np.pad(pixels, ((margin,) * 2, (margin,) * 2, (0, 0)), constant_values=255)


def _draw_borders(ax: Axes, borders: np.ndarray, n: int) -> None:
    for border in borders[1:-1]:
        ax.axhline(border, color="white", linewidth=0.8)
        ax.axvline(border, color="white", linewidth=0.8)
    ax.set_xlim(0, n)
    ax.set_ylim(n, 0)
    ax.spines[:].set_visible(False)
    ax.set_xticks([])
    ax.set_yticks([])


def _label_categories(
    beside: Axes, below: Axes, names: list[str], borders: np.ndarray, n: int
) -> None:
    """Name the categories at the left of one axes and below another."""
    for ax in (beside, below):
        ax.tick_params(length=0, labelsize=8)
    if not names or len(names) > MAX_NAMES:
        what = f"{n} stimuli" + (f" in {len(names)} categories" if names else "")
        below.set_xlabel(what, fontsize=8)
        return
    middles = (borders[:-1] + borders[1:]) / 2
    below.set_xticks(middles, names, rotation=45, ha="right", rotation_mode="anchor")
    beside.set_yticks(middles, names)
    below.set_xlabel(f"{n} stimuli", fontsize=8)
