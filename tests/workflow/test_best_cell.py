"""Every field of `best_cell.json` against the other files of the same run, worked out anew."""

import csv
import json
from datetime import datetime
from importlib import metadata

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from scipy.stats import norm, spearmanr
from support.resizing import resize_by_torchvision
from torch import nn
from torch.nn import functional

from tgas_neuro import __version__
from tgas_neuro.__main__ import main
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.final.result.best_cell import check_part
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.runtime.ledger import calc_root, load_entry

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def result(finished):
    return finished.read("results/best_cell.json")


@pytest.fixture(scope="module")
def records(finished):
    return finished.read_records()


@pytest.fixture(scope="module")
def weights(finished, result):
    return torch.load(finished.folder / result["files"]["weights"], weights_only=True)


@pytest.fixture(scope="module")
def regions(finished, result):
    path = finished.folder / result["files"]["teacher"]
    return {name: xr.load_dataset(path, group=name) for name in ("V4", "IT")}


def list_images(finished, split):
    """Paths and labels of a split, classes in the order of their names."""
    (folder,) = finished.folder.glob(f"results/images/*/{split}")
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [
        (path, label) for label, found in enumerate(classes) for path in sorted(found.iterdir())
    ]


def test_all_keys_are_those_that_are_looked_at_here(result):
    """A new field needs a test of its own."""
    check_part(BestCell, result)
    assert list(result) == [
        "simulated_or_toy", "note", "genotype", "drawing", "hash", "id", "reward", "guidance",
        "alpha", "premature", "teacher", "final", "leaderboard", "search", "configuration",
        "digests", "versions", "files", "cost", "dates",
    ]  # fmt: skip


def test_what_it_stands_for(finished, result):
    sources = {
        name: yaml.safe_load((finished.folder / f"neural_data/{name}.yaml").read_text())["reader"]
        for region in finished.config["recordings"]["regions"].values()
        for name in region["datasets"]
    }
    assert sources == {"simulated": "simulated"}
    assert sorted(result["simulated_or_toy"]) == [
        "images of the final training: simulated, 192 in 8 classes",
        "images of the search: simulated",
        "recordings of IT: simulated",
        "recordings of V4: simulated",
    ]
    assert result["note"].startswith("Simulated recordings: ")
    assert "the best of 6 candidates" in result["note"]


def test_the_winner(finished, result, records):
    scores = {
        name: record["premature"]["accuracy"]
        + np.mean([r["crossed"]["corrected"] for r in record["teacher"]["regions"].values()])
        for name, record in records.items()
        if record["state"] == "ok"
    }
    winner = records[result["id"]]
    assert result["id"] == max(scores, key=scores.get)
    assert result["reward"] == pytest.approx(max(scores.values()))
    assert result["genotype"] == winner["genotype"]
    assert result["hash"] == winner["hash"] == read_genotype(result["genotype"]).hash
    assert (result["guidance"], result["alpha"]) == ("p_plus_tg", 1.0)
    found = result["premature"]
    assert found == {key: winner["premature"][key] for key in found}
    assert {"accuracy", "loss", "epochs", "n_train", "n_held_back"} == set(found)
    assert found["n_train"] + found["n_held_back"] == 192
    hits = found["accuracy"] * found["n_held_back"]
    assert hits == pytest.approx(round(hits))


def test_teacher(finished, result, records, regions):
    teacher, record = result["teacher"], records[result["id"]]
    (folder,) = finished.folder.glob("results/teacher/*")
    assert teacher["name"] == folder.name
    assert (teacher["kind"], teacher["level"]) == ("recordings", "image")
    assert (teacher["simulated"], teacher["layer_choice"]) == (True, "crossed")
    assert set(teacher["regions"]) == {"V4", "IT"} == set(record["teacher"]["regions"])
    assert teacher["TG"] == pytest.approx(np.mean([r["TG"] for r in teacher["regions"].values()]))


