"""A genotype as a picture of its own, in the way of its space."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tgas_neuro.architecture.cell.genotype import CellGenotype
from tgas_neuro.architecture.chain.genotype import ChainGenotype
from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.figures.cell import calc_cell_size, plot_cell
from tgas_neuro.figures.chain import calc_chain_size, plot_chain
from tgas_neuro.figures.nasbench201 import SIZE, plot_nasbench201


def build_genotype_figure(genotype: Genotype, title: str) -> Figure:
    """A figure of the genotype, as large as it needs to be readable."""
    return DRAWINGS[genotype.space](genotype, title)


def build_figure(size: tuple[float, float]) -> Figure:
    """An empty figure of so many inches that is drawn without a screen."""
    figure = Figure(figsize=size)
    FigureCanvasAgg(figure)
    return figure


def _draw_cells(genotype: CellGenotype, title: str) -> Figure:
    """The normal cell and, if there is one, the reduction cell below it."""
    cells = {"normal cell": genotype.normal}
    if genotype.reduction is not None:
        cells["reduction cell"] = genotype.reduction
    sizes = [calc_cell_size(cell) for cell in cells.values()]
    heights = [height for _, height in sizes]
    figure = build_figure((max(width for width, _ in sizes), sum(heights)))
    axes = figure.subplots(len(cells), 1, squeeze=False, height_ratios=heights)[:, 0]
    for ax, (name, cell) in zip(axes, cells.items(), strict=True):
        plot_cell(cell, ax, title if len(cells) == 1 else f"{title}: {name}")
    return figure


def _draw_chain(genotype: ChainGenotype, title: str) -> Figure:
    figure = build_figure(calc_chain_size(genotype))
    plot_chain(genotype, figure.subplots(), title)
    return figure


def _draw_nasbench201(genotype: NASBench201Genotype, title: str) -> Figure:
    figure = build_figure(SIZE)
    plot_nasbench201(genotype, figure.subplots(), title)
    return figure


DRAWINGS = {"cell": _draw_cells, "chain": _draw_chain, "nasbench201": _draw_nasbench201}
