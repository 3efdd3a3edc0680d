"""A user with responses and images of their own follows docs/your_own_recordings.md literally."""

import copy
import io
import json
import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from support.commands import run_printed

from tgas_neuro.final.result.best_cell import check_part
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.plan.plan import build_plan
from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.teacher.teacher import load_teacher

pytestmark = pytest.mark.workflow

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs/your_own_recordings.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.S)
N_STIMULI, N_REPETITIONS, N_SITES = 40, 8, 25


def clone(folder, config):
    """The files of the project that a clone has and a run needs, at toy size."""
    for name in ("tgas_neuro", "workflow", "neural_data", "profiles"):
        ignored = shutil.ignore_patterns("__pycache__", "raw")
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    for name in ("Snakefile", "environment.yml"):
        shutil.copy(PROJECT / name, folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def make_recordings(folder):
    """The two files of a user: counts with missing repetitions, and images."""
    generator = np.random.default_rng(0)
    hidden = generator.normal(size=(N_STIMULI, 5)) @ generator.normal(size=(5, N_SITES))
    rates = 4 * np.exp(0.8 * hidden / np.sqrt(5))
    counts = generator.poisson(rates[:, np.newaxis], (N_STIMULI, N_REPETITIONS, N_SITES))
    counts = counts.astype(float)
    for stimulus in range(0, N_STIMULI, 3):
        counts[stimulus, generator.integers(3, N_REPETITIONS) :] = np.nan
    (folder / "my_recordings").mkdir()
    np.save(folder / "my_recordings/responses.npy", counts)
    with zipfile.ZipFile(folder / "my_recordings/images.zip", "w") as archive:
        for number in range(N_STIMULI):
            file = io.BytesIO()
            pixels = generator.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).resize((32, 32)).save(file, format="png")
            archive.writestr(f"image_{number + 1:03d}.png", file.getvalue())
    return counts


def run(folder, command):
    """A line of the page, in the environment of these tests, with the packages of the clone."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return run_printed(["sh", "-c", command], folder, environment)


@pytest.fixture(scope="module")
def followed(tmp_path_factory, toy_config):
    """The page followed from top to bottom; what each command printed."""
    folder = tmp_path_factory.mktemp("clone")
    clone(folder, toy_config)
    counts, printed = make_recordings(folder), {}
    configurations = []
    for language, text in BLOCKS:
        place = text.split("\n")[0].removeprefix("# ")
        if language == "bash":
            for command in text.strip().splitlines():
                printed[command] = run(folder, command)
        elif place == "config.yaml":
            configurations.append(yaml.safe_load(text))
            if len(configurations) == 1:  # the section in place of the old one
                config = yaml.safe_load((folder / place).read_text()) | configurations[0]
                (folder / place).write_text(yaml.safe_dump(config))
        else:
            (folder / place).write_text(text)
            if language == "python":
                run(folder, f"python {place}")
    return folder, counts, printed, configurations


def test_the_page_ends_with_a_best_cell(followed):
    folder, _, printed, _ = followed
    best_cell = json.loads((folder / "results/best_cell.json").read_text())
    check_part(BestCell, best_cell)
    region = best_cell["teacher"]["regions"]["IT"]
    assert list(best_cell["teacher"]["regions"]) == ["IT"]
    assert region["datasets"] == ["my_recordings"]
    assert (region["n_stimuli"], region["corrected"]) == (N_STIMULI, True)
    assert 0.5 < region["ceiling"] <= 1
    assert best_cell["teacher"]["simulated"] is False
    assert "IT from my_recordings" in best_cell["note"]
    assert "Best cell: " in printed["snakemake --cores all"]
    assert len(list(folder.glob("results/teacher/my_recordings_recordings-*/teacher.nc"))) == 1


def test_the_check_says_what_the_files_hold(followed):
    _, counts, printed, _ = followed
    shown = (~np.isnan(counts[:, :, 0])).sum(axis=1)
    text = printed["python -m tgas_neuro check my_recordings"]
    assert f"{shown.sum()} presentations x {N_SITES} neuroids, spikes" in text
    assert f"{shown.min()} to {shown.max()} of a stimulus, median {np.median(shown):g}" in text
    assert f"IT, animal monkey_a: {N_SITES}" in text
    assert text.strip().endswith("my_recordings: nothing wrong")


def test_both_ways_give_the_same_responses(followed):
    """The array and the assembly that the page makes of it, through their readers."""
    folder, counts, _, _ = followed
    for name in ("my_recordings", "my_assembly"):
        run(folder, f"python -m tgas_neuro convert {name} converted_{name}/all.nc")
    one, two = (
        load_assembly(folder / f"converted_{name}/all.nc")
        for name in ("my_recordings", "my_assembly")
    )
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one["stimulus_id"].values, two["stimulus_id"].values)
    recorded = load_assembly(folder / "results/recordings/my_recordings/assembly.nc")
    np.testing.assert_array_equal(one.values, recorded.values)
    third = recorded.values[recorded["stimulus_id"].values == "image_003"]
    np.testing.assert_array_equal(third, counts[2][~np.isnan(counts[2]).any(axis=1)])


def test_pooled_data_sets_and_windows_of_the_page_are_planned(followed):
    """The further examples of the page, over the project's own configuration."""
    folder, _, _, configurations = followed
    default = yaml.safe_load((PROJECT / "config.yaml").read_text())
    regions = []
    for section in configurations:
        plan = build_plan(copy.deepcopy(default) | section, [folder / "neural_data"])
        regions.append(plan.regions)
    assert regions == [
        {"IT": ["my_recordings"]},
        {"IT": ["my_recordings", "my_assembly"]},
        {"V4": ["majajhong2015_public@70to170ms"], "IT": ["majajhong2015_public"]},
    ]


