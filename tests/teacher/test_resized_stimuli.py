"""The stimuli of a teacher at another size."""

import shutil

import numpy as np
import pytest
from PIL import Image
from support.resizing import resize_by_torchvision

from tgas_neuro.config.teacher import ControlOptions
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.teacher import resize_stimuli


def find_sources(folder):
    return {name: Source({folder.name: folder}) for name in ("V4", "IT")}


@pytest.fixture
def copied(simulated, tmp_path):
    """The data set in a folder that a test may change."""
    return shutil.copytree(simulated, tmp_path / "simulated")


@pytest.mark.parametrize("control", [None, ControlOptions(type="shuffled")])
def test_at_its_own_size_a_teacher_is_as_it_was(build, simulated, control):
    """Shuffled stimuli stand in another order than their table."""
    kind = "recordings" if control is None else "control"
    teacher = build(simulated, kind=kind, control=control)
    found = resize_stimuli(teacher, find_sources(simulated), 16, 8)
    assert found.provenance == teacher.provenance
    for name, region in teacher.regions.items():
        assert set(found.regions[name].variables) == set(region.variables)
        for variable in region.variables:
            np.testing.assert_array_equal(found.regions[name][variable], region[variable])
        assert repr(found.regions[name].attrs) == repr(region.attrs)  # NaN too


def test_each_stimulus_is_its_file_at_the_size_asked_for(build, simulated):
    """By torchvision: an image as wide as the field of view is resized and nothing else."""
    teacher = build(simulated, kind="control", control=ControlOptions(type="shuffled"))
    found = resize_stimuli(teacher, find_sources(simulated), 24, 8)
    table = np.genfromtxt(
        simulated / "stimuli.csv", delimiter=",", names=True, dtype=None, encoding="utf-8"
    )
    names = dict(zip(table["stimulus_id"], table["filename"], strict=True))
    for region in found.regions.values():
        assert region["images"].shape == (64, 24, 24, 3)
        for stimulus, pixels in zip(
            region["stimulus"].values, region["images"].values, strict=True
        ):
            with Image.open(simulated / "stimuli" / names[stimulus]) as image:
                expected = resize_by_torchvision(image, 24, 24)
            np.testing.assert_array_equal(pixels, expected)
    assert teacher.regions["IT"]["images"].shape == (64, 16, 16, 3)
    one, other = (region["images"].values for region in found.regions.values())
    assert np.shares_memory(one, other)  # regions on the same stimuli are shown once


def test_a_published_rdm_has_its_stimuli(build, published):
    teacher = build(published, regions=("IT",), uncorrected=("IT",))
    found = resize_stimuli(teacher, find_sources(published), 20, 8)
    with Image.open(published / "stimuli" / "s03.png") as image:
        np.testing.assert_array_equal(found.regions["IT"]["images"][3], image)


def test_missing_and_changed_stimuli_are_named(build, simulated, copied):
    teacher = build(simulated)
    path = copied / "stimuli" / teacher.regions["V4"]["stimulus"].values[3]
    path = next(copied.glob(f"stimuli/{path.name}*"))
    Image.new("RGB", (32, 32)).save(path)
    with pytest.raises(UserError, match=rf"{path.name}: sha256 is .* the image was changed"):
        resize_stimuli(teacher, find_sources(copied), 24, 8)
    table = copied / "stimuli.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(lines[:1] + lines[3:]))
    with pytest.raises(UserError, match=r"stimuli\.csv: stimulus .* of the teacher's region V4"):
        resize_stimuli(teacher, find_sources(copied), 24, 8)
