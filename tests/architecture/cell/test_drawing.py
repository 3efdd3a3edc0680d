import pytest
from matplotlib import pyplot
from matplotlib.patches import FancyBboxPatch, PathPatch

from tgas_neuro.architecture.cell.drawing import NAMES, calc_cell_size, plot_cell
from tgas_neuro.architecture.cell.genotype import OPERATION_NAMES, Block, Cell
from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5


def draw(cell):
    figure, ax = pyplot.subplots(figsize=calc_cell_size(cell))
    plot_cell(cell, ax, "normal cell")
    figure.canvas.draw()
    return ax


def get_boxes(ax):
    return [patch for patch in ax.patches if isinstance(patch, FancyBboxPatch)]


def get_lines(ax):
    return [patch for patch in ax.patches if type(patch) is PathPatch]


@pytest.fixture(params=[PNASNET5.normal, NASNET_A.normal, NASNET_A.reduction], ids=str)
def cell(request):
    yield request.param
    pyplot.close("all")


def test_every_operation_block_and_line_is_there(cell):
    ax = draw(cell)
    texts = [text.get_text() for text in ax.texts]
    operations = [NAMES[name] for block in cell.blocks for name in block.operations]
    for name in set(operations):
        assert texts.count(name) == operations.count(name)
    for b in range(len(cell.blocks)):
        assert texts.count(f"block {b}") == 1
    assert texts.count("+") == len(cell.blocks)
    assert texts.count("concatenate") == 1
    assert len(get_boxes(ax)) == 2 * len(cell.blocks) + 3
    assert len(get_lines(ax)) == 2 * len(cell.blocks) + len(cell.concat)
    assert ax.get_title() == "normal cell"


def test_names_fit_into_their_boxes(cell):
    ax = draw(cell)
    for box in get_boxes(ax):
        inside = box.get_window_extent()
        middle = (inside.x0 + inside.x1) / 2, (inside.y0 + inside.y1) / 2
        text = min(
            (text for text in ax.texts if text.get_text() != "+"),
            key=lambda text: sum(
                (a - b) ** 2
                for a, b in zip(ax.transData.transform(text.get_position()), middle, strict=True)
            ),
        )
        extent = text.get_window_extent()
        assert inside.x0 < extent.x0 < extent.x1 < inside.x1
        assert inside.y0 < extent.y0 < extent.y1 < inside.y1


def test_lines_end_at_the_half_of_their_operation():
    cell = Cell((Block((0, 1), ("identity", "max_pool_3x3")),), (2,))
    ax = draw(cell)
    places = {text.get_text(): text.get_position() for text in ax.texts}
    ends = [line.get_path().vertices[-1].tolist() for line in get_lines(ax)]
    starts = [line.get_path().vertices[0].tolist() for line in get_lines(ax)]
    names = ("identity", "max pool 3\N{MULTIPLICATION SIGN}3", "concatenate")
    for end, name in zip(ends, names, strict=True):
        assert end[1] == pytest.approx(places[name][1])
        assert end[0] < places[name][0]
    assert starts[0][1] == pytest.approx(places["cell before\nthe previous"][1])
    assert starts[1][1] == pytest.approx(places["previous\ncell"][1])
    assert ends[0][1] > ends[1][1]
    pyplot.close("all")


def test_every_operation_has_a_name():
    assert set(NAMES) == set(OPERATION_NAMES)
    assert len(set(NAMES.values())) == len(NAMES)


def test_letters_shrink_with_the_picture():
    sizes = []
    for factor in (1, 0.5):
        width, height = calc_cell_size(PNASNET5.normal)
        _, ax = pyplot.subplots(figsize=(factor * width, factor * height))
        plot_cell(PNASNET5.normal, ax, "")
        sizes.append(ax.texts[0].get_fontsize())
    assert sizes[1] == pytest.approx(sizes[0] / 2)
    pyplot.close("all")
