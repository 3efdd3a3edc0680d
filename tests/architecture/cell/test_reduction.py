"""A normal and a reduction cell: choices, growth in turn, the empty reduction cell."""

import numpy as np
import pytest
import torch

from tgas_neuro.architecture.cell.genotype import Cell, CellGenotype, list_unused
from tgas_neuro.architecture.cell.layout import build_layout
from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.cell.space import EMPTY_REDUCTION, CellSpace
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.runtime.errors import UserError

SMALL = Skeleton(filters=8, cells_per_stage=1, stages=3, n_classes=4, image_size=11)


def concatenate_unused(cell: Cell) -> Cell:
    return Cell(cell.blocks, list_unused(cell.blocks))


def cut(cell: Cell, n_blocks: int) -> Cell:
    return concatenate_unused(Cell(cell.blocks[:n_blocks], ()))


NASNET = CellGenotype(
    "cell", concatenate_unused(NASNET_A.normal), concatenate_unused(NASNET_A.reduction)
)


def test_choices_are_those_of_both_cells():
    one, two = CellSpace(5).choices(), CellSpace(5, reduction=True).choices()
    assert two == {
        f"{cell}.{name}": n for cell in ("normal", "reduction") for name, n in one.items()
    }
    values = CellSpace(5, reduction=True).to_choices(NASNET)
    # Block 4 of the reduction cell of NASNet-A reads its block 0 and the previous cell.
    assert (values["reduction.block4.input1"], values["reduction.block4.input2"]) == (2, 1)
    assert values["normal.block4.input1"] == 1


def test_nasnet_is_a_member_but_for_its_concatenation():
    space = CellSpace(5, reduction=True)
    assert space.validate(NASNET) is NASNET
    with pytest.raises(UserError, match=r"genotype: normal.concat: \[0, 2, 3, 4, 5, 6\]"):
        space.validate(NASNET_A)


def test_equal_cells_are_a_member_and_the_network_of_one_cell():
    space = CellSpace(5, reduction=True)
    cell = concatenate_unused(PNASNET5.normal)
    both, one = CellGenotype("cell", cell, cell), CellGenotype("cell", cell)
    assert both.hash == one.hash
    assert space.validate(both.canonical()).reduction is None
    assert space.to_choices(one) == space.to_choices(both)
    assert space.get_stage(one) == space.get_stage(both) == 10


def test_cells_grow_in_turn_the_normal_one_first():
    space = CellSpace(2, reduction=True)
    genotype, shapes = None, []
    while grown := list(space.grow(genotype)):
        genotype = grown[len(grown) // 3]
        n_blocks = [len(cell.blocks) for cell in (genotype.normal, genotype.reduction)]
        shapes.append((len(grown), *n_blocks))
    # 16 branches of a first block and 24 of a second one, two of them in any order.
    first, second = 16 * 17 // 2, 24 * 25 // 2
    assert [shape[1:] for shape in shapes] == [(1, 0), (1, 1), (2, 1), (2, 2)]
    assert [shape[0] for shape in shapes][:2] == [first, first]
    assert all(0.9 * second < shape[0] <= second for shape in shapes[2:])


def test_growth_reaches_sampled_networks():
    space = CellSpace(1, reduction=True)
    halves = list(space.grow(None))
    assert all(half.reduction == EMPTY_REDUCTION for half in halves)
    reached = {child.hash for half in halves for child in space.grow(half)}
    assert len(reached) == 136 * 136
    rng = np.random.default_rng(0)
    assert all(space.sample(rng).hash in reached for _ in range(300))


@pytest.mark.parametrize(
    ("normal", "reduction", "message"),
    [
        (3, 1, "reduction.blocks: 1 blocks beside 3 of the normal cell"),
        (1, 2, "reduction.blocks: 2 blocks beside 1 of the normal cell"),
    ],
)
def test_partial_genotypes_out_of_turn_are_not_of_the_space(normal, reduction, message):
    space = CellSpace(5, reduction=True)
    genotype = CellGenotype("cell", cut(NASNET.normal, normal), cut(NASNET.reduction, reduction))
    assert space.get_stage(genotype) is None
    with pytest.raises(UserError, match=message):
        space.to_choices(genotype)


def test_partial_genotypes_are_no_members_but_have_choices():
    space = CellSpace(5, reduction=True)
    partial = CellGenotype("cell", cut(NASNET.normal, 2), cut(NASNET.reduction, 1))
    with pytest.raises(UserError, match=r"normal.blocks: 2 blocks; this space has 5"):
        space.validate(partial)
    assert space.get_stage(partial) == 3
    assert len(space.to_choices(partial)) == 3 * 4
    assert space.encode(partial).sum() == 12


def test_the_empty_reduction_cell_only_halves():
    genotype = CellGenotype("cell", cut(NASNET.normal, 1), EMPTY_REDUCTION)
    layout = build_layout(genotype, SMALL)
    assert [cell.size_out for cell in layout.cells] == [11, 6, 6, 3, 3]
    assert [cell.channels_out for cell in layout.cells] == [8, 16, 16, 32, 32]
    network = build_network(genotype, SMALL, torch.Generator().manual_seed(0))
    images = torch.randn(4, 3, 11, 11, generator=torch.Generator().manual_seed(1))
    outputs = []
    for name in ("cell_0", "cell_1"):
        network.cells[name].register_forward_hook(lambda *args: outputs.append(args[2]))
    assert network(images).shape == (4, 4)
    adjust, halve = network.cells["cell_1"].adjust[1], network.cells["cell_1"].output[0]
    expected = halve(adjust(outputs[0].relu()).relu())
    torch.testing.assert_close(outputs[1], expected)


def test_only_a_reduction_cell_may_be_empty():
    with pytest.raises(UserError, match=r"normal.blocks: 0 blocks; a cell has 1 to 12"):
        CellGenotype("cell", EMPTY_REDUCTION)
    content = CellGenotype("cell", cut(NASNET.normal, 1), EMPTY_REDUCTION).to_json()
    assert CellGenotype.from_json(content).reduction == EMPTY_REDUCTION
    content["normal"] = content["reduction"]
    with pytest.raises(UserError, match=r"normal.blocks: 0 blocks"):
        CellGenotype.from_json(content)
