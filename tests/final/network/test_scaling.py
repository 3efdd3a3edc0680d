"""Scaling up: the filters that a target finds, and what is refused before any work."""

import logging
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from fvcore.nn import FlopCountAnalysis
from support.final_settings import build_settings

from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import SPACES, calc_complexity, read_genotype
from tgas_neuro.config.final import Target
from tgas_neuro.config.section import dump_section
from tgas_neuro.final.network.scaling import describe_size, find_skeleton, parse_macs
from tgas_neuro.plan.configuration import check_configuration, check_scaling
from tgas_neuro.runtime.errors import UserError

NETWORK = {
    "filters": 8,
    "cells_per_stage": 1,
    "stages": 2,
    "stem": "cifar",
    "stem_filters": None,
    "downsampling": "between",
}
MOBILE = {"cells_per_stage": 3, "stages": 3, "stem": "imagenet", "stem_filters": 32}


def build(macs=None, image_size=16, **network):
    target = None if macs is None else {"macs": macs}
    return build_settings(network=NETWORK | network, image_size=image_size, target=target)


def count_macs(network, size):
    """Multiply-adds of convolutions and linear layers, as fvcore traces them."""
    logging.getLogger("fvcore").setLevel(logging.ERROR)
    flops = FlopCountAnalysis(network.eval(), torch.zeros(1, 3, size, size))
    with torch.no_grad():
        found = flops.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        by_operator = found.by_operator()
    return int(by_operator["conv"] + by_operator["linear"])


@pytest.mark.parametrize(
    ("genotype", "network", "macs", "filters"),
    [
        (PNASNET5, MOBILE | {"downsampling": "within"}, "588M", 54),
        (PNASNET5, MOBILE | {"downsampling": "within"}, "600M", 54),
        (PNASNET5, MOBILE | {"downsampling": "within"}, 587_293_199, 53),
        (NASNET_A, MOBILE | {"cells_per_stage": 4}, "0.564G", 44),
    ],
)
def test_the_papers_mobile_networks_are_found(genotype, network, macs, filters):
    config = build(macs, image_size=224, **network)
    skeleton = find_skeleton(config, genotype, 1000)
    assert skeleton.filters == filters
    assert vars(skeleton).items() >= (network | {"n_classes": 1000, "image_size": 224}).items()


def draw_genotypes():
    """Ten genotypes of all spaces, and the stem that each is scaled up with."""
    rng = np.random.default_rng(5)
    spaces = [SPACES["cell"](), SPACES["cell"](5, reduction=True), SPACES["chain"](6)]
    spaces += [SPACES["nasbench201"](), SPACES["cell"](2)]
    return [(space.sample(rng), stem) for space in spaces for stem in ("cifar", "imagenet")]


@pytest.mark.parametrize(("genotype", "stem"), draw_genotypes())
def test_ten_genotypes_at_full_size_have_what_fvcore_counts(genotype, stem):
    """And the found number of filters is the largest, which a search over all of them shows."""
    config = build(4_000_000, image_size=40, stem=stem, stages=2)
    skeleton = find_skeleton(config, genotype, 7)
    network = build_network(genotype, skeleton, torch.Generator())
    size = calc_complexity(genotype, skeleton)
    assert size.params == sum(parameter.numel() for parameter in network.parameters())
    assert size.macs == count_macs(network, 40) <= 4_000_000
    for filters in range(skeleton.filters + 1, 2 * skeleton.filters + 40):
        wider = Skeleton(**vars(skeleton) | {"filters": filters})
        assert calc_complexity(genotype, wider).macs > 4_000_000


def test_a_saving_beyond_the_first_network_that_is_too_large_is_found():
    """With 4 F' filters the projections of a stem of F' channels fall away, and cost drops."""
    pools = {"inputs": [0, 0], "operations": ["max_pool_3x3", "avg_pool_3x3"]}
    genotype = read_genotype(
        {"space": "cell", "normal": {"blocks": [pools] * 6, "concat": [2, 3, 4, 5, 6, 7]}}
    )
    size = {"stem": "imagenet", "stem_filters": 12, "stages": 1, "image_size": 64}
    costs = {
        filters: calc_complexity(
            genotype, find_skeleton(build(**size, filters=filters), genotype, 2)
        ).macs
        for filters in range(8, 120)
    }
    assert costs[48] < costs[47]
    target = (costs[48] + costs[47]) // 2
    best = max(filters for filters, macs in costs.items() if macs <= target)
    assert any(macs > target for filters, macs in costs.items() if filters < best)
    found = find_skeleton(build(target, **size), genotype, 2)
    assert found.filters == best


def test_without_a_target_the_filters_are_those_given():
    skeleton = find_skeleton(build(filters=11), PNASNET5, 3)
    assert skeleton == Skeleton(**NETWORK | {"filters": 11}, n_classes=3, image_size=16)
    size = calc_complexity(PNASNET5, skeleton)
    assert describe_size(PNASNET5, skeleton, None) == (
        f"final: 11 filters: {size.params:,} parameters, {size.macs:,} multiply-adds at 16 pixels"
    )
    assert ", the most within 9M multiply-adds: " in describe_size(
        PNASNET5, skeleton, Target(macs="9M")
    )


