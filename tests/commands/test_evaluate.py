"""`evaluate` on every kind of network and layout, and the mistakes that it names."""

import csv
import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
import torch
from scipy.io import savemat
from support.evaluation_loop import check, count_hits, refer, run_evaluate, write_toy
from torch.nn.functional import cross_entropy
from torchvision import models

from tgas_neuro.__main__ import main
from tgas_neuro.architecture.cell.published import PNASNET5
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.launch.job import Job
from tgas_neuro.images.decoded import Images


@pytest.fixture
def toy(tmp_path):
    return write_toy(tmp_path / "val")


@pytest.fixture(scope="module")
def squeezenet(tmp_path_factory):
    """A network of drawn weights with 1,000 outputs, and their file."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.squeezenet1_1()
    path = tmp_path_factory.mktemp("weights") / "weights.pt"
    torch.save(network.state_dict(), path)
    return network, path


@pytest.fixture
def names(tmp_path):
    """A class for each of 1,000 outputs; ours are the last, the first and one between."""
    classes = [f"other_{number}" for number in range(1000)]
    classes[999], classes[0], classes[500] = "ant", "bee", "cow"
    (tmp_path / "names.txt").write_text("\n".join(classes))
    return classes, tmp_path / "names.txt"


def test_torchvisions_network_with_local_weights(toy, squeezenet, names, tmp_path, capsys):
    network, weights = squeezenet
    classes, table = names
    arguments = ["--model", "torchvision:squeezenet1_1", "--weights", weights, "--images", toy]
    arguments += ["--classes", table, "--size", 64, "--resize", 80]
    found = run_evaluate(tmp_path, *arguments, "--per-class", tmp_path / "out.csv")
    paths = sorted(toy.rglob("*.jpg"))
    labels = [classes.index(path.parent.name) for path in paths]
    check(found, [refer(network, path, 64, 80) for path in paths], labels, classes)
    printed = capsys.readouterr().out
    assert "images     9 in 3 of 1,000 classes" in printed
    assert f"top-1      {found['top1']:.4%}" in printed
    with (tmp_path / "out.csv").open() as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert [rows[name]["n_images"] for name in ("ant", "bee", "cow", "other_1")] == list("4320")


def test_the_shorter_side_follows_the_size(toy, squeezenet, names, tmp_path):
    _, weights = squeezenet
    arguments = ["--model", "torchvision:squeezenet1_1", "--weights", weights, "--images", toy]
    arguments += ["--classes", names[1]]
    plain = run_evaluate(tmp_path, *arguments)
    for named in (["--size", 224], ["--size", 224, "--resize", 256]):
        assert run_evaluate(tmp_path, *arguments, *named)["loss"] == plain["loss"]
    for named in (["--size", 112], ["--size", 112, "--resize", 128]):
        found = run_evaluate(tmp_path, *arguments, *named)["loss"]
        assert found != plain["loss"]
    assert found == run_evaluate(tmp_path, *arguments, "--size", 112)["loss"]


def test_the_result_of_a_run_knows_its_size_and_images(toy, tmp_path, capsys):
    skeleton = Skeleton(8, 1, 2, 3, 32)
    network = build_network(PNASNET5, skeleton, torch.Generator().manual_seed(1))
    run = tmp_path / "run"
    (run / "work").mkdir(parents=True)
    torch.save(network.state_dict(), run / "weights.pt")
    data = tmp_path / "data"
    for split in ("train", "val"):
        shutil.copytree(toy, data / split)
    (data / "val/ant/broken.jpg").write_bytes(b"no image")  # left out, as in the training
    images = Images("toy", "image_folder", {"path": str(data), "max_corrupt": 0.2}, None, 32)
    checked, config = str(tmp_path / "checked"), {"augmentation": "resized_crop"}
    folder = str(run / "work")
    Job(config, PNASNET5.to_json(), asdict(images), checked, folder, 0).write()
    (run / "metrics.json").write_text(json.dumps({"network": asdict(skeleton)}))
    paths = sorted(toy.rglob("*.jpg"))
    labels = [("ant", "bee", "cow").index(path.parent.name) for path in paths]
    logits = [refer(network, path, 32, 37, "bicubic") for path in paths]  # 8/7 of 32
    assert count_hits(logits, labels)[0].any()
    found = run_evaluate(tmp_path, "--model", run)
    assert found["loss"] == pytest.approx(
        cross_entropy(torch.stack(logits), torch.tensor(labels)).item(), rel=0.01
    )
    assert found["per_class"]["n_images"] == [4, 3, 2]
    torch.save(torch.nn.Linear(2, 2).state_dict(), run / "weights.pt")
    for content in ((run / "weights.pt").read_bytes(), b"", b"no weights"):
        (run / "weights.pt").write_bytes(content)
        assert main(["evaluate", "--model", str(run)]) != 0
        assert f"weights.pt: not the weights of {run}" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"--images": None}, "--images: is missing"),
        ({"--images": "nowhere"}, "nowhere: the validation images are missing"),
        ({"--expect": 10}, "9 images in 3 classes, but --expect says 10"),
        ({"--weights": None}, "--weights: is missing; torchvision:squeezenet1_1 comes without"),
        ({"--weights": "absent.pt"}, "absent.pt"),
        ({"--model": "squeezenet1_1"}, "is neither a folder nor one of torchvision:<name>"),
        ({"--model": "torchvision:squeezenet1_3"}, "is not a classification network"),
        ({"--size": 64, "--resize": 60}, "--resize: 60 is less than --size 64"),
        ({"--interpolation": "nearest"}, "'nearest' is not one of: bilinear, bicubic"),
        ({"--classes": None}, "one logit for each of the 3 classes"),
        ({"--model": ""}, "--model: '' is neither a folder nor one of torchvision:<name>"),
        ({"--model": "."}, "work/job.json: no such file"),
        ({"--json": "folder"}, "--json: folder: is a folder; name a file"),
        ({"--per-class": "file/out.csv"}, "--per-class: file/out.csv: cannot be written"),
    ],
)
def test_mistakes_are_named_in_one_line(
    toy, squeezenet, names, changed, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    given = {
        "--model": "torchvision:squeezenet1_1",
        "--weights": squeezenet[1],
        "--images": toy,
        "--classes": names[1],
        "--size": 64,
    }
    pairs = [(key, value) for key, value in (given | changed).items() if value is not None]
    status = main(["evaluate", *[str(part) for pair in pairs for part in pair]])
    error = capsys.readouterr().err
    assert status != 0
    assert message in error
    assert "Traceback" not in error


def test_a_class_that_no_output_has_is_named(toy, squeezenet, tmp_path, capsys):
    (tmp_path / "names.txt").write_text("ant\ncow\n")
    arguments = ["--model", "torchvision:squeezenet1_1", "--weights", squeezenet[1]]
    arguments += ["--images", toy, "--classes", tmp_path / "names.txt"]
    assert main(["evaluate", *map(str, arguments)]) != 0
    assert "1 of the 3 classes" in (error := capsys.readouterr().err)
    assert "bee" in error


def test_validation_images_with_a_table(toy, squeezenet, names, tmp_path):
    """Tiny-ImageNet's layout gives the numbers of the folders."""
    arguments = ["--model", "torchvision:squeezenet1_1", "--weights", squeezenet[1]]
    arguments += ["--classes", names[1], "--size", 64]
    expected = run_evaluate(tmp_path, *arguments, "--images", toy)
    other = tmp_path / "annotated"
    (other / "images").mkdir(parents=True)
    lines = []
    for path in sorted(toy.rglob("*.jpg")):
        name = f"{path.parent.name}_{path.name}"
        (other / "images" / name).write_bytes(path.read_bytes())
        lines.append(f"{name}\t{path.parent.name}\t0\t0\t1\t1\n")
    (other / "val_annotations.txt").write_text("".join(lines))
    assert run_evaluate(tmp_path, *arguments, "--images", other) == expected