def test_pooling_in_the_workflow(followed):
    """The same recordings twice, under two names: the RDM is that of either."""
    folder, _, _, configurations = followed
    single = next(folder.glob("results/teacher/my_recordings_recordings-*/teacher.nc"))
    config = yaml.safe_load((folder / "config.yaml").read_text()) | configurations[1]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    printed = " ".join(run(folder, "snakemake --cores all --until teacher").split())
    assert "data set my_recordings, my_assembly): 40 stimuli, " in printed
    pooled = next(folder.glob("results/teacher/my_recordings_my_assembly_recordings-*/teacher.nc"))
    rdms = [load_teacher(path).regions["IT"]["rdm"].values for path in (single, pooled)]
    np.testing.assert_allclose(rdms[0], rdms[1], atol=1e-5)


def test_two_windows_of_one_data_set(followed):
    """Counts in time bins of 10 ms: each region adds those of its own window."""
    folder = followed[0]
    counts = np.random.default_rng(1).poisson(2, (N_STIMULI, 4, 6, 12)).astype(float)
    np.save(folder / "my_recordings/binned.npy", counts)
    description = yaml.safe_load((folder / "neural_data/my_recordings.yaml").read_text())
    description |= {"name": "my_bins"}
    description["files"][0]["path"] = "my_recordings/binned.npy"
    description["options"] |= {
        "responses": {"axes": ["stimulus", "repetition", "neuroid", "time_bin"]},
        "time_bins_ms": {"start": 50, "width": 10},
        "neuroids": {"region": {"column": "region", "file": "sites"}, "animal": "monkey_a"},
    }
    del description["options"]["time_window_ms"]
    description["files"].append({"name": "sites", "path": "my_recordings/sites.csv"})
    (folder / "my_recordings/sites.csv").write_text("region\n" + "V4\n" * 3 + "IT\n" * 3)
    (folder / "neural_data/my_bins.yaml").write_text(yaml.safe_dump(description))
    config = yaml.safe_load((folder / "config.yaml").read_text())
    windows = {"V4": [50, 100], "IT": [70, 170]}
    config["recordings"] = {
        "regions": {
            region: {"datasets": ["my_bins"], "select": {"window_ms": window}}
            for region, window in windows.items()
        }
    }
    config["teacher"]["uncorrected"] = ["V4", "IT"]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    paths = [
        f"results/recordings/my_bins@{start}to{stop}ms/assembly.nc"
        for start, stop in windows.values()
    ]
    run(folder, f"snakemake --cores all {' '.join(paths)}")
    for path, bins in zip(paths, (slice(0, 5), slice(2, 12)), strict=True):
        assembly = load_assembly(folder / path)
        expected = counts[..., bins].sum(axis=-1).reshape(-1, 6)
        np.testing.assert_array_equal(assembly.values, expected)
        assert assembly.attrs["dataset"] == "my_bins"
    assert [list(load_assembly(folder / path).attrs["time_window_ms"]) for path in paths] == [
        *windows.values()
    ]