def test_chains_scale_by_the_width_of_their_layers():
    chain = SPACES["chain"](4).sample(np.random.default_rng(0))
    skeleton = find_skeleton(build(3_000_000), chain, 4)
    network = build_network(chain, skeleton, torch.Generator())
    widths = [layer.conv.out_channels for layer in network.chain.values()]
    assert widths == [skeleton.filters * layer.width for layer in chain.layers]


def test_a_target_below_the_smallest_network():
    with pytest.raises(UserError, match=r"final.target.macs: 2k; even with 8 filters, the fewest"):
        find_skeleton(build("2k", stem="imagenet"), PNASNET5, 10)


@pytest.mark.parametrize(
    ("value", "macs"),
    [("600M", 600_000_000), ("0.6G", 600_000_000), (588_000_000, 588_000_000), ("12 k", 12_000),
     ("77", 77), (6e8, 600_000_000)],
)  # fmt: skip
def test_ways_to_write_a_target(value, macs):
    assert parse_macs(value) == macs


@pytest.mark.parametrize("value", ["600m", "M", "-3M", "0M", "1e9", "", 0, True, None, "6 00M"])
def test_what_is_no_target(value):
    with pytest.raises(UserError, match=rf"final.target.macs: {re.escape(repr(value))} is not a"):
        parse_macs(value)


@pytest.mark.parametrize(
    ("space", "change", "message"),
    [
        ("chain", {"drop_path": 0.2}, "final.drop_path: 0.2, but a network of space chain adds no"),
        ("chain", {"auxiliary": 0.4}, "final.auxiliary: 0.4, but a network of space chain has no"),
        ("cell", {"auxiliary": 0.4, "network": NETWORK | {"stages": 1}}, "final.auxiliary: 0.4"),
        ("cell", {"target": {"macs": "0M"}}, "final.target.macs: '0M' is not a number"),
        ("cell", {"network": NETWORK | {"stem": "imagenet", "filters": 4}},
         "final.network.filters: 4; the imagenet stem"),
        ("nasbench201", {"network": NETWORK | {"stem_filters": 3}}, "final.network.stem_filters"),
    ],
)  # fmt: skip
def test_mistakes_are_found_before_any_work(space, change, message):
    with pytest.raises(UserError) as caught:
        check_scaling(
            build_settings(**{"network": NETWORK, "image_size": 16} | change), space, "mine.yaml"
        )
    assert str(caught.value).startswith(f"mine.yaml: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("space", ["cell", "chain", "nasbench201"])
@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
def test_no_network_is_cheaper_than_what_is_refused_before_a_search(space, stem):
    """Of 300 random genotypes, down to the smallest of every stage of growth."""
    rng, size = np.random.default_rng(0), {"stem": stem, "stages": 3, "image_size": 32}
    with pytest.raises(
        UserError, match=r"no network of space .* has fewer than [\d,]+ mult"
    ) as caught:
        check_scaling(build(1, **size), space, "mine.yaml")
    least = int(re.search(r"fewer than ([\d,]+)", str(caught.value))[1].replace(",", ""))
    check_scaling(build(least, **size), space, "mine.yaml")
    options = {"cell": {"blocks": 2}, "chain": {"layers": 3}, "nasbench201": {}}[space]
    found = [SPACES[space](**options).sample(rng) for _ in range(300)]
    found += list(SPACES[space](**options).grow(None))
    skeleton = Skeleton(
        **NETWORK | {"filters": 8 if stem == "imagenet" else 1, "stem": stem, "stages": 3},
        n_classes=1,
        image_size=32,
    )
    assert min(calc_complexity(genotype, skeleton).macs for genotype in found) >= least


def test_a_target_replaces_filters_that_would_be_too_few():
    config = build("4M", stem="imagenet", filters=2)
    check_scaling(config, "cell", "mine.yaml")
    assert find_skeleton(config, NASNET_A, 10).filters >= 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"target": {"macs": "much"}}, "final.target.macs: 'much' is not what is expected here: a"),
        ({"target": {}}, "final.target: key 'macs' is missing"),
        ({"target": {"macs": "1k"}}, "final.target.macs: 1k; no network of space cell"),
        ({"drop_path": 1}, "final.drop_path: 1 is too large; it must be below 1"),
        ({"network": {"downsampling": "x"}}, "final.network.downsampling: 'x' is not one of"),
        (
            {"network": {"stem": "imagenet", "filters": 4, "stages": 1}},
            "final.network.filters: 4; ",
        ),
    ],
)
def test_the_configuration_is_checked(change, message):
    """And without these keys it is as before: no target, drop path or auxiliary head."""
    path = Path(__file__).parents[3] / "config.yaml"
    config = yaml.safe_load(path.read_text())
    final = dump_section(check_configuration(config).final)
    assert (final["target"], final["drop_path"], final["auxiliary"]) == (None, 0, 0)
    assert final["network"].items() >= {"stem_filters": None, "downsampling": "between"}.items()
    config["final"] |= change
    with pytest.raises(UserError) as caught:
        check_configuration(config)
    assert str(caught.value).startswith(f"config.yaml: {message}")
