"""`check` and `convert`: what is said of good and of spoilt recordings, and the exit codes."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import yaml

from tgas_neuro.__main__ import main
from tgas_neuro.inspection.check import check_target
from tgas_neuro.inspection.report import draw_histogram
from tgas_neuro.rdm import calc_noise_ceiling, calc_site_reliability
from tgas_neuro.recordings.assembly import load_assembly, write_assembly
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.stimuli import load_stimuli

PROJECT = Path(__file__).parents[2]
SMALL = {
    "image_size": 32,
    "images_per_object": {"V0": 1, "V3": 0, "V6": 0},
    "sites": {"V4": 20, "IT": 30},
    "repetitions": [6, 9],
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Folder of the recordings stage: 64 stimuli, 20 V4 and 30 IT sites."""
    description = load_description("simulated", [PROJECT / "neural_data"]).change_options(**SMALL)
    folder = tmp_path_factory.mktemp("recorded")
    ingest_recordings(description, {}, folder)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with the small simulated data set under the name of the large one."""
    description = yaml.safe_load((PROJECT / "neural_data/simulated.yaml").read_text())
    description["options"] |= SMALL
    (tmp_path / "neural_data").mkdir()
    (tmp_path / "neural_data/simulated.yaml").write_text(yaml.safe_dump(description))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(target):
    lines = []
    return check_target(str(target), 5, None, lines.append), "\n".join(lines)


def get_wrong(text):
    return [line[7:] for line in text.splitlines() if line.startswith("Wrong:")]


class TestWhatIsSaid:
    def test_numbers_of_an_assembly(self, recorded):
        code, text = check(recorded / "assembly.nc")
        assembly = load_assembly(recorded / "assembly.nc")
        counts = np.unique(assembly["stimulus_id"].values, return_counts=True)[1]
        assert code == 0
        assert f"{len(assembly):,} presentations x 50 neuroids, spikes" in text
        assert (
            f"{counts.min()} to {counts.max()} of a stimulus, median {np.median(counts):g}" in text
        )
        for region, number in (("IT", 15), ("V4", 10)):
            for animal in ("simulated_1", "simulated_2"):
                assert f"{region}, animal {animal}: {number}" in text
        assert "64 images, 8 degrees wide" in text
        assert "by variation: V0 64" in text
        assert text.endswith("nothing wrong")

    def test_ceilings_are_those_of_the_rdm(self, recorded):
        text = check(recorded)[1]
        assembly = load_assembly(recorded / "assembly.nc")
        for region in ("V4", "IT"):
            found = re.search(
                rf"Region {region},.*?noise ceiling ([\d.]+) of (\d+) sites", text, re.S
            )
            part = assembly.isel(neuroid=np.flatnonzero(assembly["region"].values == region))
            expected = calc_noise_ceiling(part, 20, np.random.default_rng(0)).ceiling
            assert float(found[1]) == pytest.approx(expected, abs=0.02)
            reliability = calc_site_reliability(part, 50, np.random.default_rng(0))
            assert int(found[2]) == pytest.approx((reliability >= 0.2).sum(), abs=1)

    def test_histogram_by_hand(self):
        values = np.array([-0.4, -0.01, 0.0, 0.05, 0.1, 0.35, 0.95, 0.99, 1.0, 0.9])
        lines = list(draw_histogram(values))
        counts = [int(line.split()[-2] if "#" in line else line.split()[-1]) for line in lines]
        assert counts == [2, 2, 1, 0, 1, 0, 0, 0, 0, 0, 4]
        bars = [line.count("#") for line in lines]
        assert bars == [20, 20, 10, 0, 10, 0, 0, 0, 0, 0, 40]
        assert lines[4].split()[:3] == ["0.3", "-", "0.4"]

    def test_every_site_is_in_the_histogram(self, recorded):
        text = check(recorded)[1]
        for region, number in (("IT", 30), ("V4", 20)):
            block = text.split(f"Region {region},")[1].split("noise ceiling")[0]
            counts = re.findall(r"(?:below 0.0|\d\.\d - \d\.\d) +(\d+)", block)
            assert len(counts) == 11
            assert sum(map(int, counts)) == number

    def test_a_data_set_by_name_and_by_file(self, here):
        by_name, by_file = check("simulated"), check(here / "neural_data/simulated.yaml")
        assert by_name[0] == by_file[0] == 0
        assert by_name[1].splitlines()[:-1] == by_file[1].splitlines()[:-1]
        assert "Data set     simulated: Simulated V4 and IT" in by_name[1]
        assert "license    MIT" in by_name[1]
        assert "50 neuroids" in by_name[1]

    def test_nothing_repeated_is_no_mistake(self, recorded, tmp_path):
        assembly = load_assembly(recorded / "assembly.nc")
        once = assembly.isel(presentation=np.flatnonzero(assembly["repetition"].values == 0))
        write_assembly(tmp_path / "once.nc", once)
        code, text = check(tmp_path / "once.nc")
        assert code == 0
        assert "1 to 1 of a stimulus" in text
        assert "no noise ceiling: nothing was repeated" in text
        assert "teacher.uncorrected: [IT]" in text
        assert "no stimuli.csv beside it" in text

    def test_constant_sites_are_counted(self, recorded, tmp_path):
        assembly = load_assembly(recorded / "assembly.nc")
        assembly.values[:, assembly["region"].values == "V4"] = 3
        assembly.values[:, 0] = 3
        write_assembly(tmp_path / "constant.nc", assembly)
        code, text = check(tmp_path / "constant.nc")
        assert code == 0
        assert "nothing varies" in text

    @pytest.mark.real_data
    def test_macaque_v4_and_a_published_rdm(self, real_data, here):
        assert main(["check", "cowley2023_v4", "--mirror", str(real_data), "--splits", "3"]) == 0
        assert main(["check", "kriegeskorte2008_it", "--mirror", str(real_data)]) == 0

    def test_a_teacher(self, recorded, tmp_path):
        from tgas_neuro.teacher.build import build_teacher
        from tgas_neuro.teacher.options import Source, TeacherOptions
        from tgas_neuro.teacher.teacher import write_teacher

        options = TeacherOptions("image", 5, (), 16, 8, 0.2, "zscore", 1, 0)
        sources = {"IT": Source({"mine": recorded})}
        teacher = build_teacher(sources, options, {}, lambda line: None)
        write_teacher(tmp_path / "teacher.nc", teacher)
        code, text = check(tmp_path / "teacher.nc")
        assert code == 0
        assert "teacher region IT (simulated, data set mine): 64 stimuli, 30 of 30 sites" in text
        content = (tmp_path / "teacher.nc").read_bytes()
        (tmp_path / "teacher.nc").write_bytes(content[: len(content) // 3])
        code, text = check(tmp_path / "teacher.nc")
        assert code == 1
        assert "not a readable netCDF file" in get_wrong(text)[0]


class TestEverythingWrong:
    def test_all_that_breaks_the_contract_is_named_at_once(self, recorded, tmp_path):
        assembly = load_assembly(recorded / "assembly.nc").astype(np.float64)
        assembly.attrs.pop("unit")
        assembly.values[3, 5] = np.nan
        assembly.values[:, 7] = np.inf
        ids = assembly["neuroid_id"].values.astype(object)
        ids[1] = ids[0]
        assembly = assembly.assign_coords(neuroid_id=("neuroid", ids.astype(str)))
        repetition = assembly["repetition"].values.copy()
        repetition[1] = repetition[0]
        assembly = assembly.assign_coords(repetition=("presentation", repetition))
        assembly = assembly.drop_vars("animal")
        write_assembly(tmp_path / "spoilt.nc", assembly)
        code, text = check(tmp_path / "spoilt.nc")
        wrong = "\n".join(get_wrong(text))
        assert code == 1
        for part in (
            "dtype is float64, expected float32",
            "attribute 'unit' is missing",
            "coordinate 'animal' on 'neuroid' is missing",
            "(stimulus_id, repetition)",
            f"neuroid_id {ids[0]!r} appears more than once",
            "has no finite response (1 such sites)",
            "is nan (1 such values)",
        ):
            assert part in wrong, part
        assert text.endswith("7 wrong")

    def test_stimuli_that_do_not_match_and_images_that_changed(self, recorded, tmp_path):
        folder = shutil.copytree(recorded, tmp_path / "copy")
        table = load_stimuli(folder / "stimuli.csv")
        (folder / "stimuli" / table["filename"][3]).unlink()
        (folder / "stimuli" / table["filename"][5]).write_bytes(b"no image")
        table.loc[8, "stimulus_id"] = "renamed"
        table.loc[9, "sha256"] = table["sha256"][10]
        table.to_csv(folder / "stimuli.csv", index=False)
        code, text = check(folder / "assembly.nc")
        wrong = get_wrong(text)
        assert code == 1
        assert sum("is missing; restore it" in line for line in wrong) == 1
        assert sum("the image was changed" in line for line in wrong) == 2
        assert any("'renamed' is missing from responses (1 such)" in line for line in wrong)
        assert any("is missing from the stimulus table (1 such)" in line for line in wrong)
        assert "2 stimuli share their image with another" in text

    def test_many_of_a_kind_are_cut_short(self, recorded, tmp_path):
        folder = shutil.copytree(recorded, tmp_path / "copy")
        for path in (folder / "stimuli").iterdir():
            path.unlink()
        text = check(folder)[1]
        assert len(get_wrong(text)) == 21
        assert "and 44 more of these" in text

    @pytest.mark.parametrize(
        ("chosen", "message"),
        [
            ({"neuroid": [0]}, "region V4 has 1 site; a response pattern needs at least 2"),
            (
                {"presentation": slice(0, 10)},
                "stimuli; an RDM with crossed halves needs at least 6",
            ),
        ],
    )
    def test_too_few_for_a_teacher(self, recorded, tmp_path, chosen, message):
        assembly = load_assembly(recorded / "assembly.nc")
        write_assembly(tmp_path / "few.nc", assembly.isel(chosen))
        code, text = check(tmp_path / "few.nc")
        assert code == 1
        assert message in "\n".join(get_wrong(text))

    def test_files_of_a_description_are_all_named(self, here, recorded):
        description = {
            "name": "mine",
            "title": "t",
            "source": "s",
            "license": "l",
            "citation": "c",
            "provides": "responses",
            "reader": "netcdf",
            "files": [
                {"name": name, "path": f"mine/{name}"} for name in ("a.nc", "s.csv", "i.zip")
            ],
        }
        (here / "neural_data/mine.yaml").write_text(yaml.safe_dump(description))
        code, text = check("mine")
        assert code == 1
        assert [line.split(":")[1].strip() for line in get_wrong(text)] == [
            "a.nc",
            "s.csv",
            "i.zip",
        ]
        description["reader"] = "netcdff"
        (here / "neural_data/mine.yaml").write_text(yaml.safe_dump(description))
        (line,) = get_wrong(check("mine")[1])
        assert "reader: 'netcdff' is not one of" in line

    def test_a_file_of_ones_own_lacks_what_the_description_gives(self, recorded, tmp_path):
        assembly = load_assembly(recorded / "assembly.nc")
        for attr in ("dataset", "source", "license", "citation", "stimuli_digest"):
            assembly.attrs.pop(attr)
        write_assembly(tmp_path / "own.nc", assembly)
        code, text = check(tmp_path / "own.nc")
        assert code == 0
        assert "without the attributes dataset, source, license, citation, stimuli_digest" in text

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("other.nc", xr.Dataset({"rates": ("x", [1.0])}), "variables are rates; expected"),
            ("absent.nc", None, "no such file"),
            ("broken.nc", b"\x89HDF\r\n\x1a\n broken", "not a readable netCDF file"),
            ("unknown_data_set", None, "no unknown_data_set.yaml in"),
            ("absent.yaml", None, "no such file"),
        ],
    )
    def test_other_targets(self, here, name, content, message):
        if isinstance(content, bytes):
            Path(name).write_bytes(content)
        elif content is not None:
            content.to_netcdf(name)
        code, text = check(name)
        assert code == 1
        assert message in get_wrong(text)[0]

    def test_an_array_is_checked_by_its_description(self, here, capsys):
        np.save("responses.npy", np.zeros(3))
        assert main(["check", "responses.npy"]) == 1
        assert "responses.npy: ends in .npy, and is checked by its desc" in capsys.readouterr().err


class TestConvert:
    def test_what_was_written_is_read_again(self, here, recorded, capsys):
        """Reader netcdf gives the same assembly, stimuli and images from what was written."""
        assert main(["convert", "simulated", "out/mine.nc"]) == 0
        assert (
            "wrote out/mine.nc, and beside it stimuli.csv and 64 images" in capsys.readouterr().out
        )
        written = load_assembly("out/mine.nc")
        xr.testing.assert_equal(written, load_assembly(recorded / "assembly.nc"))
        assert check("out/mine.nc")[0] == 0
        description = yaml.safe_load(Path("neural_data/simulated.yaml").read_text()) | {
            "name": "again",
            "reader": "netcdf",
            "options": {},
            "files": [
                {"name": name, "path": f"out/{name}"}
                for name in ("mine.nc", "stimuli.csv", "stimuli")
            ],
        }
        Path("neural_data/again.yaml").write_text(yaml.safe_dump(description))
        assert main(["convert", "again", "more/again.nc"]) == 0
        again = load_assembly("more/again.nc")
        np.testing.assert_array_equal(again.values, written.values)
        for coord in ("stimulus_id", "repetition", "neuroid_id", "region", "animal", "object_name"):
            np.testing.assert_array_equal(again[coord].values, written[coord].values)
        assert again.attrs["unit"] == written.attrs["unit"]
        pd.testing.assert_series_equal(
            load_stimuli("more/stimuli.csv")["sha256"], load_stimuli("out/stimuli.csv")["sha256"]
        )

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["simulated", "out/mine.txt"], "an assembly is a netCDF file; write out/mine.nc"),
            (["kriegeskorte2008_it", "a.nc"], "only an RDM was published, so there are no"),
            (["simulatd", "a.nc"], "did you mean 'simulated'"),
        ],
    )
    def test_mistakes_are_one_line(self, here, arguments, message, capsys):
        assert main(["convert", *arguments]) == 1
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1

    def test_nothing_is_overwritten_and_nothing_partial_is_left(self, here, capsys):
        Path("out/stimuli").mkdir(parents=True)
        assert main(["convert", "simulated", "out/mine.nc"]) == 1
        assert "out/stimuli: is there already; delete it" in capsys.readouterr().err
        description = yaml.safe_load(Path("neural_data/simulated.yaml").read_text())
        description |= {"name": "broken", "reader": "netcdf", "options": {}}
        Path("neural_data/broken.yaml").write_text(yaml.safe_dump(description))
        assert main(["convert", "broken", "other/mine.nc"]) == 1
        assert "this reader needs one file with an assembly" in capsys.readouterr().err
        assert list(Path("other").iterdir()) == []
