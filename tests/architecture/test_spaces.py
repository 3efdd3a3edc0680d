"""One conformance class over every space: what strategies and files rely on."""

import copy
import json
import os
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.architecture.cell.space import CellSpace
from tgas_neuro.architecture.chain.space import ChainSpace
from tgas_neuro.architecture.nasbench201.space import NASBench201Space
from tgas_neuro.architecture.spaces import SPACES, build_space, read_genotype
from tgas_neuro.plan.configuration import read_search
from tgas_neuro.runtime.errors import UserError

EXAMPLES = {
    "cell": CellSpace(5),
    "cell of 2 blocks": CellSpace(2),
    "cell with reduction": CellSpace(3, reduction=True),
    "chain": ChainSpace(10),
    "chain of 3 without skips": ChainSpace(3, skips=False),
    "nasbench201": NASBench201Space(),
}
# So small that all their genotypes can be told one by one.
SMALL = {
    "cell": CellSpace(1),
    "chain": ChainSpace(2),
    "chain without skips": ChainSpace(2, skips=False),
    "nasbench201": NASBench201Space(),
}

READ = """
import json, sys
from tgas_neuro.architecture.spaces import read_genotype
for content in json.load(sys.stdin):
    genotype = read_genotype(content)
    print(json.dumps([genotype.to_json(), genotype.hash]))
sys.exit("torch" in sys.modules)
"""


def draw(space, n, seed=0):
    rng = np.random.default_rng(seed)
    return [space.sample(rng) for _ in range(n)]


def count_changes(space, one, other):
    before, after = space.to_choices(one), space.to_choices(other)
    return sum(before[name] != after[name] for name in before)


def find_neighbours(space, genotype):
    """Hashes of all networks that one changed choice leads to, by trying every change."""
    values = space.to_choices(genotype)
    found = {
        space.from_choices(values | {name: value}).hash
        for name, n_values in space.choices().items()
        for value in range(n_values)
    }
    return found - {genotype.hash}


@pytest.mark.parametrize("space", EXAMPLES.values(), ids=EXAMPLES)
class TestEverySpace:
    def test_samples_are_members_and_follow_from_the_generator(self, space):
        for genotype, again in zip(draw(space, 30), draw(space, 30), strict=True):
            assert space.validate(genotype) is genotype
            assert genotype == again
        assert len({genotype.hash for genotype in draw(space, 30)}) > 20

    def test_choices_and_genotypes_go_both_ways(self, space):
        for genotype in draw(space, 30):
            values = space.to_choices(genotype)
            assert list(values) == list(space.choices())
            assert all(0 <= values[name] < n for name, n in space.choices().items())
            assert space.from_choices(values) == genotype
            assert space.from_choices(space.to_choices(genotype.canonical())).hash == genotype.hash

    def test_every_value_of_every_choice_is_drawn_about_equally_often(self, space):
        n, rng = 700, np.random.default_rng(1)
        drawn = {name: np.zeros(size) for name, size in space.choices().items()}

        class Recorder(type(space)):
            def from_choices(self, values):
                for name, value in values.items():
                    drawn[name][value] += 1
                return super().from_choices(values)

        recorder = Recorder(**vars(space))
        for _ in range(n):
            recorder.sample(rng)
        for counts in drawn.values():
            expected = n / len(counts)
            chi2 = ((counts - expected) ** 2 / expected).sum()
            # Six standard deviations of chi squared above its mean.
            assert chi2 <= (len(counts) - 1) + 6 * np.sqrt(2 * len(counts))

    def test_a_mutant_is_a_member_one_choice_away_and_another_network(self, space):
        rng = np.random.default_rng(2)
        for parent in draw(space, 20):
            mutant = space.mutate(parent, rng)
            space.validate(mutant)
            assert mutant.hash != parent.hash
            assert count_changes(space, parent, mutant) == 1

    def test_neighbours_are_what_one_change_reaches_each_once(self, space):
        for parent in draw(space, 2):
            found = [genotype.hash for genotype in space.neighbours(parent)]
            assert len(found) == len(set(found))
            assert set(found) == find_neighbours(space, parent)
            rng = np.random.default_rng(3)
            assert {space.mutate(parent, rng).hash for _ in range(30)} <= set(found)

    def test_codes_are_of_one_length_and_equal_for_equal_hashes(self, space):
        length = sum(space.choices().values())
        codes = {}
        for parent in draw(space, 8):
            for genotype in (parent, parent.canonical(), *space.neighbours(parent)):
                code = space.encode(genotype)
                assert code.dtype == np.float32
                assert code.shape == (length,)
                assert set(np.unique(code)) <= {0.0, 1.0}
                assert np.array_equal(codes.setdefault(genotype.hash, code), code)
        assert len({code.tobytes() for code in codes.values()}) == len(codes)

    def test_json_and_hash_are_the_same_in_another_process(self, space):
        genotypes = draw(space, 10)
        found = subprocess.run(
            [sys.executable, "-c", READ],
            input=json.dumps([genotype.to_json() for genotype in genotypes]),
            capture_output=True,
            check=True,
            text=True,
            env=os.environ | {"PYTHONHASHSEED": "12345"},
        )
        lines = [json.loads(line) for line in found.stdout.splitlines()]
        assert lines == [[genotype.to_json(), genotype.hash] for genotype in genotypes]
        assert [read_genotype(content) for content, _ in lines] == genotypes

    def test_growth_takes_one_stage_after_another(self, space):
        rng = np.random.default_rng(4)
        genotype = None
        for stage in range(1, space.stages + 1):
            grown = list(space.grow(genotype))
            assert len({child.hash for child in grown}) == len(grown)
            assert {space.get_stage(child) for child in grown} == {stage}
            assert {space.get_stage(child.canonical()) for child in grown[:50]} == {stage}
            genotype = grown[rng.integers(len(grown))]
            assert space.encode(genotype).shape == (sum(space.choices().values()),)
        space.validate(genotype)
        assert list(space.grow(genotype)) == []

    def test_genotypes_of_other_spaces_are_refused(self, space):
        for other in EXAMPLES.values():
            genotype = draw(other, 1)[0]
            if genotype.space == draw(space, 1)[0].space:
                continue
            assert space.get_stage(genotype) is None
            for refuse in (space.validate, space.to_choices):
                with pytest.raises(UserError, match=f"genotype: space: '{genotype.space}'"):
                    refuse(genotype)

    def test_wrong_choices_are_refused(self, space):
        values = space.to_choices(draw(space, 1)[0])
        name, size = next(iter(space.choices().items()))
        with pytest.raises(UserError, match=f"{name}: {size} is not one of 0 to {size - 1}"):
            space.from_choices(values | {name: size})
        with pytest.raises(UserError, match="colour: no such choice"):
            space.from_choices(values | {"colour": 0})
        del values[name]
        with pytest.raises(UserError, match=f"{name}: missing"):
            space.from_choices(values)


