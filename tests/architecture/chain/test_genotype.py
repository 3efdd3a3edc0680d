"""Chains as data: what is refused and how, hashes, what choices mean."""

import copy

import numpy as np
import pytest

from tgas_neuro.architecture.chain.genotype import ChainGenotype, ChainLayer
from tgas_neuro.architecture.chain.space import ChainSpace
from tgas_neuro.runtime.errors import UserError

LAYER = {"width": 2, "kernel": 3, "stride": 1, "skip": None}
VALID = {"space": "chain", "layers": [LAYER, LAYER | {"skip": 0}, LAYER | {"skip": 1}]}
LAYERS = (ChainLayer(1, 3, 2), ChainLayer(4, 5, 1, 0))


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        (("space",), "cell", ("x.json: space", "'cell'", "chain")),
        (("layers",), [], ("x.json: layers", "0 layers", "1 to 50")),
        (("layers",), [LAYER] * 51, ("x.json: layers", "51 layers", "1 to 50")),
        (("layers",), {}, ("x.json: layers", "{} is not a list")),
        (("layers", 1), {}, ("x.json: layers[1]", "'width' is missing")),
        (("layers", 1, "depth"), 1, ("x.json: layers[1]", "'depth' is unknown")),
        (("layers", 0, "width"), 3, ("layers[0].width: 3 is not one of: 1, 2, 4, 8",)),
        (("layers", 0, "width"), 2.0, ("layers[0].width: 2.0 is not one of",)),
        (("layers", 0, "stride"), True, ("layers[0].stride: True is not one of",)),
        (("layers", 2, "kernel"), 9, ("layers[2].kernel: 9 is not one of: 3, 1, 5, 7",)),
        (("layers", 0, "skip"), 0, ("layers[0].skip: 0; the first layer has nothing to skip",)),
        (("layers", 2, "skip"), 2, ("layers[2].skip: 2 is neither null nor one of 0 to 1",)),
        (("layers", 2, "skip"), -1, ("layers[2].skip: -1",)),
        (("layers", 2, "skip"), False, ("layers[2].skip: False",)),
    ],
)
def test_malformed_json_is_refused_in_one_line_that_names_the_field(path, value, parts):
    ChainGenotype.from_json(VALID, "x.json")
    content = copy.deepcopy(VALID)
    place = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(UserError) as error:
        ChainGenotype.from_json(content, "x.json")
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


def test_the_hash_stays_the_same():
    # Written down, so that a change that would orphan stored records is noticed.
    assert ChainGenotype("chain", LAYERS).hash == "27149eed5ce87706"


def test_the_hash_sees_every_part():
    variants = [
        LAYERS,
        LAYERS[:1],
        (LAYERS[0], ChainLayer(4, 5, 1)),
        (LAYERS[0], ChainLayer(2, 5, 1, 0)),
        (LAYERS[0], ChainLayer(4, 7, 1, 0)),
        (LAYERS[0], ChainLayer(4, 5, 2, 0)),
    ]
    assert len({ChainGenotype("chain", layers).hash for layers in variants}) == len(variants)


def test_choices_are_named_after_the_layer():
    space = ChainSpace(3)
    assert space.choices() == {
        "layers": 3,
        "layer0.width": 4,
        "layer0.kernel": 4,
        "layer0.stride": 2,
        "layer1.width": 4,
        "layer1.kernel": 4,
        "layer1.stride": 2,
        "layer1.skip": 2,
        "layer2.width": 4,
        "layer2.kernel": 4,
        "layer2.stride": 2,
        "layer2.skip": 3,
    }
    values = space.to_choices(ChainGenotype("chain", LAYERS))
    assert values["layers"] == 1
    assert [values[f"layer1.{key}"] for key in ("width", "kernel", "stride", "skip")] == [
        2,
        2,
        0,
        1,
    ]


def test_choices_of_layers_that_are_not_there_are_ignored_and_told_as_zero():
    space = ChainSpace(4)
    genotype = ChainGenotype("chain", LAYERS)
    values = space.to_choices(genotype)
    missing = [name for name in values if name.startswith(("layer2", "layer3"))]
    assert [values[name] for name in missing] == [0] * 8
    assert space.from_choices(values | dict.fromkeys(missing, 1)) == genotype
    code = space.encode(genotype)
    assert code.sum() == 1 + 3 + 4
    n_values = sum(n for name, n in space.choices().items() if name in missing)
    assert not code[-n_values:].any()


def test_chains_of_every_length_are_members_drawn_equally_often():
    space = ChainSpace(5)
    rng = np.random.default_rng(0)
    lengths = [space.get_stage(space.sample(rng)) for _ in range(1000)]
    assert all(140 < lengths.count(length) < 260 for length in range(1, 6))


def test_chains_beyond_the_space_are_refused():
    with pytest.raises(UserError, match="layers: 2 layers; this space has up to 1"):
        ChainSpace(1).validate(ChainGenotype("chain", LAYERS))
    with pytest.raises(UserError, match=r"layers\[1\].skip: 0; this space has no skips"):
        ChainSpace(2, skips=False).validate(ChainGenotype("chain", LAYERS))


def test_a_chain_grows_by_every_layer_there_is():
    grown = list(ChainSpace(4).grow(ChainGenotype("chain", LAYERS)))
    assert len(grown) == 4 * 4 * 2 * 3
    assert all(child.layers[:2] == LAYERS for child in grown)
    assert len(list(ChainSpace(4, skips=False).grow(None))) == 4 * 4 * 2