@pytest.mark.parametrize("name", ["V4", "IT"])
def test_region(finished, result, records, regions, name):
    """Ceiling from the splits; layers and similarities from those of every layer."""
    found, region = result["teacher"]["regions"][name], regions[name]
    assert (found["datasets"], found["description"]) == (["simulated"], "simulated")
    assert (found["simulated"], found["corrected"]) == (True, True)
    assert found["n_sites"] == region.sizes["neuroid"]
    assert found["n_stimuli"] == region.sizes["stimulus"]
    (table,) = finished.folder.glob("results/recordings/*/stimuli.csv")
    assert found["n_stimuli"] == len(table.read_text().splitlines()) - 1
    splits = region["split_correlations"][list(region["subset"].values).index("all")]
    half = float(splits.mean())
    assert found["reliability"] == pytest.approx(2 * half / (1 + half))
    # the square root of the reliability, but for a small correction
    assert found["ceiling"] == pytest.approx(np.sqrt(found["reliability"]), rel=0.05)
    layers = records[result["id"]]["teacher"]["regions"][name]["layers"]
    best = {part: max(layers, key=lambda n: layers[n][part]) for part in ("half_0", "half_1")}
    raw = [layers[best["half_0"]]["half_1"], layers[best["half_1"]]["half_0"]]
    ceilings = [region.attrs["ceiling_half_1"], region.attrs["ceiling_half_0"]]
    crossed = found["crossed"]
    assert crossed["layers"] == [best["half_0"], best["half_1"]]
    assert crossed["raw"] == pytest.approx(np.mean(raw))
    assert crossed["corrected"] == found["TG"] == pytest.approx(np.mean(np.divide(raw, ceilings)))
    highest = max(layers, key=lambda n: layers[n]["all"])
    plain = found["paper"]
    assert (plain["layer"], found["layer"]) == (highest, highest)
    assert plain["raw"] == layers[highest]["all"]
    assert plain["corrected"] == pytest.approx(plain["raw"] / found["ceiling"])


def build_final(result, weights):
    network = build_network(
        read_genotype(result["genotype"]), Skeleton(**result["final"]["network"]), torch.Generator()
    )
    network.load_state_dict(weights)
    return network.eval()


def test_final_metrics_are_those_of_the_weights(finished, result, weights):
    """Loaded anew, and run image by image over the validation folder."""
    network, final = build_final(result, weights), result["final"]
    images = list_images(finished, "val")
    logits = []
    for path, _ in images:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB")) / 255
        assert pixels.shape == (16, 16, 3)
        values = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        with torch.no_grad():
            logits.append(network(torch.from_numpy(values.transpose(2, 0, 1)[None]).float())[0])
    logits, labels = torch.stack(logits), torch.tensor([label for _, label in images])
    order = logits.argsort(dim=1, descending=True, stable=True)
    hits = order == labels[:, None]
    n, top1 = len(images), int(hits[:, 0].sum())
    assert (final["n_images"], final["n_classes"]) == (n, len(set(labels.tolist())))
    assert final["top1"] == pytest.approx(top1 / n)
    assert final["top5"] == pytest.approx(float(hits[:, :5].sum()) / n)
    assert final["loss"] == pytest.approx(float(functional.cross_entropy(logits, labels)), rel=1e-4)
    z = norm.ppf(0.975)  # the ends of Wilson's interval solve |p - top1| = z sqrt(p (1 - p) / n)
    for end in final["top1_interval"]:
        assert abs(end - top1 / n) == pytest.approx(z * np.sqrt(end * (1 - end) / n))
    assert final["top1_interval"][0] < final["top1"] < final["top1_interval"][1]
    per_class = json.loads((finished.folder / final["per_class"]).read_text())["per_class"]
    for label in range(8):
        assert per_class["n_images"][label] == int((labels == label).sum())
        assert per_class["top1"][label] == int(hits[labels == label, 0].sum())
        assert per_class["top5"][label] == int(hits[labels == label, :5].sum())


