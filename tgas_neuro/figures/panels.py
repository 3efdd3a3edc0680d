"""Small multiples: the same axes side by side, lines with intervals and their names beside them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tgas_neuro.figures.style import DARK, build_figure, label_ends

FEW = 3  # places, at which whiskers beside each other are clearer than bands
APART = 0.06  # distance of whiskers at one place
LABEL = 0.16  # height of a name [inch]


@dataclass(frozen=True)
class Line:
    """A line of a panel.

    Attributes
    ----------
    name
        Written at its end.
    values
        One for each place.
    intervals
        (low, high) of each value.
    colour
        Of line, interval and name.
    style
        matplotlib's; the interval of a dotted line (``":"``) is drawn as whiskers, not as a band.
    """

    name: str
    values: Sequence[float]
    intervals: Sequence[Sequence[float]]
    colour: str
    style: str = "-"


@dataclass(frozen=True)
class Panel:
    """One of the multiples: its title, in `colour`, and its lines."""

    title: str
    lines: Sequence[Line]
    colour: str = DARK


def build_panels_figure(
    panels: Sequence[Panel],
    places: Sequence[str],
    labels: tuple[str, str],
    columns: int,
    size: tuple[float, float],
) -> Figure:
    """A figure of panels with common axes.

    Parameters
    ----------
    panels
        In the order of reading.
    places
        Names of the places along the x axis, as they are apart equally.
    labels
        Of the x and the y axis.
    columns
        Panels side by side, at most.
    size
        Width and height of a panel [inch].
    """
    figure, grid = build_grid(len(panels), columns, size)
    for ax, panel in zip(grid.flat, panels, strict=False):
        plot_panel(panel, places, ax)
    finish_grid(grid, *labels)
    for ax, panel in zip(grid.flat, panels, strict=False):  # the common limits are known now
        ends = [(float(line.values[-1]), line.name, line.colour) for line in panel.lines]
        label_ends(ax, ends, LABEL / size[1])
    return figure


def plot_panel(panel: Panel, places: Sequence[str], ax: Axes) -> Axes:
    """Draw lines and their intervals into `ax` and return it; names come when limits are known."""
    x = np.arange(len(places))
    middle = (len(panel.lines) - 1) / 2
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    for number, line in enumerate(panel.lines):
        low, high = np.transpose(line.intervals)
        whiskers = len(places) <= FEW or line.style == ":"
        shift = APART * (number - middle) if whiskers else 0.0
        marker = "o" if len(places) <= FEW else ""
        ax.plot(x + shift, line.values, line.style, marker=marker, ms=3.5, color=line.colour)
        if whiskers:
            ax.vlines(x + shift, low, high, color=line.colour, linewidth=1.0)
        else:
            ax.fill_between(x, low, high, color=line.colour, alpha=0.18, linewidth=0)
    ax.set_xticks(x, places)
    ax.set_xlim(-0.25, len(places) - 0.75)
    ax.set_title(panel.title, fontsize=9, color=panel.colour)
    return ax


def build_grid(
    number: int, columns: int, size: tuple[float, float], sharex: bool = True
) -> tuple[Figure, np.ndarray]:
    """A figure with so many axes of a size, in a grid (row, column) whose rest is hidden."""
    n_columns = min(number, columns)
    n_rows = -(-number // n_columns)
    figure = build_figure((n_columns * size[0], n_rows * size[1] + 0.3))
    figure.set_layout_engine("constrained")
    grid = figure.subplots(n_rows, n_columns, squeeze=False, sharex=sharex, sharey=True)
    for ax in grid.flat[number:]:
        ax.set_visible(False)
    return figure, grid


def finish_grid(grid: np.ndarray, x: str, y: str) -> None:
    """Name the axes: y at the left of each row, x and its ticks below each column's last panel."""
    for ax in grid[:, 0]:
        ax.set_ylabel(y)
    for column in grid.T:
        last = [ax for ax in column if ax.get_visible()][-1]
        last.set_xlabel(x)
        last.tick_params(labelbottom=True)
