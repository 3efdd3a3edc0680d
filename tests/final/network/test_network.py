"""The network of the final training: drop path, auxiliary head, and what they leave alone."""

import numpy as np
import pytest
import torch
from support.final_settings import build_settings
from torch.nn import functional

from tgas_neuro.architecture.cell.published import NASNET_A, PNASNET5
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import SPACES, read_genotype
from tgas_neuro.final.network.network import AuxiliaryHead, build_final_network, draw_kept
from tgas_neuro.runtime.errors import UserError

SKELETON = Skeleton(8, 1, 2, 5, 16)
TOPOLOGY = read_genotype(
    {
        "space": "nasbench201",
        "architecture": "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|+"
        "|none~0|nor_conv_1x1~1|nor_conv_3x3~2|",
    }
)
GENOTYPES = {"pnasnet5": PNASNET5, "nasnet_a": NASNET_A, "nasbench201": TOPOLOGY}


def build(genotype, skeleton=SKELETON, drop_path=0.4, auxiliary=0.4, seed=0):
    settings = build_settings(drop_path=drop_path, auxiliary=auxiliary)
    return build_final_network(genotype, skeleton, settings, torch.Generator().manual_seed(seed))


def draw_images(n=4, size=16):
    return torch.randn((n, 3, size, size), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("genotype", GENOTYPES.values(), ids=GENOTYPES)
def test_the_network_is_the_genotypes_to_the_bit(genotype):
    """Its weights, and, nothing dropped, its scores and gradients; also those of the candidates."""
    network, plain = build(genotype), build_network(
        genotype, SKELETON, torch.Generator().manual_seed(0)
    )  # fmt: skip
    state = network.network.state_dict()
    assert list(state) == list(plain.state_dict())
    for name, value in plain.state_dict().items():
        assert torch.equal(state[name], value), name
    images = draw_images()
    one, two = network(images)[0], plain(images)
    assert torch.equal(one, two)
    ones = torch.ones((4, network.n_paths))
    assert torch.equal(network(images, ones)[0], plain(images))
    one.square().sum().backward()
    two.square().sum().backward()
    gradients = {name: p.grad for name, p in network.network.named_parameters()}
    for name, parameter in plain.named_parameters():
        assert (parameter.grad is None) == (gradients[name] is None)
        assert parameter.grad is None or torch.equal(parameter.grad, gradients[name]), name


def replace_by_hand(network, kept):
    """Scores of a network whose operations are scaled by forward hooks, in their order."""
    column = iter(range(kept.shape[1]))
    handles = []

    def scale(module, number):
        factor = kept[:, number].view(-1, 1, 1, 1)
        handles.append(module.register_forward_hook(lambda m, i, output: output * factor))

    if hasattr(network, "cells"):
        for cell, plan in zip(network.cells.values(), network.layout.cells, strict=True):
            for pair, block in zip(cell.operations, plan.blocks, strict=True):
                for module, operation in zip(pair, block.operations, strict=True):
                    if operation.name != "identity":
                        scale(module, next(column))
    else:
        for part, plan in zip(network.parts.values(), network.layout.parts, strict=True):
            if not hasattr(plan, "operations"):
                continue
            used = [name for name in plan.operations if name != "none"]
            for module, name in zip(part.operations, used, strict=True):
                if name != "skip_connect":
                    scale(module, next(column))
    assert next(column, None) is None  # every path has been used
    return handles


@pytest.mark.parametrize("genotype", GENOTYPES.values(), ids=GENOTYPES)
def test_dropped_paths_are_those_of_hooks(genotype):
    """On the operations themselves; every sample drops others."""
    network, images = build(genotype).eval(), draw_images()
    rng = torch.Generator().manual_seed(3)
    kept = (torch.rand((4, network.n_paths), generator=rng) < 0.5).float() * 2
    dropped = network(images, kept)[0]
    handles = replace_by_hand(network.network, kept)
    hooked = network(images)[0]
    for handle in handles:
        handle.remove()
    torch.testing.assert_close(dropped, hooked, rtol=1e-6, atol=1e-7)
    assert not torch.allclose(dropped, network(images)[0])
    # a sample's scores depend on its own decisions alone
    kept[1:] = 1.0
    torch.testing.assert_close(network(images, kept)[0][0], dropped[0], rtol=1e-5, atol=1e-6)


def test_paths_are_all_operations_but_identity():
    """One of PNASNet-5's ten is an identity; two of NASNet-A's normal cell, one of the other."""
    assert build(PNASNET5).n_paths == 3 * 9
    assert build(NASNET_A).n_paths == 2 * 8 + 9
    assert build(TOPOLOGY).n_paths == 2 * 4
    assert build(PNASNET5, drop_path=0).n_paths == 0


def test_rates_rise_with_depth_and_time():
    """Three cells of nine paths: a third, two thirds and all of 0.6; halfway half of that."""
    network = build(PNASNET5, drop_path=0.6)
    np.testing.assert_allclose(network.calc_drop_rates(1), np.repeat([0.2, 0.4, 0.6], 9))
    np.testing.assert_allclose(network.calc_drop_rates(0.5), np.repeat([0.1, 0.2, 0.3], 9))
    assert not network.calc_drop_rates(0).any()
    # in a skeleton of NAS-Bench-201 the residual block in the middle counts as a part
    parts = build(TOPOLOGY, drop_path=0.6).calc_drop_rates(1)
    np.testing.assert_allclose(parts, np.repeat([0.2, 0.6], 4))


def test_decisions_of_a_sample_are_its_own():
    """The same in any batch and order; others in another epoch, sample, or seed."""
    rates = np.full(50, 0.3)
    whole = draw_kept(7, 2, range(20), rates)
    assert torch.equal(draw_kept(7, 2, [13, 4], rates), whole[[13, 4]])
    assert torch.equal(draw_kept(7, 2, np.array([13]), rates[:10]), whole[[13], :10])
    assert len(np.unique(whole.numpy(), axis=0)) == 20
    for other in (draw_kept(8, 2, range(20), rates), draw_kept(7, 3, range(20), rates)):
        assert not torch.equal(other, whole)
    assert draw_kept(0, 0, [], rates).shape == (0, 50)


def test_so_many_are_dropped_and_the_mean_stays():
    """Binomial over 4,000 samples; rate 0 drops nothing."""
    rates = np.array([0.0, 0.1, 0.5, 0.9])
    kept = draw_kept(1, 0, range(4000), rates).double()
    assert kept.dtype == torch.float64
    assert torch.equal(kept[:, 0], torch.ones(4000, dtype=torch.float64))
    for column, rate in enumerate(rates):
        found = set(kept[:, column].float().tolist())
        assert found <= {0.0, float(np.float32(1 / (1 - rate)))}
        share = float((kept[:, column] == 0).double().mean())
        assert abs(share - rate) <= 4 * np.sqrt(rate * (1 - rate) / 4000)
    independent = np.corrcoef((kept[:, 2] == 0).numpy(), (kept[:, 1] == 0).numpy())[0, 1]
    assert abs(independent) < 4 / np.sqrt(4000)


def calc_head(head, features):
    """The auxiliary head in torch's functions, as it is described."""
    x = functional.relu(features)
    kernel = min(5, x.shape[2])
    x = functional.avg_pool2d(x, kernel, 3)
    x = functional.conv2d(x, head.project.weight)
    x = functional.relu(functional.batch_norm(
        x, None, None, head.bn_1.weight, head.bn_1.bias, training=True, eps=1e-3))  # fmt: skip
    x = functional.conv2d(x, head.hidden.weight)
    assert x.shape[2:] == (1, 1)
    x = functional.relu(functional.batch_norm(
        x, None, None, head.bn_2.weight, head.bn_2.bias, training=True, eps=1e-3))  # fmt: skip
    return x[:, :, 0, 0] @ head.linear.weight.T + head.linear.bias


@pytest.mark.parametrize("skeleton", [
    SKELETON,  # reads 16 pixels
    Skeleton(8, 1, 3, 5, 12, stem="imagenet"),  # reads 1 pixel
    Skeleton(8, 2, 3, 5, 25, downsampling="within"),
])  # fmt: skip
@pytest.mark.parametrize("genotype", GENOTYPES.values(), ids=GENOTYPES)
def test_auxiliary_scores(genotype, skeleton):
    """Those of what the last reduction reads; in training mode alone."""
    network, images = build(genotype, skeleton), draw_images(size=skeleton.image_size)
    inner = network.network
    parts = inner.cells if hasattr(inner, "cells") else inner.parts
    plans = inner.layout.cells if hasattr(inner, "cells") else inner.layout.parts
    strides = [getattr(plan, "stride", 2) if not hasattr(plan, "convs") or
               type(plan).__name__ == "ReductionLayout" else 1 for plan in plans]  # fmt: skip
    last = max(number for number, stride in enumerate(strides) if stride == 2)
    caught = {}
    handle = list(parts.values())[last - 1].register_forward_hook(
        lambda module, inputs, output: caught.update(output=output.clone())
    )
    logits, scores = network(images)
    handle.remove()
    expected = calc_head(network.auxiliary, caught["output"])
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)
    assert scores.shape == logits.shape == (4, 5)
    assert network.eval()(images)[1] is None
    assert build(genotype, skeleton, auxiliary=0)(images)[1] is None


