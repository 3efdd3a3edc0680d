import numpy as np
import pytest
from matplotlib.patches import Circle, FancyArrowPatch

from tgas_neuro.architecture.nasbench201 import drawing as nasbench201
from tgas_neuro.architecture.nasbench201.drawing import COLOURS, HEIGHTS, STEP, plot_nasbench201
from tgas_neuro.architecture.nasbench201.genotype import (
    EDGES,
    OPERATION_NAMES,
    NASBench201Genotype,
)

GENOTYPE = NASBench201Genotype("nasbench201", (*OPERATION_NAMES, "nor_conv_3x3"))


def get_arrows(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]


def test_every_operation_has_a_name_and_a_colour():
    assert set(nasbench201.OPERATION_NAMES) == set(COLOURS) == set(OPERATION_NAMES)
    assert len(set(nasbench201.OPERATION_NAMES.values())) == len(OPERATION_NAMES)


def test_four_nodes_and_an_arrow_with_its_operation_for_each_edge(ax):
    plot_nasbench201(GENOTYPE, ax, "best cell")
    texts = [text.get_text() for text in ax.texts]
    for operation, name in nasbench201.OPERATION_NAMES.items():
        assert texts.count(name) == GENOTYPE.operations.count(operation)
    assert [text for text in texts if text.isdigit()] == ["0", "1", "2", "3"]
    assert sum(isinstance(patch, Circle) for patch in ax.patches) == 4
    assert len(get_arrows(ax)) == 6
    assert ax.get_title() == "best cell"


def test_only_edges_of_none_are_dotted(ax):
    plot_nasbench201(GENOTYPE, ax, "")
    dotted = [arrow.get_linestyle() in (":", "dotted") for arrow in get_arrows(ax)]
    assert dotted == [operation == "none" for operation in GENOTYPE.operations]


def test_names_lie_on_their_edges(ax):
    plot_nasbench201(GENOTYPE, ax, "")
    ax.figure.canvas.draw()
    for edge, arrow in zip(EDGES, get_arrows(ax), strict=True):
        polygons = arrow.get_path().transformed(ax.transData).to_polygons(closed_only=False)
        points = ax.transData.inverted().transform(np.concatenate(polygons))
        middle = np.array([sum(edge) / 2 * STEP, HEIGHTS.get(edge, 0.0)])
        names = [text for text in ax.texts if np.allclose(text.get_position(), middle)]
        operation = GENOTYPE.operations[EDGES.index(edge)]
        assert [text.get_text() for text in names] == [nasbench201.OPERATION_NAMES[operation]]
        if edge in HEIGHTS:
            distance = np.linalg.norm(points - middle, axis=1).min()
            assert distance == pytest.approx(0.0, abs=0.15)
