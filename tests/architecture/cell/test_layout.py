"""The layout: wiring, channels and sizes, by hand and as invariants."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype
from tgas_neuro.architecture.cell.layout import OperationLayout, build_layout
from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.runtime.errors import UserError

SMALL = {"filters": 8, "cells_per_stage": 1, "stages": 3, "n_classes": 10, "image_size": 32}


def test_cells_between_stages_have_stride_2_and_doubled_filters():
    layout = build_layout(PNASNET5, Skeleton(**SMALL))
    assert [cell.name for cell in layout.cells] == [f"cell_{i}" for i in range(5)]
    assert [cell.filters for cell in layout.cells] == [8, 16, 16, 32, 32]
    assert [cell.stride for cell in layout.cells] == [1, 2, 1, 2, 1]
    assert [cell.size_out for cell in layout.cells] == [32, 16, 16, 8, 8]
    assert [cell.channels_out for cell in layout.cells] == [40, 80, 80, 160, 160]
    assert [cell.channels_in for cell in layout.cells] == [
        (24, 24),
        (24, 40),
        (40, 80),
        (80, 80),
        (80, 160),
    ]
    assert (layout.stem.channels_out, layout.stem.size_out, layout.features) == (24, 32, 160)


def test_within_stages_the_first_cell_of_a_later_stage_has_stride_2():
    skeleton = Skeleton(**SMALL | {"cells_per_stage": 2, "downsampling": "within"})
    layout = build_layout(PNASNET5, skeleton)
    assert [cell.stride for cell in layout.cells] == [1, 1, 2, 1, 2, 1]
    assert [cell.filters for cell in layout.cells] == [8, 8, 16, 16, 32, 32]


def test_inputs_are_adjusted_to_filters_and_to_one_size():
    cells = build_layout(PNASNET5, Skeleton(**SMALL)).cells
    assert cells[0].adjust == (OperationLayout("conv_1x1", 24, 8, 1, 32),) * 2
    # After a cell of stride 2 the cell before the previous one is twice as large.
    assert cells[2].adjust == (
        OperationLayout("factorized_reduction", 40, 16, 2, 32),
        OperationLayout("conv_1x1", 80, 16, 1, 16),
    )


def test_sizes_of_pnasnet5_large_are_those_of_the_released_network():
    skeleton = Skeleton(216, 4, 3, 1000, 331, stem="imagenet", downsampling="within")
    layout = build_layout(PNASNET5, skeleton)
    assert (layout.stem.channels_out, layout.stem.size_out) == (96, 165)
    assert [cell.name for cell in layout.cells[:3]] == ["stem_cell_0", "stem_cell_1", "cell_0"]
    assert [cell.size_out for cell in layout.cells] == [83, 42, *[42] * 4, *[21] * 4, *[11] * 4]
    assert [cell.channels_out for cell in layout.cells] == [270, 540, *[1080] * 4] + [2160] * 4 + [
        4320
    ] * 4
    # The first cell reads the stem unadjusted as its input 0.
    assert layout.cells[0].adjust == (None, OperationLayout("conv_1x1", 96, 54, 1, 165))
    first = layout.cells[0].blocks[0]
    assert {op.channels_in for op in first.operations} == {96}


def test_a_reduction_cell_takes_the_place_of_the_normal_one_at_stride_2():
    layout = build_layout(NASNET_A, Skeleton(**SMALL))
    assert [len(cell.concat) for cell in layout.cells] == [6, 4, 6, 4, 6]
    strides = [
        (state, op.stride)
        for block in layout.cells[1].blocks
        for state, op in zip(block.inputs, block.operations, strict=True)
    ]
    assert all(stride == (2 if state < 2 else 1) for state, stride in strides)
    assert sorted(stride for _, stride in strides) == [1, 1, 1, 2, 2, 2, 2, 2, 2, 2]


def test_concatenated_inputs_of_a_cell_of_stride_2_are_reduced():
    genotype = CellGenotype("cell", Cell((Block((0, 1), ("identity",) * 2),), (1, 0, 2)))
    cell = build_layout(genotype, Skeleton(**SMALL)).cells[1]
    reduction = OperationLayout("factorized_reduction", 16, 16, 2, 32)
    assert cell.concat == ((0, reduction), (1, reduction), (2, None))
    raw = build_layout(genotype, Skeleton(**SMALL | {"stem": "imagenet"})).cells[0]
    assert raw.concat[0] == (0, OperationLayout("factorized_reduction", 96, 2, 2, 15))


def test_an_input_that_nothing_reads_is_not_adjusted():
    genotype = CellGenotype("cell", Cell((Block((1, 1), ("identity", "sep_conv_3x3")),), (2,)))
    for cell in build_layout(genotype, Skeleton(**SMALL)).cells:
        assert cell.adjust[0] is None
        assert cell.adjust[1] is not None


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    size=st.integers(3, 40),
    stages=st.integers(1, 4),
    cells_per_stage=st.integers(1, 3),
    stem=st.sampled_from(["cifar", "imagenet"]),
    downsampling=st.sampled_from(["between", "within"]),
)
def test_any_plan_fits_together(seed, size, stages, cells_per_stage, stem, downsampling):
    genotype = SPACES["cell"]().sample(np.random.default_rng(seed))
    skeleton = Skeleton(8, cells_per_stage, stages, 10, size, stem=stem, downsampling=downsampling)
    layout = build_layout(genotype, skeleton)
    assert len({cell.name for cell in layout.cells}) == len(layout.cells)
    outputs = [(layout.stem.channels_out, layout.stem.size_out)] * 2
    for cell in layout.cells:
        assert (cell.channels_in[0], cell.sizes_in[0]) == outputs[-2]
        assert (cell.channels_in[1], cell.sizes_in[1]) == outputs[-1]
        assert cell.size_out == -(-cell.size_in // cell.stride)
        for block in cell.blocks:
            for state, op in zip(block.inputs, block.operations, strict=True):
                assert op.channels_out == cell.filters
                assert op.size_out == cell.size_out
                assert op.stride == (cell.stride if state < 2 else 1)
        outputs.append((cell.channels_out, cell.size_out))
    assert layout.features == outputs[-1][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": 0}, "filters: 0"),
        ({"stages": 2.0}, "stages: 2.0"),
        ({"n_classes": "10"}, "n_classes: '10'"),
        ({"image_size": True}, "image_size: True"),
        ({"stem_filters": -1}, "stem_filters: -1"),
        ({"stem": "mnist"}, "stem: 'mnist' is not one of: cifar, imagenet"),
        ({"downsampling": "never"}, "downsampling: 'never'"),
        ({"stem": "imagenet", "image_size": 2}, "image_size: 2"),
        ({"stem": "imagenet", "filters": 7}, "filters: 7"),
    ],
)
def test_impossible_sizes_are_refused(change, message):
    with pytest.raises(UserError, match=message):
        Skeleton(**SMALL | change)
