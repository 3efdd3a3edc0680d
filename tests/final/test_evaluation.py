import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from torch import nn

from tgas_neuro.classification.image_folder import load_image_folder
from tgas_neuro.final.data import FolderImages, build_val_loader, iterate_normalised
from tgas_neuro.final.evaluation import calc_ranks, calc_wilson_interval, evaluate

CPU = torch.device("cpu")


def build_network(n_classes, seed=0):
    network = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Flatten(), nn.LazyLinear(n_classes)
    )
    network(torch.zeros(2, 3, 8, 8))
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(generator=torch.Generator().manual_seed(seed))
    return network


@pytest.mark.parametrize("n_classes", [7, 3])
def test_equals_an_independent_loop(tmp_path, write_images, n_classes):
    names = {f"c{number}": 4 + number % 2 for number in range(n_classes)}
    listing = load_image_folder(write_images(tmp_path, names), "validation", "final.data")
    loader = build_val_loader(FolderImages(listing, 8, "none"), batch_size=4)
    network = build_network(n_classes)
    found = evaluate(network, loader, CPU)

    network.eval()
    top1 = top5 = loss = n = 0
    for images, labels in iterate_normalised(loader, CPU):
        for image, label in zip(images, labels.tolist(), strict=True):
            logits = network(image[None])[0].detach().numpy().astype(np.float64)
            best = np.argsort(-logits, kind="stable")[:5]
            top1 += best[0] == label
            top5 += label in best
            loss += math.log(np.exp(logits - logits[label]).sum())
            n += 1
    assert n == len(listing) == found.n_images
    assert found.top1 == top1 / n
    assert found.top5 == top5 / n
    assert found.loss == pytest.approx(loss / n, rel=1e-4)
    assert found.n_classes == n_classes
    assert found.top1_interval == calc_wilson_interval(int(top1), n)
    if n_classes < 5:
        assert found.top5 == 1


def test_mode_of_the_network_is_given_back(tmp_path, write_images):
    listing = load_image_folder(
        write_images(tmp_path, {"a": 2, "b": 2}), "validation", "final.data"
    )
    loader = build_val_loader(FolderImages(listing, 8, "none"), 4)
    network = build_network(2)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for mode in (True, False):
        network.train(mode)
        evaluate(network, loader, CPU)
        assert network.training is mode
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


@given(st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_ranks_equal_a_stable_sort(n_classes, seed):
    generator = np.random.default_rng(seed)
    logits = generator.integers(-2, 3, (6, n_classes)).astype(np.float32)
    labels = generator.integers(0, n_classes, 6)
    ranks = calc_ranks(torch.from_numpy(logits), torch.from_numpy(labels))
    for row, label, rank in zip(logits, labels, ranks.tolist(), strict=True):
        assert np.argsort(-row, kind="stable")[rank] == label


@given(st.integers(6, 20), st.integers(0, 2**32 - 1))
def test_ranks_equal_topk_without_ties(n_classes, seed):
    logits = torch.rand(9, n_classes, generator=torch.Generator().manual_seed(seed))
    labels = torch.arange(9) % n_classes
    hit = (logits.topk(5, dim=1).indices == labels[:, None]).any(dim=1)
    unique = all(len(row.unique()) == n_classes for row in logits)
    assert not unique or torch.equal(calc_ranks(logits, labels) < 5, hit)


def test_constant_output_scores_at_chance_and_nan_never():
    labels = torch.arange(8)
    assert calc_ranks(torch.zeros(8, 8), labels).tolist() == list(range(8))
    logits = torch.zeros(8, 8)
    logits[0, 0] = torch.nan
    logits[3, 1] = torch.nan
    ranks = calc_ranks(logits, labels).tolist()
    assert ranks[0] == 8
    assert ranks[3] == 3
    logits[2, 6] = torch.nan
    assert calc_ranks(logits, labels)[2] == 3


def test_wilson_interval_of_a_published_example():
    # Newcombe 1998, table I, method 3: 81 of 263 gives 0.2553 to 0.3662.
    assert calc_wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert calc_wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(1, 5000), st.floats(0, 1))
def test_wilson_interval_solves_its_equation(n, share):
    hits = round(share * n)
    low, high = calc_wilson_interval(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    z = norm.ppf(0.975)
    for end in (low, high):
        assert (hits / n - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / n, abs=1e-12)
