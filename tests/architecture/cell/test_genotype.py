"""Genotypes: JSON both ways, what is refused and how, and the hash."""

import copy
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgas_neuro.architecture.cell.genotype import Block, Cell, CellGenotype, list_unused
from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.runtime.errors import UserError

BLOCK = {"inputs": [0, 1], "operations": ["identity", "max_pool_3x3"]}
VALID = {
    "space": "cell",
    "normal": {"blocks": [BLOCK, {**BLOCK, "inputs": [2, 0]}], "concat": [3]},
}
REMOVED = object()


@pytest.mark.parametrize("genotype", [PNASNET5, NASNET_A])
def test_published_cells_survive_json(genotype):
    assert CellGenotype.from_json(json.loads(json.dumps(genotype.to_json()))) == genotype
    assert CellGenotype.from_json(genotype.canonical().to_json()).hash == genotype.hash


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_sampled_genotypes_survive_json(seed):
    genotype = SPACES["cell"]().sample(np.random.default_rng(seed))
    assert CellGenotype.from_json(json.loads(json.dumps(genotype.to_json()))) == genotype


def change(path, value):
    """VALID with the value at the path replaced, or the key removed."""
    content = copy.deepcopy(VALID)
    place = content
    for key in path[:-1]:
        place = place[key]
    if value is REMOVED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        (("space",), "chains", ("x.json: space", "'chains'", "cell")),
        (("space",), REMOVED, ("x.json", "'space' is missing", "space, normal")),
        (("normal",), [1], ("x.json: normal", "[1]", "blocks, concat")),
        (("extra",), 1, ("x.json", "'extra' is unknown", "reduction")),
        (("reduction",), {"blocks": []}, ("x.json: reduction", "'concat' is missing")),
        (("normal", "blocks"), [], ("x.json: normal.blocks", "0 blocks", "1 to 12")),
        (("normal", "blocks"), "many", ("x.json: normal.blocks", "'many'", "not a list")),
        (("normal", "blocks", 0, "inputs"), [0], ("normal.blocks[0].inputs", "1 entries")),
        (("normal", "blocks", 0, "inputs"), [0, 2], ("blocks[0].inputs[1]", "2", "0 to 1")),
        (("normal", "blocks", 1, "inputs"), [-1, 0], ("blocks[1].inputs[0]", "-1", "0 to 2")),
        (("normal", "blocks", 1, "inputs"), [2.0, 0], ("blocks[1].inputs[0]", "2.0", "integer")),
        (("normal", "blocks", 1, "inputs"), [True, 2], ("blocks[1].inputs[0]", "True")),
        (("normal", "blocks", 0, "operations"), ["conv", "identity"], ("operations[0]", "'conv'")),
        (("normal", "blocks", 0, "operations"), [["identity"], "identity"], ("operations[0]",)),
        (("normal", "blocks", 0, "name"), "a", ("blocks[0]", "'name' is unknown", "inputs")),
        (("normal", "concat"), [], ("x.json: normal.concat", "empty")),
        (("normal", "concat"), [3, 3], ("normal.concat[1]", "3 is there twice")),
        (("normal", "concat"), [4], ("normal.concat[0]", "4", "0 to 3")),
        (("normal", "concat"), [2], ("normal.concat", "leaves out 3", "add 3")),
        (("normal", "concat"), ["3"], ("normal.concat[0]", "'3'", "integer")),
    ],
)
def test_malformed_json_is_refused_in_one_line_that_names_the_field(path, value, parts):
    CellGenotype.from_json(VALID, "x.json")
    with pytest.raises(UserError) as error:
        CellGenotype.from_json(change(path, value), "x.json")
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
paths = [
    ("space",),
    ("normal",),
    ("reduction",),
    ("normal", "blocks"),
    ("normal", "blocks", 1),
    ("normal", "blocks", 1, "inputs"),
    ("normal", "blocks", 1, "inputs", 0),
    ("normal", "blocks", 1, "operations", 1),
    ("normal", "concat"),
    ("normal", "concat", 0),
]


@settings(max_examples=200, deadline=None)
@given(path=st.sampled_from(paths), value=json_values)
def test_any_json_gives_a_genotype_or_a_user_error(path, value):
    content = change(path, value)
    try:
        genotype = CellGenotype.from_json(content)
    except UserError:
        return
    assert CellGenotype.from_json(genotype.to_json()) == genotype


def test_a_malformed_genotype_cannot_be_built_in_python_either():
    with pytest.raises(UserError, match=r"normal.blocks\[0\].inputs\[0\]: 5 is out of range"):
        CellGenotype("cell", Cell((Block((5, 0), ("identity", "identity")),), (2,)))


def test_the_hash_is_16_hexadecimal_digits_that_stay_the_same():
    # Written down, so that a change that would orphan stored records is noticed.
    assert PNASNET5.hash == "f154e99b192a9c45"
    assert NASNET_A.hash == "444ed88f0b70ac44"


def test_the_hash_sees_operations_inputs_concat_and_reduction():
    def build(op="identity", state=0, concat=(3,), reduction=None):
        blocks = (Block((0, 1), (op, "identity")), Block((2, state), ("identity",) * 2))
        return CellGenotype("cell", Cell(blocks, concat), reduction)

    variants = [
        build(),
        build(op="max_pool_3x3"),
        build(state=1),
        build(concat=(2, 3)),
        build(concat=(0, 3)),
        build(reduction=build(op="max_pool_3x3").normal),
    ]
    assert len({genotype.hash for genotype in variants}) == len(variants)


def test_a_reduction_cell_equal_to_the_normal_one_changes_nothing():
    reordered = Cell(PNASNET5.normal.blocks, PNASNET5.normal.concat[::-1])
    assert CellGenotype("cell", PNASNET5.normal, reordered).hash == PNASNET5.hash


def test_unused_blocks_are_those_that_no_other_block_reads():
    assert list_unused(PNASNET5.normal.blocks) == (2, 3, 5, 6)
    assert list_unused(NASNET_A.reduction.blocks) == (4, 5, 6)


def test_what_light_rules_import_does_not_import_torch():
    code = (
        "import sys, tgas_neuro.architecture.space, tgas_neuro.architecture.skeleton, "
        "tgas_neuro.architecture.cell.published; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
