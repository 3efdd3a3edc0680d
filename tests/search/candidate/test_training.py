"""The premature training: its parts against plain reckoning, and that it learns and repeats."""

import shutil

import numpy as np
import pytest
import torch
from torch import nn

from tgas_neuro.config.premature import Premature
from tgas_neuro.images.pixels import load_batch
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.candidate.child import DivergedError
from tgas_neuro.search.candidate.training import (
    build_sgd,
    draw_held_back,
    measure_accuracy,
    train_candidate,
)

CPU = torch.device("cpu")
SETTINGS = Premature(data={"kind": "simulated"}, epochs=3, batch_size=16)


def change(**values):
    return SETTINGS.model_copy(update=values)


def draw_images(n=160, size=8, classes=4, seed=0):
    """Images whose class is their brightness in one of four corners."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    images = generator.integers(0, 80, size=(n, size, size, 3), dtype=np.uint8)
    half = size // 2
    for number, label in enumerate(labels):
        row, column = divmod(label, 2)
        images[
            number, row * half : (row + 1) * half, column * half : (column + 1) * half, label % 3
        ] += 150
    return images, labels


def build(seed=0, classes=4):
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(32, classes),
    )
    for parameter in network.parameters():
        with torch.no_grad():
            parameter.normal_(0, 0.1, generator=generator)
    return network


def test_held_back_is_balanced_and_seeded():
    labels = np.repeat([0, 1, 2], [50, 40, 200])
    held_back = draw_held_back(labels, 0.1, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(labels[held_back]), [4, 4, 4])
    again = draw_held_back(labels, 0.1, np.random.default_rng(0))
    np.testing.assert_array_equal(held_back, again)
    other = draw_held_back(labels, 0.1, np.random.default_rng(1))
    assert (held_back != other).any()


def test_accuracy_equals_a_plain_loop():
    images, labels = draw_images(37)
    network = build().eval()
    chosen = np.arange(3, 33)
    correct, losses = 0, []
    for number in chosen:
        logits = network(load_batch(images, np.array([number]), CPU))[0].detach()
        correct += int(logits.argmax() == labels[number])
        losses.append(float(-torch.log_softmax(logits, 0)[labels[number]]))
    accuracy, loss = measure_accuracy(network, images, labels, chosen, CPU, batch_size=7)
    assert accuracy == correct / 30
    assert loss == pytest.approx(np.mean(losses), rel=1e-5)


def train(seed=0, settings=SETTINGS, held_back=None):
    images, labels = draw_images()
    if held_back is None:
        held_back = draw_held_back(labels, 0.1, np.random.default_rng(0))
    network = build()
    generator = np.random.default_rng(seed)
    result = train_candidate(network, images, labels, held_back, settings, generator, CPU)
    return network, result


def test_it_learns_and_counts():
    _, result = train(settings=change(augment=False, epochs=10))
    assert result.accuracy > 0.9  # chance is 0.25
    assert (result.n_train, result.n_held_back) == (144, 16)
    assert result.images_seen == 10 * 144


def test_it_repeats_exactly():
    first, second = train(), train()
    assert first[1] == second[1]
    for one, other in zip(first[0].parameters(), second[0].parameters(), strict=True):
        assert torch.equal(one, other)
    assert any(
        not torch.equal(one, other)
        for one, other in zip(first[0].parameters(), train(seed=1)[0].parameters(), strict=True)
    )


def test_part_of_an_epoch():
    _, result = train(settings=change(epochs=0.5))
    assert result.images_seen == 16 * round(0.5 * 144 / 16)


def test_held_back_images_are_never_trained_on():
    """Replacing them by noise changes P and nothing else."""
    images, labels = draw_images()
    held_back = draw_held_back(labels, 0.1, np.random.default_rng(0))
    network, _ = train()
    changed = images.copy()
    changed[held_back] = 255 - changed[held_back]
    other = build()
    train_candidate(other, changed, labels, held_back, SETTINGS, np.random.default_rng(0), CPU)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_divergence_names_the_key():
    with pytest.raises(DivergedError, match=r"loss at step .* premature.learning_rate"):
        train(settings=change(learning_rate=1e18))


def train_by_rungs(rungs, go_on, **changed):
    images, labels = draw_images()
    held_back = draw_held_back(labels, 0.1, np.random.default_rng(0))
    network, seen = build_with_norm(), []

    def at_rung(rung):
        assert not network.training
        accuracy, _ = measure_accuracy(network, images, labels, np.flatnonzero(held_back), CPU)
        seen.append((rung, accuracy))
        return go_on

    settings, generator = change(**changed), np.random.default_rng(0)
    result = train_candidate(
        network, images, labels, held_back, settings, generator, CPU, rungs, at_rung
    )
    return network, result, seen


def build_with_norm():
    """With running means, which a rung must not touch."""
    network = build()
    return nn.Sequential(network[0], nn.BatchNorm2d(8), *network[1:])


def test_going_on_after_rungs_changes_nothing():
    plain, expected, _ = train_by_rungs((), True)
    network, result, seen = train_by_rungs((0.5, 1, 2), True)
    assert result == expected
    assert result.stopped_at is None
    assert [rung for rung, _ in seen] == [0.5, 1, 2]
    for name, value in plain.state_dict().items():
        assert torch.equal(value, network.state_dict()[name])


def test_a_stop_at_a_rung_is_the_training_up_to_there():
    """The same as a training of so many epochs, but for augmentation, which is drawn later."""
    shorter, expected, _ = train_by_rungs((), True, epochs=1, augment=False)
    network, result, seen = train_by_rungs((1, 2), False, augment=False)
    assert result.stopped_at == 1
    assert (result.accuracy, result.loss) == (expected.accuracy, expected.loss)
    assert seen == [(1, expected.accuracy)]
    assert result.images_seen == expected.images_seen == 144
    for name, value in shorter.state_dict().items():
        assert torch.equal(value, network.state_dict()[name])


@pytest.mark.parametrize("rungs", [(2, 1), (1, 1), (3,), (1, 5), (0.001, 0.002)])
def test_rungs_out_of_place(rungs):
    with pytest.raises(UserError, match=r"premature.rungs: .* premature.epochs, 3"):
        train_by_rungs(rungs, True)


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch compiles with g++")
def test_compiled_training_is_the_same_training(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    settings = change(epochs=0.3)
    _, plain = train(settings=settings)
    network, compiled = train(settings=settings.model_copy(update={"compile": True}))
    assert any(tmp_path.iterdir())  # torch did compile
    assert compiled.loss == pytest.approx(plain.loss, rel=1e-4)
    assert type(network) is nn.Sequential  # what is scored and kept is the network itself


def test_compiling_without_a_compiler(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(
        UserError, match=r"premature.compile: .*'no-such-compiler'.*set it to false"
    ):
        train(settings=change(compile=True))


def test_gradients_get_the_strides_of_depthwise_weights():
    """Autograd takes other strides in a dim of size 1; the fused kernel of a GPU refuses them."""
    network = nn.Conv2d(6, 6, 3, groups=6, bias=False).to(memory_format=torch.channels_last)
    (weight,) = network.parameters()
    gradient = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0))
    assert weight.stride() == (9, 1, 3, 1) and gradient.stride() == (9, 9, 3, 1)
    before, weight.grad = weight.detach().clone(), gradient.clone()
    build_sgd(network, 0.1, 0.9, 0.01).step()
    assert weight.grad.stride() == weight.stride()
    decayed = gradient + 0.01 * before
    torch.testing.assert_close(weight.detach(), before - 0.1 * 1.9 * decayed)
