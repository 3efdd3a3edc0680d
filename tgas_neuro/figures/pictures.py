"""The pictures of a run: from the contents of its files to PNG files."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.figures.genotype import build_figure, build_genotype_figure
from tgas_neuro.figures.rdm import build_rdm_title, plot_rdm
from tgas_neuro.figures.save import save_figure
from tgas_neuro.figures.search_curve import plot_search_curve


def draw_region(name: str, region: xr.Dataset, path: str | Path) -> None:
    """Draw the RDM of one region of a teacher, sorted by category, its ceiling in the title."""
    attrs = region.attrs
    ceiling = float(attrs["ceiling"])
    title = build_rdm_title(
        name,
        n_sites=int(attrs["n_sites"]) or None,
        ceiling=ceiling if np.isfinite(ceiling) else None,
        splits=int(attrs["n_splits"]),
        simulated=bool(attrs["simulated"]),
        noise_free=bool(attrs["noise_free"]),
    )
    categories = region["category_name"].values.astype(str)
    known = categories if (categories != "").any() else None
    figure = build_figure((7, 6))
    plot_rdm(region["rdm"].values, known, figure.subplots(), title, distance=attrs["distance"])
    save_figure(figure, path)


def draw_search(history: dict[str, Any], run: str, simulated: bool, path: str | Path) -> None:
    """Draw the rewards of all candidates of a history file; `run` is the name of the search."""
    figure = build_figure((8, 4.5))
    plot_search_curve(history["entries"], figure.subplots(), f"search {run}", simulated)
    save_figure(figure, path)


def draw_best_cell(best: dict[str, Any], path: str | Path) -> None:
    """Draw the genotype of the best candidate of a search in the way of its space."""
    genotype = read_genotype(best["genotype"])
    title = f"best {genotype.space}, {best['id']}, reward {best['reward']:.3f}"
    save_figure(build_genotype_figure(genotype, title), path)
