"""The layer map: the similarity of every layer of a candidate with every region of the teacher."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

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
