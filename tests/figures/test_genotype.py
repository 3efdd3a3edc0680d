import numpy as np
import pytest

from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.cell.space import CellSpace
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.figures.pictures import build_genotype_figure, draw_best_cell


@pytest.mark.parametrize("name", SPACES)
def test_genotypes_of_every_space_are_drawn_to_a_file(name, tmp_path):
    genotype = SPACES[name]().sample(np.random.default_rng(0))
    best = {"genotype": genotype.to_json(), "id": "g000_c01", "reward": 0.5}
    for number in (0, 1):
        draw_best_cell(best, tmp_path / f"{number}.png")
    first, second = ((tmp_path / f"{number}.png").read_bytes() for number in (0, 1))
    assert first == second
    assert first.startswith(b"\x89PNG")


def test_titles_name_the_cells_where_there_are_two():
    def get_titles(genotype):
        return [ax.get_title() for ax in build_genotype_figure(genotype, "best").axes]

    assert get_titles(PNASNET5) == ["best"]
    assert get_titles(NASNET_A) == ["best: normal cell", "best: reduction cell"]


def test_a_reduction_cell_without_blocks_is_drawn():
    genotype = next(CellSpace(2, reduction=True).grow(None))
    reduction = build_genotype_figure(genotype, "").axes[1]
    texts = [text.get_text() for text in reduction.texts]
    assert texts == ["cell before\nthe previous", "previous\ncell", "concatenate"]