@pytest.mark.parametrize("name", ["V4", "IT"])
def test_final_network_beside_the_region(finished, result, weights, regions, name):
    """Every layer by torch's hooks and scipy, on the files of the stimuli."""
    network, outputs = build_final(result, weights), {}
    modules = {"stem": network.stem} | {f"cells.{key}": m for key, m in network.cells.items()}
    for key, module in modules.items():
        module.register_forward_hook(
            lambda m, i, output, key=key: outputs.setdefault(key, []).append(output.flatten())
        )
    (folder,) = finished.folder.glob("results/recordings/*")
    with (folder / "stimuli.csv").open(newline="") as file:
        names = {row["stimulus_id"]: row["filename"] for row in csv.DictReader(file)}
    for stimulus in regions[name]["stimulus"].values:
        with Image.open(folder / "stimuli" / names[stimulus]) as image:
            pixels = resize_by_torchvision(image, 16, 16)
        values = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        with torch.no_grad():
            network(torch.from_numpy(values.transpose(2, 0, 1)[None]).float())
    features = {key: torch.stack(found).double().numpy() for key, found in outputs.items()}
    half, rdm = regions[name]["half"].values, squareform(regions[name]["rdm"].values)

    def compare(layer, keep):
        true = squareform(rdm[np.ix_(keep, keep)], checks=False)
        return spearmanr(pdist(features[layer][keep], "correlation"), true)[0]

    found = result["final"]["teacher"]["regions"][name]
    ceilings = [regions[name].attrs[f"ceiling_half_{k}"] for k in (1, 0)]
    best = [max(features, key=lambda key: compare(key, half == k)) for k in (0, 1)]
    raw = [compare(best[0], half == 1), compare(best[1], half == 0)]
    assert found["crossed"]["layers"] == best
    assert found["crossed"]["raw"] == pytest.approx(np.mean(raw), abs=2e-3)
    assert found["TG"] == found["crossed"]["corrected"]
    assert found["TG"] == pytest.approx(np.mean(np.divide(raw, ceilings)), abs=3e-3)
    highest = max(features, key=lambda key: compare(key, half >= 0))
    assert (found["layer"], found["paper"]["layer"]) == (highest, highest)
    assert found["paper"]["raw"] == pytest.approx(compare(highest, half >= 0), abs=2e-3)
    assert found["paper"]["corrected"] == pytest.approx(
        found["paper"]["raw"] / regions[name].attrs["ceiling"]
    )


def test_guidance_of_the_final_network(finished, result):
    final = result["final"]["teacher"]
    assert final["TG"] == pytest.approx(np.mean([r["TG"] for r in final["regions"].values()]))
    whole = json.loads((finished.folder / result["files"]["teacher_guidance"]).read_text())
    assert whole["image_size"] == finished.config["final"]["image_size"]
    for name, region in final["regions"].items():
        assert whole["regions"][name]["paper"] == region["paper"]


def test_size_of_the_final_network(finished, result, weights):
    """Learned numbers in the file of weights; multiply-adds from the shapes of outputs."""
    final, macs = result["final"], []
    learned = [value for name, value in weights.items() if not name.endswith(
        ("running_mean", "running_var", "num_batches_tracked"))]  # fmt: skip
    assert final["params"] == sum(value.numel() for value in learned)
    network = build_final(result, weights)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(
                lambda m, i, output: macs.append(m.weight.numel() * output[0, 0].numel())
            )
    with torch.no_grad():
        network(torch.zeros(1, 3, 16, 16))
    assert final["macs"] == sum(macs)
    asked = finished.config["final"]
    assert final["network"] == asked["network"] | {
        "n_classes": 8, "image_size": 16, "channels": 3, "stem": "cifar", "stem_filters": None,
        "downsampling": "between",
    }  # fmt: skip
    assert final["target"] is None


def test_final_training(finished, result):
    final = result["final"]
    assert (final["dataset"], final["simulated"]) == ("simulated objects", True)
    assert final["data"].items() >= finished.config["final"]["data"].items()
    assert final["n_train_images"] == len(list_images(finished, "train"))
    with (finished.folder / result["files"]["log"]).open(newline="") as file:
        log = list(csv.DictReader(file))
    assert final["epochs"] == len(log) == finished.config["final"]["epochs"]
    assert final["evaluated"] == "weights"
    assert float(log[-1]["val_top1"]) == final["top1"]
    reached = [float(row["val_top1"]) for row in log]
    assert final["best"] == {
        "epoch": 1 + reached.index(max(reached)),
        "top1": max(reached),
        "chosen_on": "validation images",
    }
    cost = result["cost"]["final"]
    assert cost["images_seen"] == sum(int(row["images"]) for row in log)
    seconds = sum(float(row["seconds"]) + float(row["val_seconds"]) for row in log)
    assert cost["seconds"] == pytest.approx(seconds, abs=0.06)
    assert (cost["device"], cost["processes"]) == ("cpu", 1)
    assert cost["peak_memory_mb"] > 50