def test_head_of_the_mobile_setting():
    """14 pixels are averaged to 4; all its weights, counted by hand."""
    head = AuxiliaryHead(540, 14, 1000)
    expected = 540 * 128 + 2 * 128 + 128 * 768 * 16 + 2 * 768 + 768 * 1000 + 1000
    assert sum(parameter.numel() for parameter in head.parameters()) == expected


def test_the_head_teaches_the_inner_layers():
    network = build(PNASNET5)
    network(draw_images())[1].square().sum().backward()
    assert network.network.stem.conv.weight.grad.abs().sum() > 0
    assert network.network.linear.weight.grad is None


def test_a_chain_has_neither():
    chain = SPACES["chain"](4).sample(np.random.default_rng(0))
    network = build(chain, drop_path=0, auxiliary=0)
    assert network.n_paths == 0
    scores, auxiliary = network(draw_images(), torch.zeros((4, 0)))
    plain = build_network(chain, SKELETON, torch.Generator().manual_seed(0))
    assert torch.equal(scores, plain(draw_images()))
    assert auxiliary is None
    with pytest.raises(UserError, match=r"final.drop_path: 0.1, but a network of space chain"):
        build(chain, drop_path=0.1, auxiliary=0)
    with pytest.raises(UserError, match=r"final.auxiliary: 0.4, .*final.network.stages is 1"):
        build(PNASNET5, Skeleton(8, 1, 1, 5, 16))


def test_bfloat16_stays_bfloat16():
    network = build(PNASNET5).to(torch.bfloat16)
    kept = draw_kept(0, 0, range(4), network.calc_drop_rates(1.0))
    assert network(draw_images().to(torch.bfloat16), kept)[0].dtype == torch.bfloat16
