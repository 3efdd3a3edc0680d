"""Files of MATLAB: objects as mat-io 1.0.2 writes them (matlab/write_objects.py), and 7.3 by h5py.

The expected values are those that were given to the writer.
"""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from tgas_neuro.recordings.formats.array_files import load_variable
from tgas_neuro.runtime.errors import UserError

FOLDER = Path(__file__).parent / "matlab"
VALUES = {
    "areas": [["V4", "IT", "Größe 😀", "", "V1"]],
    "grid": [["a", "b", "c"], ["d", "e", "f"]],
    "gaps": [["V4", "", "IT"]],
    "kinds": [["face", "house", "house", ""]],
    "sites.area": [["V4"], ["IT"], ["IT"]],
    "sites.depth": [[0.5], [1.5], [2.5]],
    "sites.kind": [["x"], ["y"], ["x"]],
    "session.who": [["Tito"]],
    "session.depth": [[0, 1, 2]],
    "cell": ["a", "b"],
    "rates": [[0, 1, 2], [3, 4, 5]],
    "shown": [[True, False]],
    "few": [[0, 1.5, 0], [2.5, 0, 0]],
}
REFUSED = {
    "day": "day: is a MATLAB datetime, which is not read; save it in MATLAB as cellstr(x) as text",
    "map": "map: is a MATLAB containers.Map, which is not read; save it in MATLAB as cells, keys",
    "map.keys": "map: is a MATLAB containers.Map, which is not read",
    "complex": "complex: holds complex128, expected real numbers or text; save what the responses",
    "nothing": "nothing: is empty (0 x 0); name the variable that holds the values",
    "sites": "sites: is a struct or a table; name a field of it: area, depth, kind",
    "sites.name": "sites: field 'name' is missing; there are: area, depth, kind",
    "area": "variable 'area' is missing; there are:",
}


@pytest.fixture(params=["objects_v7.mat", "objects_v73.mat"])
def objects(request):
    return FOLDER / request.param


@pytest.mark.parametrize("variable", VALUES)
def test_objects_and_numbers_have_the_values_that_were_written(objects, variable):
    np.testing.assert_array_equal(load_variable(objects, variable), np.array(VALUES[variable]))


@pytest.mark.parametrize("variable", REFUSED)
def test_what_is_not_read_says_how_to_save_it(objects, variable):
    with pytest.raises(UserError) as error:
        load_variable(objects, variable)
    assert REFUSED[variable] in str(error.value)
    assert "\n" not in str(error.value)


def write_item(file, name, values, kind, **attrs):
    item = file.create_dataset(name, data=values)
    item.attrs["MATLAB_class"] = np.bytes_(kind)
    for key, value in attrs.items():
        item.attrs[key] = value


@pytest.mark.parametrize("kind", ["string", "categorical", "table", "my.Class"])
def test_a_handle_without_its_properties_is_never_numbers(tmp_path, kind):
    handle = np.array([[0xDD000000, 2, 1, 1, 1, 1]], np.uint32)
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        write_item(file, "a", handle, kind, MATLAB_object_decode=np.int32(3))
    with pytest.raises(UserError, match=f"a: is a MATLAB {kind}, which is not read; save it in"):
        load_variable(tmp_path / "a.mat", "a")


def test_a_function_handle_is_refused(tmp_path):
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        group = file.create_group("f")
        group.attrs["MATLAB_class"] = np.bytes_("function_handle")
        write_item(group, "function_handle", np.zeros((3, 1), np.uint16), "char")
    with pytest.raises(UserError, match="f: is a MATLAB function_handle, which is not read"):
        load_variable(tmp_path / "a.mat", "f")


@pytest.mark.parametrize("kind", ["double", "char", "cell", "logical", "struct", "uint8"])
def test_an_empty_variable_is_not_its_size(tmp_path, kind):
    """The numbers of an empty variable in version 7.3 are its size, here 0 and 4."""
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        write_item(file, "a", np.array([0, 4], np.uint64), kind, MATLAB_empty=np.uint8(1))
    with pytest.raises(UserError, match=r"a: is empty \(0 x 4\)"):
        load_variable(tmp_path / "a.mat", "a")


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("double", float), ("logical", bool), ("single", np.float32), ("int16", np.int16)],
)
def test_sparse_and_whole_numbers_of_version_73(tmp_path, kind, dtype):
    dense = np.random.default_rng(0).integers(0, 2, (5, 3)).astype(dtype)
    sparse = scipy.sparse.csc_array(dense)
    with h5py.File(tmp_path / "a.mat", "w", userblock_size=512) as file:
        write_item(file, "full", dense.T.astype(np.uint8) if dtype is bool else dense.T, kind)
        group = file.create_group("few")
        group.attrs["MATLAB_class"] = np.bytes_(kind)
        group.attrs["MATLAB_sparse"] = np.uint64(5)
        group["data"] = sparse.data.astype(np.uint8) if dtype is bool else sparse.data
        group["ir"], group["jc"] = sparse.indices.astype("u8"), sparse.indptr.astype("u8")
    for variable in ("full", "few"):
        found = load_variable(tmp_path / "a.mat", variable)
        np.testing.assert_array_equal(found, dense)
        assert found.dtype == dtype


def test_a_sparse_matrix_too_large_in_full_is_refused(tmp_path):
    large = scipy.sparse.csc_array((1, 2_000_000_000))
    scipy.io.savemat(tmp_path / "a.mat", {"a": large.T.tocsc()})
    with pytest.raises(UserError, match="is sparse and 2000000000 x 1, more than 1000000000 valu"):
        load_variable(tmp_path / "a.mat", "a")


@pytest.mark.parametrize("compressed", [True, False])
def test_one_variable_is_read_without_the_others(tmp_path, compressed, monkeypatch):
    """Another variable is damaged, which reading it would show."""
    path = tmp_path / "a.mat"
    rates = np.random.default_rng(0).normal(size=(4, 3))
    scipy.io.savemat(path, {"rates": rates, "flags": np.array([[True, False]])}, compressed)
    whole = path.read_bytes()
    scipy.io.savemat(path, {"other": rates}, compressed)
    other = bytearray(path.read_bytes()[128:])
    other[-16:] = bytes(range(16))
    path.write_bytes(whole + other)
    asked = []
    load = scipy.io.loadmat
    monkeypatch.setattr(
        scipy.io,
        "loadmat",
        lambda file, variable_names=None: (
            asked.append(variable_names) or load(file, variable_names=variable_names)
        ),
    )
    np.testing.assert_array_equal(load_variable(path, "rates"), rates)
    assert asked == [["rates"]]
    assert load_variable(path, "flags").dtype == bool


def test_version_4(tmp_path):
    rates = np.random.default_rng(0).normal(size=(4, 3))
    scipy.io.savemat(tmp_path / "a.mat", {"rates": rates, "areas": ["V4", "IT"]}, format="4")
    np.testing.assert_array_equal(load_variable(tmp_path / "a.mat", "rates"), rates)
    assert load_variable(tmp_path / "a.mat", "areas").tolist() == ["V4", "IT"]
