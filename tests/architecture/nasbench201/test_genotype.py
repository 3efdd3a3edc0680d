"""NAS-Bench-201 cells: strings both ways, JSON, hashes, equivalence."""

from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest
import torch

from tgas_neuro.architecture.nasbench201.genotype import (
    EDGES,
    EXAMPLE,
    OPERATION_NAMES,
    NASBench201Genotype,
)
from tgas_neuro.architecture.nasbench201.layout import CellLayout, build_layout
from tgas_neuro.architecture.nasbench201.network import Cell
from tgas_neuro.architecture.nasbench201.space import NASBench201Space
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.runtime.errors import UserError

EVERYTHING = [
    NASBench201Genotype("nasbench201", operations)
    for operations in product(OPERATION_NAMES, repeat=6)
]


def test_all_15625_strings_parse_and_print_back():
    texts = {genotype.to_string() for genotype in EVERYTHING}
    assert len(texts) == 15_625
    for genotype in EVERYTHING:
        assert NASBench201Genotype.from_string(genotype.to_string()) == genotype
    assert len({genotype.hash for genotype in EVERYTHING}) == 15_625


def test_a_string_of_the_benchmark_names_the_edges_by_node():
    text = "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|none~0|nor_conv_3x3~1|skip_connect~2|"
    genotype = NASBench201Genotype.from_string(text)
    assert dict(zip(EDGES, genotype.operations, strict=True)) == {
        (0, 1): "avg_pool_3x3",
        (0, 2): "nor_conv_1x1",
        (1, 2): "skip_connect",
        (0, 3): "none",
        (1, 3): "nor_conv_3x3",
        (2, 3): "skip_connect",
    }
    assert genotype.to_json() == {"space": "nasbench201", "architecture": text}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (EXAMPLE[1:], "is not a NAS-Bench-201 cell such as"),
        (EXAMPLE + "\n", "is not a NAS-Bench-201 cell such as"),
        (EXAMPLE.replace("~2", "~1"), "is not a NAS-Bench-201 cell such as"),
        (EXAMPLE.replace("avg_pool", "max_pool"), "from node 2 to node 3: 'max_pool_3x3' is not"),
        (None, "None is not a NAS-Bench-201 cell"),
    ],
)
def test_other_strings_are_refused(text, part):
    with pytest.raises(UserError) as error:
        NASBench201Genotype.from_json({"space": "nasbench201", "architecture": text}, "x.json")
    assert str(error.value).startswith("x.json: architecture")
    assert part in str(error.value)


def test_malformed_genotypes_cannot_be_built_in_python_either():
    with pytest.raises(UserError, match="operations: 5 of them; the cell has 6 edges"):
        NASBench201Genotype("nasbench201", ("none",) * 5)
    with pytest.raises(UserError, match="from node 0 to node 1: 'pool' is not one of: none"):
        NASBench201Genotype("nasbench201", ("pool",) + ("none",) * 5)


def test_the_hash_stays_the_same():
    # Written down, so that a change that would orphan stored records is noticed.
    assert NASBench201Genotype.from_string(EXAMPLE).hash == "84f76a7239ed6b00"


def calc_function(operations, linear=True):
    """What a cell computes, as a sum of terms with counts; none is nothing.

    Equal operations on equal inputs have equal weights. A convolution of nothing is nothing, and
    an average of a sum is the sum of the averages, unless it is not taken to be linear.
    """
    nodes = [Counter({"x": 1})]
    edges = dict(zip(EDGES, operations, strict=True))
    for node in (1, 2, 3):
        total = Counter()
        for start in range(node):
            operation, read = edges[start, node], nodes[start]
            if operation == "skip_connect":
                total.update(read)
            elif operation == "avg_pool_3x3" and linear:
                total.update({("pool", term): count for term, count in read.items()})
            elif operation != "none" and read:
                total[operation, frozenset(read.items())] += 1
        nodes.append(total)
    return frozenset(nodes[3].items())


def test_the_15625_topologies_fall_into_6466_classes_of_one_function_each():
    functions = defaultdict(set)
    for genotype in EVERYTHING:
        functions[genotype.equivalence].add(calc_function(genotype.operations, linear=False))
    assert len(functions) == 6_466
    assert all(len(found) == 1 for found in functions.values())
    # The benchmark's string keeps zeros in sums, so that fewer functions than classes are left.
    assert len(set().union(*functions.values())) == 4_930


def compute(genotype, features):
    """What the built cell puts out; convolutions of one kind share their weights."""
    layout = next(
        part
        for part in build_layout(genotype, Skeleton(3, 1, 1, 2, 5)).parts
        if isinstance(part, CellLayout)
    )
    cell = Cell(layout).double().eval()
    weights = {
        kernel: torch.randn(3, 3, kernel, kernel, generator=torch.Generator().manual_seed(kernel))
        for kernel in (1, 3)
    }
    with torch.no_grad():
        for module in cell.modules():
            if isinstance(module, torch.nn.Conv2d):
                module.weight.copy_(weights[module.kernel_size[0]])
        return cell(features)


@pytest.fixture
def features():
    return torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(7)).double()


def test_topologies_of_one_class_compute_the_same(features):
    classes = defaultdict(list)
    for genotype in EVERYTHING:
        classes[genotype.equivalence].append(genotype)
    shared = [members for members in classes.values() if len(members) > 1]
    rng = np.random.default_rng(0)
    for number in rng.choice(len(shared), 60, replace=False):
        first, *others = shared[number]
        for other in others[:4]:
            torch.testing.assert_close(compute(other, features), compute(first, features))


def test_topologies_of_different_classes_do_not_but_for_those_with_the_same_terms(features):
    rng = np.random.default_rng(1)
    different = 0
    for one, other in rng.choice(len(EVERYTHING), (250, 2)):
        first, second = EVERYTHING[one], EVERYTHING[other]
        same = calc_function(first.operations) == calc_function(second.operations)
        outputs = compute(first, features), compute(second, features)
        assert torch.allclose(*outputs, rtol=1e-9, atol=1e-12) == same
        if first.equivalence == second.equivalence:
            assert same
        different += not same
    assert different > 200


@pytest.mark.parametrize(
    ("architecture", "unique"),
    [
        # By hand from the rules of `to_unique_str` in the benchmark's code.
        (
            "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|",
            "#+#+(0)@nor_conv_3x3",
        ),
        ("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|", "#+#+(0)@nor_conv_3x3"),
        # A convolution of nothing is nothing, but not one of a sum of nothing.
        (
            "|none~0|+|none~0|nor_conv_1x1~1|+|none~0|none~1|nor_conv_3x3~2|",
            "#+#+(#+#)@nor_conv_3x3",
        ),
        (
            "|skip_connect~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|skip_connect~2|",
            "#+(0)@avg_pool_3x3+(0)@nor_conv_1x1+0",
        ),
    ],
)
def test_the_key_is_the_benchmarks_unique_string(architecture, unique):
    assert NASBench201Genotype.from_string(architecture).equivalence == unique


def test_stages_are_5_then_125_and_the_rest():
    space = NASBench201Space()
    stages = Counter(space.get_stage(genotype) for genotype in EVERYTHING)
    assert stages == {1: 5, 2: 125, 3: 15_495}
    small = next(space.grow(None))
    assert small.operations == ("none", "none", "none", "none", "skip_connect", "none")
    assert {g.operations[3:] for g in space.grow(small)} == {("none", "none", "skip_connect")}
