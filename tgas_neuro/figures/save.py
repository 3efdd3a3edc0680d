"""Writing a figure to a PNG file, whole, the same bytes for the same figure."""

from pathlib import Path

from matplotlib.figure import Figure

from tgas_neuro.runtime.files import written_whole

DPI = 150


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write `figure` as PNG, cut to what is drawn; without matplotlib's version and the date."""
    with written_whole(path) as beside:
        figure.savefig(
            beside,
            format="png",
            dpi=DPI,
            bbox_inches="tight",
            facecolor="white",
            metadata={"Software": None},
        )
