"""The contract of an assembly: built, written, loaded, and what is refused by name."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tgas_neuro.recordings.assembly import (
    REQUIRED_ATTRS,
    build_assembly,
    find_problems,
    load_assembly,
    load_netcdf,
    validate_assembly,
    write_assembly,
)
from tgas_neuro.runtime.errors import UserError

STIMULI = pd.DataFrame({"stimulus_id": ["a", "b"]})


@pytest.fixture
def assembly():
    """Stimulus a twice, b once; three sites."""
    return build_assembly(
        np.arange(9).reshape(3, 3),
        {"stimulus_id": ["a", "a", "b"], "repetition": [0, 1, 0], "variation": ["V0", "V0", "V3"]},
        {
            "neuroid_id": ["s0", "s1", "s2"],
            "region": ["V4", "IT", "IT"],
            "animal": ["x", "x", "y"],
        },
        {attr: "x" for attr in REQUIRED_ATTRS} | {"time_window_ms": [70, 170]},
    )


def test_it_is_built_as_the_contract_says(assembly):
    assert assembly.name == "response"
    assert assembly.dims == ("presentation", "neuroid")
    assert assembly.dtype == np.float32
    assert type(assembly) is xr.DataArray
    assert validate_assembly(assembly, "here", STIMULI) is assembly


def test_what_is_written_is_loaded(assembly, tmp_path):
    write_assembly(tmp_path / "assembly.nc", assembly)
    loaded = load_assembly(tmp_path / "assembly.nc")
    np.testing.assert_array_equal(loaded.values, assembly.values)
    assert loaded.dtype == np.float32
    for coord in ("stimulus_id", "repetition", "variation", "neuroid_id", "region", "animal"):
        assert list(loaded[coord].values) == list(assembly[coord].values)
    assert list(loaded.attrs["time_window_ms"]) == [70, 170]
    assert [path.name for path in tmp_path.iterdir()] == ["assembly.nc"]


def test_a_loaded_assembly_without_a_coordinate_is_written_whole(assembly, tmp_path):
    """What was loaded remembers the names of its coordinates; one that is gone hides no other."""
    write_assembly(tmp_path / "assembly.nc", assembly)
    less = load_assembly(tmp_path / "assembly.nc").drop_vars("variation")
    write_assembly(tmp_path / "less.nc", less)
    assert set(load_assembly(tmp_path / "less.nc").coords) == set(less.coords)


def test_every_problem_is_found_in_one_pass(assembly):
    assembly = assembly.astype(float).drop_vars(["repetition", "animal"])
    assembly.attrs.pop("license")
    assembly.values[0, 0] = np.inf
    problems = list(find_problems(assembly, "here", STIMULI.iloc[:1]))
    assert [problem.split(": ")[1].split(";")[0] for problem in problems] == [
        "dtype is float64, expected float32",
        "attribute 'license' is missing",
        "coordinate 'repetition' on 'presentation' is missing",
        "coordinate 'animal' on 'neuroid' is missing",
        "response of site 's0' to stimulus 'a' is inf (1 such values)",
        "stimulus 'b' is missing from the stimulus table (1 such)",
    ]


def set_values(row, column, value):
    def changed(assembly):
        assembly = assembly.copy()
        assembly.values[row, column] = value
        return assembly

    return changed


def count_by(step):
    def changed(assembly):
        values = step * np.arange(1, assembly.size + 1, dtype=np.float32)
        assembly = assembly.copy(data=values.reshape(assembly.shape))
        assembly.attrs["unit"] = "spikes"
        return assembly

    return changed


def without(attr):
    def changed(assembly):
        assembly = assembly.copy()
        assembly.attrs = {k: v for k, v in assembly.attrs.items() if k != attr}
        return assembly

    return changed


MISTAKES = [
    (lambda a: a.rename("rates"), "the variable is named 'rates', expected 'response'"),
    (lambda a: a.T, r"dims are \('neuroid', 'presentation'\), expected"),
    (lambda a: a.astype(np.float64), "dtype is float64, expected float32"),
    (lambda a: a.isel(presentation=slice(0)), "dimension 'presentation' is empty"),
    (without("license"), "attribute 'license' is missing; required are dataset"),
    (lambda a: a.drop_vars("animal"), "coordinate 'animal' on 'neuroid' is missing; there are: n"),
    (
        lambda a: a.drop_vars("repetition").assign_coords(repetition=("neuroid", [0, 1, 2])),
        r"coordinate 'repetition' lies on \('neuroid',\), expected \('presentation',\)",
    ),
    (
        lambda a: a.assign_coords(repetition=("presentation", [0, 0, 0])),
        r"\(stimulus_id, repetition\) \('a', '0'\) appears more than once",
    ),
    (
        lambda a: a.assign_coords(neuroid_id=("neuroid", ["s0", "s1", "s0"])),
        "neuroid_id 's0' appears more than once",
    ),
    (set_values(slice(None), 1, np.nan), r"site 's1' has no finite response \(1 such sites\)"),
    (
        set_values(2, 1, np.nan),
        r"response of site 's1' to stimulus 'b' is nan \(1 such values\); leave them out",
    ),
    (set_values(0, 2, np.inf), "response of site 's2' to stimulus 'a' is inf"),
    (count_by(-1.0), r"response of site 's0' to stimulus 'a' is -1 \(.* the unit spikes is for"),
    (count_by(0.5), r"response of site 's\d' to stimulus '.' is \d\.5 \(.* the unit spikes is for"),
]


@pytest.mark.parametrize(("change", "message"), MISTAKES)
def test_a_mistake_is_named(assembly, change, message):
    with pytest.raises(UserError, match=rf"^here: {message}"):
        validate_assembly(change(assembly), "here")


def test_stimuli_must_match_both_ways(assembly):
    with pytest.raises(
        UserError, match=r"stimulus 'b' is missing from the stimulus table \(1 such"
    ):
        validate_assembly(assembly, "here", STIMULI.iloc[:1])
    more = pd.DataFrame({"stimulus_id": ["a", "b", "c", "d"]})
    with pytest.raises(
        UserError, match=r"'c' is missing from responses \(2 such\); there are 4 sti"
    ):
        validate_assembly(assembly, "here", more)


@pytest.mark.parametrize("keep", [0, 100, 0.5])
def test_a_truncated_file_is_named(assembly, tmp_path, keep):
    path = tmp_path / "assembly.nc"
    write_assembly(path, assembly)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(UserError, match=r"assembly.nc: not a readable netCDF file .* truncated"):
        load_assembly(path)


def test_a_missing_file_and_one_without_responses_are_named(tmp_path):
    with pytest.raises(UserError, match=r"absent.nc: no such file"):
        load_netcdf(tmp_path / "absent.nc")
    xr.Dataset({"other": ("x", [1.0])}).to_netcdf(tmp_path / "other.nc", engine="netcdf4")
    with pytest.raises(UserError, match=r"variable 'response' is missing; there are: other"):
        load_assembly(tmp_path / "other.nc")


def test_a_failed_write_leaves_the_old_file(assembly, tmp_path):
    write_assembly(tmp_path / "assembly.nc", assembly)
    broken = assembly.assign_attrs(source={"not": "an attribute of netCDF"})
    with pytest.raises(TypeError):
        write_assembly(tmp_path / "assembly.nc", broken)
    assert load_assembly(tmp_path / "assembly.nc").attrs["source"] == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["assembly.nc"]


WRITE = """
import sys
import numpy as np
import xarray as xr
from tgas_neuro.recordings.assembly import write_assembly

labels = {name: ("presentation", [f"{name} {k}" for k in range(3)]) for name in "abcdefgh"}
sites = {name: ("neuroid", [name]) for name in ("animal", "region", "array")}
values = np.arange(3.0).reshape(3, 1)
write_assembly(sys.argv[1], xr.DataArray(values, labels | sites, ("presentation", "neuroid")))
"""


def test_equal_assemblies_have_equal_bytes_in_every_process(tmp_path):
    written = []
    for seed in range(3):
        path, environment = tmp_path / f"{seed}.nc", os.environ | {"PYTHONHASHSEED": str(seed)}
        subprocess.run([sys.executable, "-c", WRITE, str(path)], env=environment, check=True)
        written.append(path.read_bytes())
    assert written[0] == written[1] == written[2]
    assert set(xr.open_dataset(tmp_path / "0.nc").coords) == {
        *"abcdefgh",
        "animal",
        "region",
        "array",
    }