def test_flat_validation_images_with_the_devkit_elsewhere(toy, squeezenet, names, tmp_path):
    """ImageNet's layout gives the numbers of the folders."""
    arguments = ["--model", "torchvision:squeezenet1_1", "--weights", squeezenet[1]]
    arguments += ["--classes", names[1], "--size", 64]
    expected = run_evaluate(tmp_path, *arguments, "--images", toy)
    kit, flat = tmp_path / "kit", tmp_path / "flat"
    kit.mkdir()
    flat.mkdir()
    ids = ("cow", "ant", "bee")  # the devkit's numbers 1, 2, 3
    fields = ("ILSVRC2012_ID", "WNID", "num_children")
    synsets = np.empty((3, 1), dtype=[(field, object) for field in fields])
    for number, name in enumerate(ids):
        synsets[number, 0] = (number + 1, name, 0)
    savemat(kit / "meta.mat", {"synsets": synsets})
    truth = []
    for number, path in enumerate(sorted(toy.rglob("*.jpg"), reverse=True), 1):
        (flat / f"ILSVRC2012_val_{number:08}.JPEG").write_bytes(path.read_bytes())
        truth.append(ids.index(path.parent.name) + 1)
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("\n".join(map(str, truth)))
    found = run_evaluate(tmp_path, *arguments, "--images", flat, "--devkit", kit)
    assert found["per_class"] == expected["per_class"]
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-6)
