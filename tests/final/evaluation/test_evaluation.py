import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm
from torch import nn

from tgas_neuro.final.evaluation.evaluation import (
    Tally,
    calc_ranks,
    check_complete,
    evaluate,
    tally,
)
from tgas_neuro.final.evaluation.named import write_per_class
from tgas_neuro.images.data import FolderImages, iterate_batches
from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.runtime.errors import UserError

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


def load_batches(images, size=4):
    numbers = range(len(images))
    return iterate_batches(
        images, [numbers[start : start + size] for start in range(0, len(images), size)], CPU
    )


@pytest.mark.parametrize("n_classes", [7, 3])
def test_equals_an_independent_loop(tmp_path, write_images, n_classes):
    names = {f"c{number}": 4 + number % 2 for number in range(n_classes)}
    listing = load_image_folder(write_images(tmp_path, names), "validation", "final.data")
    images = FolderImages(listing, 8, "none")
    network = build_network(n_classes)
    found = evaluate(network, images, n_classes, CPU, batch_size=4)
    assert found == evaluate(network, images, n_classes, CPU, batch_size=4, workers=2)

    network.eval()
    top1, top5 = np.zeros(n_classes, int), np.zeros(n_classes, int)
    loss = n = 0
    for inputs, labels in load_batches(images, 1):
        label = labels.item()
        logits = network(inputs)[0].detach().numpy().astype(np.float64)
        best = np.argsort(-logits, kind="stable")[:5]
        top1[label] += best[0] == label
        top5[label] += label in best
        loss += math.log(np.exp(logits - logits[label]).sum())
        n += 1
    assert n == len(listing) == found.n_images
    assert found.top1 == top1.sum() / n
    assert found.top5 == top5.sum() / n
    assert found.loss == pytest.approx(loss / n, rel=1e-4)
    assert found.n_classes == n_classes
    assert found.top1_interval == calc_interval(int(top1.sum()), n)
    assert found.per_class.n_images == list(names.values())
    assert found.per_class.top1 == top1.tolist()
    assert found.per_class.top5 == top5.tolist()
    if n_classes < 5:
        assert found.top5 == 1


def test_mode_of_the_network_is_given_back(tmp_path, write_images):
    listing = load_image_folder(
        write_images(tmp_path, {"a": 2, "b": 2}), "validation", "final.data"
    )
    network = build_network(2)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for mode in (True, False):
        network.train(mode)
        tally(network, load_batches(FolderImages(listing, 8, "none")), 2, CPU)
        assert network.training is mode
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def count(logits, labels, n_classes):
    found = Tally.start(n_classes, CPU)
    found.count(torch.as_tensor(logits), torch.as_tensor(labels))
    return found


@given(st.integers(1, 8), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_parts_add_up_to_the_whole(n_classes, n, seed):
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(n, n_classes)).astype(np.float32)
    labels = generator.integers(0, n_classes, n)
    whole, cut = count(logits, labels, n_classes), generator.integers(0, n + 1)
    parts = count(logits[:cut], labels[:cut], n_classes) + count(
        logits[cut:], labels[cut:], n_classes
    )
    one, other = whole.to_metrics(), Tally.from_tensor(parts.as_tensor()).to_metrics()
    assert one.per_class == other.per_class
    assert one.loss == pytest.approx(other.loss, rel=1e-6)
    assert (one.top1, one.top5, one.n_images) == (other.top1, other.top5, n)
    assert one.per_class.n_images == np.bincount(labels, minlength=n_classes).tolist()
    assert whole.as_tensor().dtype == torch.float64


def test_another_number_of_outputs_is_named():
    batches = [(torch.zeros(2, 3, 8, 8), torch.tensor([0, 1]))]
    with pytest.raises(UserError, match=r"shape \(2, 7\), expected \(2, 3\)"):
        tally(build_network(7), batches, 3, CPU)


def test_no_image_has_no_metrics():
    with pytest.raises(UserError, match="no image was evaluated"):
        Tally.start(3, CPU).to_metrics()


def test_missing_images_are_said_by_class():
    metrics = count(np.eye(3, dtype=np.float32), [0, 1, 2], 3).to_metrics()
    check_complete(metrics, [1, 1, 1], ["cat", "dog", "owl"])
    with pytest.raises(UserError, match=r"3 of 5 validation .* in 2 classes: dog 1 of 2, owl 1 of"):
        check_complete(metrics, [1, 2, 2], ["cat", "dog", "owl"])


def test_per_class_table(tmp_path):
    logits = np.eye(3, dtype=np.float32)[[0, 1, 1, 0]]
    metrics = count(logits, [0, 0, 1, 1], 3).to_metrics()
    write_per_class(tmp_path / "out.csv", metrics, ["cat", "dog, wild", "owl"])
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "class,n_images,hits1,hits5,top1,top5",
        "cat,2,1,2,0.5,1.0",
        '"dog, wild",2,1,2,0.5,1.0',
        "owl,0,0,0,,",
    ]
    assert metrics.to_dict()["per_class"] == {
        "n_images": [2, 2, 0],
        "top1": [1, 1, 0],
        "top5": [2, 2, 0],
    }


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


def calc_interval(hits, n):
    """The interval of an evaluation of `n` images of one class with so many hits."""
    n_images, found = (torch.tensor([number], dtype=torch.float64) for number in (n, hits))
    loss = torch.zeros((), dtype=torch.float64)
    return Tally(n_images, found, found, loss).to_metrics().top1_interval


def test_wilson_interval_of_a_published_example():
    # Newcombe 1998, table I, method 3: 81 of 263 gives 0.2553 to 0.3662.
    assert calc_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert calc_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(1, 5000), st.floats(0, 1))
def test_wilson_interval_solves_its_equation(n, share):
    hits = round(share * n)
    low, high = calc_interval(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    z = norm.ppf(0.975)
    for end in (low, high):
        assert (hits / n - end) ** 2 == pytest.approx(z**2 * end * (1 - end) / n, abs=1e-12)
