"""Missing files, failing candidates and mistakes: nothing is lost, and it is said plainly."""

import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from tgas_neuro.simulation.stimuli import simulate_classification_split

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]


@pytest.fixture
def folder_toy(toy):
    """A toy whose images lie in a folder of the user's."""
    for split, number in (("train", 24), ("val", 6)):
        simulate_classification_split(toy.folder / "images" / split, 0, split, number, 16)
    for stage in ("premature", "final"):
        toy.config[stage]["data"] = {"kind": "image_folder", "path": "images"}
    toy.config["search"]["generations"] = 1
    return toy


def test_nothing_before_the_final_stage_needs_the_validation_split(folder_toy, comparable):
    toy = folder_toy
    shutil.move(toy.folder / "images/val", toy.folder / "val")
    found = toy.run(check=False)
    assert found.returncode == 1
    best = toy.read("results/search/*/best.json")
    (line,) = {line for line in found.stdout.splitlines() if line.startswith("Error: images/val")}
    assert "validation images are missing" in line
    warning = "Warning: final.data: images/val: no such folder here"
    assert found.stdout.index(warning) < found.stdout.index("begins")
    assert found.stdout.count(warning) == 1
    shutil.move(toy.folder / "val", toy.folder / "images/val")
    assert warning not in toy.run().stdout
    assert toy.read("results/search/*/best.json") == best
    assert toy.read("results/best_cell.json")["final"]["n_images"] == 48


def test_images_from_an_archive(folder_toy, comparable):
    toy = folder_toy
    archive = shutil.make_archive(toy.folder / "packed", "gztar", toy.folder, "images")
    shutil.rmtree(toy.folder / "images")
    for stage in ("premature", "final"):
        toy.config[stage]["data"] = {"kind": "image_folder", "path": Path(archive).name}
    toy.config["premature"]["data"]["source"] = "They are in the drawer."
    Path(archive).rename(toy.folder / "elsewhere")
    found = toy.run(check=False)
    (line,) = {line for line in found.stdout.splitlines() if line.startswith("Error: ")}
    assert line == (
        "Error: premature.data.path: packed.tar.gz: no such file; put it there, or name another "
        "one. They are in the drawer."
    )
    assert "Traceback" not in found.stdout
    toy.run("results/recordings/simulated/assembly.nc")  # needs no images
    (toy.folder / "elsewhere").rename(archive)
    toy.run("--until", "images_decoded")
    assert [path.name for path in toy.folder.glob("results/images/*/*")].count("val") == 0
    toy.run()
    assert toy.read("results/best_cell.json")["final"]["n_images"] == 48


FAULTS = """
import os, signal, sys, time
import importlib.abc, importlib.machinery


class Finder(importlib.abc.MetaPathFinder):
    # replaces the training of some candidates by a fault, in the process that would train them
    def find_spec(self, name, path, target=None):
        if name != "tgas_neuro.search.candidate.training":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            module.train_candidate = break_some(module.train_candidate)

        spec.loader.exec_module = exec_module
        return spec


def break_some(train):
    def train_or_fail(network, images, labels, held_back, settings, *others):
        fault = next_fault(repr(float(next(network.parameters()).detach().sum())))
        if fault == "diverged":
            settings = settings.model_copy(update={"learning_rate": 1e20})
        if fault == "out_of_memory":
            block = bytearray(os.urandom(2**20)) * 3000
            time.sleep(600)
        if fault == "timeout":
            time.sleep(600)
        if fault == "crashed":
            os.kill(os.getpid(), signal.SIGKILL)
        return train(network, images, labels, held_back, settings, *others)

    return train_or_fail


def next_fault(candidate):
    from pathlib import Path

    for name in ("diverged", "out_of_memory", "timeout", "crashed"):
        try:
            Path("faults", name).rename(Path("faults", f"{name}_done"))
        except FileNotFoundError:
            continue
        if name == "crashed":  # every attempt of this candidate
            Path("faults", "crashed_done").write_text(candidate)
        return name
    marker = Path("faults", "crashed_done")
    if marker.exists() and marker.read_text() == candidate:
        return "crashed"
    return None


sys.meta_path.insert(0, Finder())
"""


