"""Files of arrays: .mat of both formats, .npz, HDF5, and what is written in the end."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io

from tgas_neuro.recordings.assembly import load_assembly
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.datasets.files import check_planned_files
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.runtime.errors import UserError

NEURAL_DATA = Path(__file__).parents[4] / "neural_data"
RATES = np.random.default_rng(0).normal(size=(3, 2, 2)).astype(np.float32)
ROWS = RATES.reshape(-1, 2)


def write_mat5(path: Path, variables: dict) -> None:
    scipy.io.savemat(path, variables)


def write_mat73(path: Path, variables: dict) -> None:
    """As MATLAB writes version 7.3: axes reversed, text as uint16, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, values in variables.items():
            if values.dtype == object:
                cells = np.empty(values.T.shape, h5py.ref_dtype)
                for place, text in np.ndenumerate(values.T):
                    letters = np.array([[ord(letter)] for letter in text], dtype=np.uint16)
                    item = file.create_dataset(f"#refs#/{name}{place}", data=letters)
                    item.attrs["MATLAB_class"] = np.bytes_("char")
                    cells[place] = item.ref
                file.create_dataset(name, data=cells).attrs["MATLAB_class"] = np.bytes_("cell")
            else:
                file.create_dataset(name, data=values.T).attrs["MATLAB_class"] = np.bytes_("double")


@pytest.mark.parametrize("write", [write_mat5, write_mat73])
def test_mat_files_of_both_kinds_give_the_same(read, tmp_path, write):
    areas = np.array([["V4", "IT"]], dtype=object)
    write(tmp_path / "r.mat", {"data": RATES.astype(float), "areas": areas})
    assembly = read(
        None,
        responses={
            "file": "r.mat",
            "variable": "data",
            "axes": ["stimulus", "repetition", "neuroid"],
        },
        neuroids={"region": {"variable": "areas"}, "animal": "m"},
    ).assembly
    np.testing.assert_array_equal(assembly.values, ROWS)
    assert list(assembly["region"].values) == ["V4", "IT"]


def test_fields_of_structs(read, tmp_path):
    content = {"session": {"rates": RATES.astype(float), "who": "Tito"}}
    scipy.io.savemat(tmp_path / "r.mat", content)
    source = {"file": "r.mat", "axes": ["stimulus", "repetition", "neuroid"]}
    neuroids = {"region": "IT", "animal": {"variable": "session.who"}}
    with pytest.raises(UserError, match=r"'animal' has 1 values, there are 2 along 'neuroid'"):
        read(None, responses=source | {"variable": "session.rates"}, neuroids=neuroids)
    neuroids["animal"] = "Tito"
    assembly = read(None, responses=source | {"variable": "session.rates"}, neuroids=neuroids)
    np.testing.assert_array_equal(assembly.assembly.values, ROWS)
    with pytest.raises(UserError, match=r"session: field 'rate' is missing; there are: rates, who"):
        read(None, responses=source | {"variable": "session.rate"}, neuroids=neuroids)
    with pytest.raises(
        UserError, match=r"session: is a struct or a table; name a field of it: rates, who"
    ):
        read(None, responses=source | {"variable": "session"}, neuroids=neuroids)


def test_npz_and_hdf5(read, tmp_path):
    np.savez_compressed(tmp_path / "r.npz", rates=RATES, other=1)
    with h5py.File(tmp_path / "r.h5", "w") as file:
        file["group/rates"] = RATES
    axes = ["stimulus", "repetition", "neuroid"]
    for source in (
        {"file": "r.npz", "variable": "rates", "axes": axes},
        {"file": "r.h5", "variable": "group/rates", "axes": axes},
        {"file": "r.h5", "axes": axes},
    ):
        found = read(None, responses=source).assembly
        np.testing.assert_array_equal(found.values, ROWS)


def test_what_is_written_is_an_assembly(read, tmp_path):
    read()
    description = load_description("template", [NEURAL_DATA])
    files = {
        file.name: tmp_path / name
        for file, name in zip(description.files, ("r.npy", "i.zip"), strict=True)
    }
    ingest_recordings(description, files, tmp_path / "out")
    assembly = load_assembly(tmp_path / "out" / "assembly.nc")
    assert len(list((tmp_path / "out" / "stimuli").iterdir())) == 3
    np.testing.assert_array_equal(assembly.values, ROWS)


def test_the_template_is_no_data_set_by_mistake():
    """It is correct, but the files that it names are not there, which planning tells."""
    description = load_description("template", [NEURAL_DATA])
    with pytest.raises(UserError, match=r"template.yaml: .* path: 'my_recordings/.*' cannot"):
        check_planned_files([description])


def test_planning_loads_no_library_of_files():
    code = (
        "import sys, tgas_neuro.recordings.datasets.files, tgas_neuro.recordings.readers.options;"
        "heavy = 'h5py', 'pynwb', 'brainscore_vision', 'xarray', 'scipy', 'PIL', 'requests';"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
