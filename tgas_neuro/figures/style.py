"""The style of all pictures, and how they are written: PNG, SVG and PDF, the same bytes each time.

Settings of the user's own matplotlib (``matplotlibrc``) do not matter to them.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import written_whole

STYLE = Path(__file__).with_name("tgas.mplstyle")
# Okabe and Ito (2008), as far as lines of them are readable on white; the green is a little darker.
BLUE, VERMILION, GREEN, PURPLE = "#0072b2", "#d55e00", "#008060", "#a6447f"
DARK, GREY = "#262626", "#767676"
REGIONS = (BLUE, VERMILION, GREEN, PURPLE)
# By the ending of a file: what would make two pictures of the same data differ, left out.
FORMATS: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
LEAST = 0.075  # of the height of axes, between two labels


@contextmanager
def styled() -> Iterator[None]:
    """The style, as a context or, with ``@styled()``, around a function that draws."""
    with mpl.rc_context(fname=STYLE):
        yield


def build_figure(size: tuple[float, float]) -> Figure:
    """An empty figure of this width and height [inch], drawn without a screen."""
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    return figure


def check_ending(path: Path, key: str = "--picture") -> None:
    """Refuse a picture whose ending is not that of a format."""
    if path.suffix.lower() not in FORMATS:
        raise UserError(f"{key}: {path}: ending {path.suffix!r}; it may be {', '.join(FORMATS)}")


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG, SVG or PDF by the ending of `path`, cut to what is drawn.

    Text stays text in SVG and PDF. Versions and dates are left out.

    Raises
    ------
    UserError
        Another ending.
    """
    check_ending(Path(path), "picture")
    ending = Path(path).suffix.lower()
    with written_whole(path) as beside, styled():
        figure.savefig(beside, format=ending[1:], metadata=FORMATS[ending])


def save_figures(figure: Figure, paths: str | Path | Iterable[str | Path]) -> None:
    """Write the same figure to one file or several."""
    for path in [paths] if isinstance(paths, str | Path) else paths:
        save_figure(figure, path)


def colour_of(number: int) -> str:
    """Colour of a region by its number; they begin again after the fourth."""
    return REGIONS[number % len(REGIONS)]


def label_ends(ax: Axes, ends: Sequence[tuple[float, str, str]], least: float = LEAST) -> None:
    """Write names at the right of their lines, far enough from each other to be read.

    Labels that are too near are moved apart around their middle, and stay within the axes.

    Parameters
    ----------
    ax
        Where lines are drawn.
    ends
        For each line the value at its end, its name and colour.
    least
        Distance of two labels, as a share of the height of `ax`.
    """
    low, high = ax.get_ylim()
    ordered = sorted(ends)
    places = spread([value for value, _, _ in ordered], least * (high - low), low, high)
    for place, (_, text, colour) in zip(places, ordered, strict=True):
        ax.annotate(
            text,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            fontsize=8,
            va="center",
            color=colour,
            annotation_clip=False,
        )


def spread(values: Sequence[float], least: float, low: float, high: float) -> list[float]:
    """Places for sorted values, at least `least` apart, as near to them as that allows.

    Values that are too near share out around their mean. All places are between `low` and `high`
    where there is room for them, else they go beyond `high`.

    Examples
    --------
    >>> spread([1.0, 1.0, 5.0], 1.0, 0.0, 10.0)
    [0.5, 1.5, 5.0]
    >>> spread([0.0, 0.0], 1.0, 0.0, 10.0)
    [0.0, 1.0]
    """
    groups: list[list[float]] = []  # of neighbours that touch: their values

    def begin(group: list[float]) -> float:
        length = (len(group) - 1) * least
        middle = sum(group) / len(group)
        return max(min(middle - length / 2, high - length), low)

    for value in values:
        groups.append([value])
        while len(groups) > 1:
            before, last = groups[-2], groups[-1]
            if begin(before) + len(before) * least <= begin(last) + 1e-12:
                break
            groups[-2:] = [before + last]
    return [begin(group) + number * least for group in groups for number in range(len(group))]