@pytest.mark.usefixtures("cold")
def test_every_failure_is_a_recorded_state_and_the_search_ends_well(finished, toy):
    toy.copy_beginning(finished)
    (toy.folder / "sitecustomize.py").write_text(textwrap.dedent(FAULTS))
    (toy.folder / "faults").mkdir()
    for name in ("diverged", "out_of_memory", "timeout", "crashed"):
        (toy.folder / "faults" / name).touch()
    toy.environment["PYTHONPATH"] = str(toy.folder)
    toy.config["search"] |= {"candidates": 4, "strategy": "random"}
    toy.config["search"]["limits"] = {"memory_mb": 2500, "seconds": 20}
    toy.run("results/best_cell.json")
    states = sorted(record["state"] for record in toy.read_records().values())
    assert states == ["crashed", "diverged", "ok", "ok", "ok", "ok", "out_of_memory", "timeout"]
    for record in toy.read_records().values():
        assert (record["message"] == "") == (record["state"] == "ok")
        if record["state"] == "crashed":
            assert record["message"] == "killed by signal SIGKILL in each of 3 attempts"
            assert record["cost"]["attempts"] == 3
    assert toy.read("results/best_cell.json")["search"]["states"]["ok"] == 4


def test_oversized_candidates_are_not_built(finished, toy):
    """The limit lies between the sizes of the reference run's candidates."""
    sizes = sorted(record["complexity"]["params"] for record in finished.read_records().values())
    toy.config["search"] |= {"strategy": "random", "limits": {"params": sizes[2]}}
    toy.run("--until", "best")
    records = toy.read_records().values()
    for record in records:
        assert (record["state"] == "oversized") == (record["complexity"]["params"] > sizes[2])
        if record["state"] == "oversized":
            assert record["cost"]["images_seen"] == 0
            assert f"search.limits.params is {sizes[2]:,}" in record["message"]


def test_nothing_but_failures_ends_in_one_line(toy):
    toy.config["search"]["limits"] = {"params": 1}
    found = toy.run(check=False)
    assert found.returncode == 1
    assert "none of 6 candidates has a reward (6 oversized)" in found.stdout
    assert "Traceback" not in found.stdout


MISTAKES = [
    (lambda config: config["search"].update(startegy="tpe"), "did you mean 'strategy'"),
    (lambda config: config["search"].update(generations="two"), "search.generations"),
    (
        lambda config: config["recordings"]["regions"]["IT"].update(datasets=["simulatd"]),
        "did you mean 'simulated'",
    ),
    (
        lambda config: config["recordings"]["regions"].update(V1={"datasets": ["simulated"]}),
        "region 'V1' is not in simulated; there are: IT, V4",
    ),
    (
        lambda config: config["recordings"].update(min_site_reliability=0.999),
        "recordings.min_site_reliability: 0.999 leaves no site",
    ),
]


@pytest.mark.parametrize(("mistake", "message"), MISTAKES)
def test_mistakes_end_in_one_line(toy, mistake, message):
    mistake(toy.config)
    found = toy.run(check=False)
    assert found.returncode == 1
    lines = [line for line in found.stdout.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in found.stdout


def test_truncated_files_are_named(toy):
    toy.run("--until", "recordings_responses")
    path = toy.folder / "results/recordings/simulated/assembly.nc"
    path.write_bytes(path.read_bytes()[:5000])
    found = toy.run("--until", "teacher", "--rerun-triggers", "input", check=False)
    assert found.returncode == 1
    inside = path.relative_to(toy.folder)
    assert f"Error: {inside}: was changed after the rule recordings_responses" in found.stdout
    assert "Traceback" not in found.stdout


def test_a_broken_configuration_ends_in_one_line(toy):
    command = toy.build_command("--dry-run", "--quiet", "all")
    (toy.folder / "config.yaml").write_text("search: {seed: 1\nteacher: {}\n")
    found = subprocess.run(
        command, cwd=toy.folder, env=toy.environment, capture_output=True, text=True
    )
    assert found.returncode == 1
    lines = [line for line in found.stderr.splitlines() if not line.startswith("Using workflow")]
    assert len(lines) == 1
    assert lines[0].startswith("Error: config.yaml: line 2, column 8: not valid YAML (")