@pytest.mark.parametrize("space", SMALL.values(), ids=SMALL)
def test_growth_reaches_every_genotype_in_its_stage(space):
    stages, generation = [], [None]
    for _ in range(space.stages):
        grown = {child.hash: child for parent in generation for child in space.grow(parent)}
        stages.append(set(grown))
        generation = list(grown.values())
    reached = set().union(*stages)
    assert len(reached) == sum(map(len, stages))
    choices = space.choices()
    everything = {
        space.from_choices(dict(zip(choices, values, strict=True))).hash
        for values in product(*map(range, choices.values()))
    }
    assert reached == everything


def test_every_kind_of_space_is_registered_everywhere():
    kinds = {genotype.space for space in EXAMPLES.values() for genotype in draw(space, 1)}
    assert set(SPACES) == kinds
    assert all(name == space.name for name, space in SPACES.items())
    for name in SPACES:
        assert draw(build_space(read_search({"space": name})), 1)[0].space == name


def test_a_space_is_built_with_the_options_of_its_section():
    options = {"cell": {"blocks": 2, "reduction": True}, "chain": {"layers": 3, "skips": False}}
    assert build_space(read_search({"space": "cell"} | options)) == CellSpace(2, reduction=True)
    assert build_space(read_search({"space": "chain"} | options)) == ChainSpace(3, skips=False)
    assert build_space(read_search({"space": "nasbench201"} | options)) == NASBench201Space()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: CellSpace(reduction=1), "reduction: expected true or false, got 1"),
        (lambda: ChainSpace(0), "layers: 0 is too small; the least allowed is 1"),
        (lambda: ChainSpace(True), "layers: expected a whole number, got true"),
        (lambda: ChainSpace(skips="no"), "skips: expected true or false, got 'no'"),
    ],
)
def test_impossible_options_are_refused(build, message):
    with pytest.raises(UserError, match=message):
        build()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def list_paths(content, path=()):
    yield path
    if isinstance(content, dict | list):
        items = content.items() if isinstance(content, dict) else enumerate(content)
        for key, value in items:
            yield from list_paths(value, (*path, key))


@given(
    name=st.sampled_from(sorted(EXAMPLES)),
    seed=st.integers(0, 99),
    place=st.integers(0, 10_000),
    value=json_values,
)
def test_any_json_gives_a_genotype_or_a_user_error_of_one_line(name, seed, place, value):
    content = {"genotype": copy.deepcopy(draw(EXAMPLES[name], 1, seed)[0].to_json())}
    paths = [path for path in list_paths(content) if path]
    *path, last = paths[place % len(paths)]
    inner = content
    for key in path:
        inner = inner[key]
    inner[last] = value
    try:
        genotype = read_genotype(content["genotype"], "x.json")
    except UserError as error:
        assert str(error).startswith("x.json")
        assert "\n" not in str(error)
    else:
        assert read_genotype(genotype.to_json()).hash == genotype.hash
