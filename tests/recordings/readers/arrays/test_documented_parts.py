"""Rows of docs/your_own_recordings.md on parts of arrays, each run with its own options."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import yaml
from PIL import Image
from support.recordings import describe

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.datasets.description import expand_patterns
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.stimuli import load_stimuli

PAGE = (Path(__file__).parents[4] / "docs" / "your_own_recordings.md").read_text()
VALUES = np.random.default_rng(0).normal(size=(6, 2, 4)).astype(np.float32)


@pytest.fixture
def run(tmp_path):
    """Assembly, table and notes of six images with the options of the row that begins so."""

    def run_row(row, saved, n_images=6, path="r.npy"):
        (line,) = re.findall(rf"^\| {re.escape(row)} \| [^|]* \| (.*) \|$", PAGE, re.M)
        options = yaml.safe_load(next(re.finditer(r"`(\{.*?\})`", line))[1])
        (tmp_path / "images").mkdir()
        for number in range(1, n_images + 1):
            Image.new("L", (4, 4), 20 * number).save(tmp_path / "images" / f"{number}.png")
        for name, values in saved.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            np.save(tmp_path / name, values)
        files = [{"name": Path(name).name, "path": str(tmp_path / name)} for name in saved]
        if "*" in path:
            assert f"`path: {path}`" in line
            files = [{"name": "units", "path": str(tmp_path / path)}]
        files.append({"name": "images", "path": str(tmp_path / "images")})
        first = {"file": "r.npy", "axes": ["stimulus", "repetition", "neuroid"]}
        given = {
            "responses": first,
            "unit": "Hz",
            "degrees": 5,
            "neuroids": {"region": "IT", "animal": "m"},
        }
        description = describe("arrays", given | options, files=files)
        (found,) = expand_patterns(description).values()
        paths = {file.name: Path(file.path) for file in found.files}
        ingest_recordings(found, paths, tmp_path / "out")
        return (
            load_assembly(tmp_path / "out" / "assembly.nc"),
            load_stimuli(tmp_path / "out" / "stimuli.csv"),
        )

    return run_row


def test_regions(run):
    found, _ = run("regions by ranges of channels", {"r.npy": VALUES})
    assert list(found["region"].values) == ["V1", "V1", "V4", "V4"]


def test_regions_in_another_order(run):
    row = "regions by ranges, the channels in another order (TVSD's `ALLMUA` and `mapping`)"
    found, _ = run(row, {"r.npy": VALUES, "mapping.npy": np.array([3, 1, 4, 2])})
    assert list(found["region"].values) == ["V4", "V1", "V4", "V1"]


def test_last_parts(run):
    paths = np.array([f"D:\\a\\{number}.png" for number in (6, 5, 4, 3, 2, 1)])
    _, table = run("paths whose last part is the image file", {"r.npy": VALUES, "paths.npy": paths})
    assert list(table["filename"]) == [f"{number}.png" for number in (6, 5, 4, 3, 2, 1)]


def test_more_images(run):
    names = np.array([f"{number}.png" for number in (2, 4, 6, 8, 7, 1)])
    _, table = run("more images than stimuli", {"r.npy": VALUES, "shown.npy": names}, n_images=9)
    assert list(table["filename"]) == names.tolist()


def test_windows(run):
    found, _ = run("a time window of each region", {"r.npy": VALUES})
    assert found.attrs["time_window_ms"] == "V1 25 to 125, V4 50 to 150"


def test_repeated_stimuli(run):
    saved = {
        "r.npy": VALUES[:, :1],
        "shown.npy": np.array([f"{number}.png" for number in range(1, 7)]),
        "repeated.npy": VALUES[:2],
        "repeated_names.npy": np.array(["7.png", "8.png"]),
    }
    found, table = run(
        "stimuli shown once, and others of the same sites repeated", saved, n_images=8
    )
    assert list(table["used_for"]) == ["rdm"] * 6 + ["ceiling"] * 2
    np.testing.assert_array_equal(found.values[:6], VALUES[:, 0])
    np.testing.assert_array_equal(found.values[6:], VALUES[:2].reshape(4, 4))


def test_leaving_out(run):
    found, table = run("stimuli or sites that are not to be used", {"r.npy": VALUES})
    assert list(table["stimulus_id"]) == ["2", "3", "4"]
    np.testing.assert_array_equal(found.values, VALUES[1:4].reshape(6, 4))


def test_missing_responses_of_some_sites(run):
    values = VALUES.copy()
    values[1, 0, 2] = np.nan
    found, _ = run("NaN of some sites in presentations that others have", {"r.npy": values})
    np.testing.assert_array_equal(found.values, np.delete(VALUES.reshape(12, 4), 2, axis=0))


def test_a_row_for_each_trial(tmp_path):
    """The block of the page, with files as it says; stimuli by their names and by their files."""
    (block,) = re.findall(r"```yaml\n# neural_data/my_trials.yaml\n(.*?)```", PAGE, re.S)
    content = yaml.safe_load(block)
    lab = tmp_path / "lab"
    (lab / "images").mkdir(parents=True)
    for number in range(1, 7):
        Image.new("L", (4, 4), 20 * number).save(lab / "images" / f"face_{number:02d}.png")
    values = VALUES.reshape(12, 4).copy()
    values[3] = np.nan
    values[5, 1] = np.nan
    scipy.io.savemat(lab / "trials.mat", {"resp": values})
    (lab / "sites.csv").write_text("area,monkey\nV4,a\nV4,b\nIT,a\nIT,b\n")
    files = [file | {"path": str(tmp_path / file["path"])} for file in content["files"]]
    description = describe(content["reader"], content["options"], files=files)
    paths = {file.name: Path(file.path) for file in description.files}
    found = {}
    for ending in ("", ".png"):
        rows = [f"face_{1 + k // 2:02d}{ending},2024-03-{1 + k % 2:02d}" for k in range(12)]
        (lab / "trials.csv").write_text("\n".join(["stimulus,day", *rows, ""]))
        ingest_recordings(description, paths, tmp_path / f"out{ending}")
        found[ending] = load_assembly(tmp_path / f"out{ending}" / "assembly.nc")
    kept = [k for k in range(12) if k not in (3, 5)]
    for assembly in found.values():
        np.testing.assert_array_equal(assembly.values, VALUES.reshape(12, 4)[kept])
        stimuli = [f"face_{1 + k // 2:02d}" for k in kept]
        assert assembly["stimulus_id"].values.tolist() == stimuli
        assert assembly["region"].values.tolist() == ["V4", "V4", "IT", "IT"]
        assert assembly["session"].values[:2].tolist() == ["2024-03-01", "2024-03-02"]
    assert "1 of 12 presentations have no response" in found[""].attrs["notes"]


def test_a_file_a_neuron(run):
    saved = {f"units/unit_{site + 1}.npy": VALUES[..., site] for site in range(4)}
    found, _ = run("a file a neuron", saved, path="units/unit_*.npy")
    np.testing.assert_array_equal(found.values, VALUES.reshape(12, 4))
    assert list(found["neuroid_id"].values) == [f"unit_{site}" for site in range(1, 5)]


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ("TVSD (Papale et al. 2025): V1, V4 and IT of two monkeys", "arrays/test_tvsd.py"),
        ("a file a session", "../datasets/test_patterns.py"),
        ("sessions of the same sites", "../../teacher/recorded/test_joining.py"),
    ],
)
def test_other_rows_are_run_elsewhere(row, where):
    assert f"| {row} |" in PAGE
    assert (Path(__file__).parents[1] / where).is_file()