def test_leaderboard_and_search(finished, result, records):
    board, search = result["leaderboard"], result["search"]
    assert {entry["id"] for entry in board} == set(records)  # six, fewer than ten
    for entry in board:
        record = records[entry["id"]]
        tg, before = (record[key]["TG"]["crossed"] for key in ("teacher", "teacher_untrained"))
        assert entry["P"] == record["premature"]["accuracy"]
        assert (entry["TG"], entry["TG_untrained"]) == (tg, before)
        assert entry["reward"] == pytest.approx(entry["P"] + tg)
        assert (entry["hash"], entry["state"]) == (record["hash"], record["state"])
        assert {key: entry[key] for key in ("params", "macs")} == record["complexity"]
        assert entry["regions"] == {
            name: region["crossed"]["corrected"]
            for name, region in record["teacher"]["regions"].items()
        }
    rewards = [entry["reward"] for entry in board]
    assert rewards == sorted(rewards, reverse=True)
    (folder,) = finished.folder.glob("results/search/*")
    asked = finished.config["search"]
    assert search == {
        "name": folder.name,
        "strategy": asked["strategy"],
        "space": "cell",
        "generations": asked["generations"],
        "candidates": asked["candidates"],
        "evaluated": len(records),
        "states": {"ok": len(records)},
        "seed": asked["seed"],
    }
    costs = [record["cost"] for record in records.values()]
    found = result["cost"]["search"]
    assert found["images_seen"] == sum(cost["images_seen"] for cost in costs)
    assert found["seconds"] == pytest.approx(sum(cost["seconds"] for cost in costs), abs=0.01)


def test_digests_versions_files_and_dates(finished, result, regions, weights):
    digests, files = result["digests"], result["files"]
    for stage, key in (("teacher", "teacher"), ("search", "best"), ("final", "metrics")):
        folder = (finished.folder / files[key]).parent.name
        assert folder.endswith(f"-{digests[f'{stage}_configuration'][:8]}")
    assert all(len(digest) == 64 for digest in digests.values())
    for name, region in regions.items():
        assert digests[f"stimuli_{name}"] == region.attrs["stimuli_digest"]
    metrics = json.loads((finished.folder / files["metrics"]).read_text())
    for split in ("training_images", "validation_images"):
        assert digests[split] == metrics["digests"][split]
    assert digests["training_images"] != digests["validation_images"]
    assert set(digests) == {
        *(f"{s}_configuration" for s in ("teacher", "premature", "scoring", "search", "final")),
        "stimuli_V4", "stimuli_IT", "training_images", "validation_images", "chain",
    }  # fmt: skip
    assert digests["chain"] == calc_root(
        load_entry("results/best_cell.json", finished.folder).sources
    )
    for name, version in result["versions"].items():
        assert version == (__version__ if name == "tgas_neuro" else metadata.version(name))
    assert {"torch", "numpy", "scipy", "xarray", "snakemake"} < set(result["versions"])
    for path in files.values():
        assert (finished.folder / path).exists(), path
    final = result["dates"]["final"]
    assert datetime.fromisoformat(final["started"]) <= datetime.fromisoformat(final["ended"])
    search = result["dates"]["search"]
    assert datetime.fromisoformat(search["started"]) <= datetime.fromisoformat(final["started"])


def test_evaluate_gives_the_final_numbers_again(finished, result, tmp_path, monkeypatch):
    """The command, on the run's own job, weights and images."""
    monkeypatch.chdir(finished.folder)
    (folder,) = (finished.folder / "results/final").iterdir()
    written = tmp_path / "evaluated.json"
    arguments = ["--model", str(folder), "--device", "cpu", "--json", str(written)]
    assert main(["evaluate", *arguments]) in (None, 0)
    found = json.loads(written.read_text())
    for key in ("top1", "top5", "n_images"):
        assert found[key] == result["final"][key]
    assert found["loss"] == pytest.approx(result["final"]["loss"], rel=1e-5)


@pytest.mark.parametrize(
    "metrics", ["results/final/another/metrics.json", None], ids=["another run's", "an older form"]
)
def test_a_result_that_is_not_this_runs_is_not_shown(toy, finished, result, metrics):
    """Neither as this run's own nor, where its keys are not those of today, as a traceback."""
    toy.copy_results(finished)
    content = result | {"files": result["files"] | {"metrics": metrics}}
    if metrics is None:
        content = {"files": result["files"]}
    path = toy.folder / "results/best_cell.json"
    path.write_text(json.dumps(content))
    (history,) = toy.folder.glob("results/search/*/generation_000/history.json")
    history.unlink()
    output = toy.run(str(history.relative_to(toy.folder))).stdout
    assert "1 job on 2 cores" in output and "finished after" in output
    assert "Best cell" not in output and "Traceback" not in output
    path.write_text(json.dumps(result))
    history.unlink()
    assert "Best cell" in toy.run(str(history.relative_to(toy.folder))).stdout
