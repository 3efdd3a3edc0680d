import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, PathPatch

from tgas_neuro.architecture.chain.drawing import FILLS, STEP, WIDTH, calc_chain_size, plot_chain
from tgas_neuro.architecture.chain.genotype import KERNELS, ChainGenotype, ChainLayer

LAYERS = (
    ChainLayer(1, 3, 1),
    ChainLayer(8, 7, 2),
    ChainLayer(4, 1, 1, skip=0),
    ChainLayer(2, 5, 1, skip=2),
)
GENOTYPE = ChainGenotype("chain", LAYERS)
TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.fixture
def drawn():
    from matplotlib import pyplot

    figure, ax = pyplot.subplots(figsize=calc_chain_size(GENOTYPE))
    plot_chain(GENOTYPE, ax, "best chain")
    figure.canvas.draw()
    yield ax
    pyplot.close(figure)


def get_patches(ax, kind):
    return [patch for patch in ax.patches if type(patch) is kind]


def test_every_kernel_has_a_colour():
    assert set(FILLS) == set(KERNELS)


def test_every_layer_tells_its_kernel_width_and_stride(drawn):
    texts = [text.get_text() for text in drawn.texts]
    assert [text for text in texts if "\n" in text] == [
        f"3{TIMES}3\nF\nstride 1",
        f"7{TIMES}7\n8 F\nstride 2",
        f"1{TIMES}1\n4 F\nstride 1",
        f"5{TIMES}5\n2 F\nstride 1",
    ]
    assert [text for text in texts if "\n" not in text] == [
        "stem",
        *(f"layer {number}" for number in range(4)),
    ]
    assert drawn.get_title() == "best chain"


def test_wider_layers_have_higher_boxes_that_hold_their_text(drawn):
    _, *boxes = get_patches(drawn, FancyBboxPatch)
    heights = [box.get_height() for box in boxes]
    assert heights[0] < heights[3] < heights[2] < heights[1]
    texts = [text for text in drawn.texts if "\n" in text.get_text()]
    for box, text in zip(boxes, texts, strict=True):
        inside, extent = box.get_window_extent(), text.get_window_extent()
        assert inside.x0 < extent.x0 < extent.x1 < inside.x1
        assert inside.y0 < extent.y0 < extent.y1 < inside.y1


def test_arrows_lead_from_layer_to_layer_and_arcs_along_skips(drawn):
    assert len(get_patches(drawn, FancyArrowPatch)) == len(LAYERS)
    arcs = [patch.get_path().vertices for patch in get_patches(drawn, PathPatch)]
    boxes = get_patches(drawn, FancyBboxPatch)
    # Layer 2 reads the stem and layer 3 reads layer 1; boxes are the stem's, then the layers'.
    for arc, (start, end) in zip(arcs, [(0, 3), (2, 4)], strict=True):
        assert arc[0] == pytest.approx((start * STEP + WIDTH / 4, boxes[start].get_height() / 2))
        assert arc[-1] == pytest.approx((end * STEP - WIDTH / 4, boxes[end].get_height() / 2))
    bottom, top = drawn.get_ylim()
    for patch in drawn.patches:
        extent = patch.get_window_extent().transformed(drawn.transData.inverted())
        assert bottom < extent.y0 < extent.y1 < top
