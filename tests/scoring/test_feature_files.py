"""Features of other programs: each form that thingsvision 2.7 writes, and rows matched by name."""

import re

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.feature_files import read_features
from tgas_neuro.scoring.features import Features, match_rows

STIMULI = pd.DataFrame(
    {"stimulus_id": ["a", "b", "c", "d"], "filename": ["w.png", "x.png", "y.jpg", "z.png"]}
)
VALUES = np.arange(4 * 6.0).reshape(4, 6) ** 1.5


def write_npy(folder, values):
    np.save(folder / "conv1.npy", values)
    return folder / "conv1.npy"


def write_npz(folder, values):
    np.savez(folder / "out.npz", conv1=values)
    return folder / "out.npz"


def write_hdf5(folder, values):
    with h5py.File(folder / "out.h5", "w") as file:
        file.create_dataset("conv1", data=values)
    return folder / "out.h5"


def write_pt(folder, values):
    torch.save({"conv1": torch.from_numpy(values)}, folder / "out.pt")
    return folder / "out.pt"


WRITERS = [write_npy, write_npz, write_hdf5, write_pt]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "uint8", "int64"])
def test_every_form_gives_what_was_written(tmp_path, write, kind):
    values = VALUES.astype(kind).reshape(4, 3, 2)  # units may have dims
    features = read_features(write(tmp_path, values))
    assert list(features.layers) == ["conv1"] and features.names is None
    found = features.load("conv1")
    np.testing.assert_array_equal(found, values.reshape(4, 6))
    assert found.dtype in (np.float32, np.float64)


def test_thingsvision_names_a_folder_for_each_layer_and_its_images_above(tmp_path):
    """`extract_features(output_dir=...)`: <layer>/features.npy; file_names.txt of the data set."""
    (tmp_path / "layer4.1").mkdir()
    np.save(tmp_path / "layer4.1/features.npy", VALUES)
    (tmp_path / "file_names.txt").write_text(
        "images/z.png\nimages/w.png\nimages/y.jpg\nimages/x.png\n"
    )
    features = read_features(tmp_path / "layer4.1/features.npy")
    assert list(features.layers) == ["layer4.1"]
    rows = match_rows(features, 4, STIMULI, "IT")
    assert rows.tolist() == [1, 3, 2, 0]  # w, x, y, z


def test_parts_of_thingsvision_are_one_layer(tmp_path):
    """`split_features` writes the rows of every tenth as features_01, features_02, ..."""
    with h5py.File(tmp_path / "features.hdf5", "w") as file:
        file.create_dataset("features_02", data=VALUES[1:])
        file.create_dataset("features_01", data=VALUES[:1])
    features = read_features(tmp_path / "features.hdf5")
    assert list(features.layers) == ["features"]
    np.testing.assert_array_equal(features.load("features"), VALUES)


def test_parts_are_in_the_order_of_their_numbers(tmp_path):
    values = np.arange(224.0, dtype=np.float32).reshape(112, 2)
    with h5py.File(tmp_path / "features.h5", "w") as file:
        for number, row in enumerate(values, 1):  # 100 to 112 have three digits
            file.create_dataset(f"features_{number:02d}", data=row[None])
    np.testing.assert_array_equal(read_features(tmp_path / "features.h5").load("features"), values)


def test_names_of_rows_come_with_the_layers(tmp_path):
    np.savez(tmp_path / "a.npz", one=VALUES, two=VALUES + 1, stimuli=np.array(["d", "a", "c", "b"]))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["block/one"], file["two"] = VALUES, VALUES
        file["ids"] = np.array(["d", "a", "c", "b"], dtype=h5py.string_dtype())
    for name, layers in (("a.npz", ["one", "two"]), ("a.h5", ["block/one", "two"])):
        features = read_features(tmp_path / name)
        assert list(features.layers) == layers
        assert features.names == ("d", "a", "c", "b")
        assert match_rows(features, 4, STIMULI, "IT").tolist() == [1, 3, 2, 0]
        assert list(features.choose(["*one"]).layers) == layers[:1]
        assert list(features.choose(["auto"]).layers) == layers
    with pytest.raises(UserError, match=r"^layers: 'three': no layer of .*a.h5 is called so; ther"):
        features.choose(["three"])


def test_names_of_layers_with_a_meaning_of_their_own():
    features = Features("a.npz", dict.fromkeys(["auto", "x[0]", "x0", "y*", "yy"]))
    assert list(features.choose(["x[0]"]).layers) == ["x[0]"]
    assert list(features.choose(["aut*", "x0"]).layers) == ["auto", "x0"]
    for pattern in ("auto", "y*"):
        with pytest.raises(UserError, match=f"'{re.escape(pattern)}' is the name of a layer, and"):
            features.choose([pattern])
    assert list(Features("all.npy", {"all": None}).choose(["all"]).layers) == ["all"]


@given(st.permutations(range(4)), st.sampled_from(["id", "file", "path", "stem"]), st.booleans())
def test_rows_are_found_in_any_order_and_form(order, form, more):
    forms = {
        "id": STIMULI["stimulus_id"].tolist(),
        "file": STIMULI["filename"].tolist(),
        "path": [f"/data/images/{name}" for name in STIMULI["filename"]],
        "stem": ["w", "x", "y", "z"],
    }
    names = [forms[form][number] for number in order] + ["another.png"] * more
    rows = match_rows(Features("a.npy", {}, tuple(names)), len(names), STIMULI, "IT")
    assert [names[row] for row in rows] == forms[form]


@pytest.mark.parametrize(
    "names, n_rows, said",
    [
        (None, 5, "a.npy: 5 rows, but region IT has 4 stimuli; give a row for each, in the order"),
        (("a", "b", "c", "q"), 4, "a.npy: 4 rows, but region IT has 4 stimuli, and 3 of them are"),
        (("a", "b", "c", "d", "d"), 5, "a.npy: 5 rows, but region IT has 4 stimuli, and several"),
    ],
)
def test_rows_that_do_not_fit(names, n_rows, said):
    with pytest.raises(UserError) as raised:
        match_rows(Features("a.npy", {}, names), n_rows, STIMULI, "IT")
    assert str(raised.value).startswith(said)


def test_names_that_fit_in_two_ways_are_refused():
    stimuli = pd.DataFrame({"stimulus_id": ["1", "2"], "filename": ["2.png", "1.png"]})
    features = Features("a.npy", {}, ("1", "2"))
    with pytest.raises(
        UserError, match="fit them in more than one way, as identifiers and as file"
    ):
        match_rows(features, 2, stimuli, "IT")
    with_endings = Features("a.npy", {}, ("1.png", "2.png"))
    assert match_rows(with_endings, 2, stimuli, "IT").tolist() == [1, 0]


@pytest.mark.parametrize(
    "values, said",
    [
        (np.where(VALUES[2, 1] == VALUES, np.nan, VALUES), "1 of 24 values are not finite, the f"),
        (VALUES[0], "has shape (6,) and type float64; expected real numbers, (stimulus, unit)"),
        (VALUES * 1j, "has shape (4, 6) and type complex128; expected real numbers"),
    ],
)
def test_layers_that_hold_something_else(tmp_path, values, said):
    features = read_features(write_npy(tmp_path, values))
    with pytest.raises(UserError) as raised:
        features.load("conv1")
    assert said in str(raised.value) and "conv1.npy: layer 'conv1'" in str(raised.value)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.h5", "a.hdf5", "a.pt"])
def test_broken_files_are_one_line(tmp_path, name):
    with pytest.raises(UserError, match=f"{name}: no such file"):
        read_features(tmp_path / name)
    (tmp_path / name).write_bytes(b"not such a file")
    with pytest.raises(UserError, match=rf"{name}: not a readable \.\w+ file of features \("):
        read_features(tmp_path / name)


def test_texts_that_could_be_names_in_two_ways(tmp_path):
    texts = np.array(["a", "b", "c", "d"])
    np.savez(tmp_path / "a.npz", one=VALUES, ids=texts, files=texts)
    with pytest.raises(
        UserError, match=r"2 arrays hold texts \(ids, files\); keep the one that na"
    ):
        read_features(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", ids=texts)
    with pytest.raises(UserError, match="holds no array of features"):
        read_features(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", one=VALUES, ids=texts[:3])
    with pytest.raises(UserError, match=r"layer 'one' has 4 rows, but there are 3 names of rows"):
        read_features(tmp_path / "c.npz").load("one")


def test_links_are_layers_of_their_own(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["block/one"] = VALUES
        file["again"], file["soft"] = file["block/one"], h5py.SoftLink("/block/one")
        file["block/up"] = h5py.SoftLink("/")
    features = read_features(tmp_path / "a.h5")
    assert sorted(features.layers) == ["again", "block/one", "soft"]
    for name in features.layers:
        np.testing.assert_array_equal(features.load(name), VALUES)
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["lost"] = h5py.SoftLink("/nothing")
    with pytest.raises(UserError, match=r"a.h5: not a .* \(the link 'lost' leads nowhere\); write"):
        read_features(tmp_path / "a.h5")


def test_parts_without_one_of_them_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["features_01"], file["features_03"] = VALUES[:2], VALUES[2:]
    with pytest.raises(
        UserError, match=r"are parts of one layer, but not numbered from 1 to 2; wr"
    ):
        read_features(tmp_path / "a.h5")


def test_tensors_of_every_kind(tmp_path):
    plain = torch.from_numpy(np.round(VALUES)).float()
    kinds = {
        "sparse": plain.to_sparse(),
        "rows": plain.to_sparse_csr(),
        "quantised": torch.quantize_per_tensor(plain, 1.0, 0, torch.quint8),
        "view": torch.complex(plain, -plain).conj().imag,
        "gradient": plain.clone().requires_grad_(),
        "half": plain.bfloat16(),
        "whole": plain.to(torch.int16),
    }
    torch.save(kinds, tmp_path / "a.pt")
    features = read_features(tmp_path / "a.pt")
    for name in kinds:
        np.testing.assert_array_equal(features.load(name), plain.numpy(), err_msg=name)
    torch.save({"a": plain * 1j}, tmp_path / "b.pt")
    with pytest.raises(UserError, match="type complex64; expected real numbers"):
        read_features(tmp_path / "b.pt").load("a")
    for content, said in (
        ({1: plain, "1": plain}, "two of its keys are the same text"),
        ([plain], "'c' is a list, not a tensor"),
        ({"a": VALUES}, "it holds other objects than tensors, or was not written by torch"),
    ):
        torch.save(content, tmp_path / "c.pt")
        with pytest.raises(UserError, match=rf"c.pt: not a readable .pt file of .* \({said}\); "):
            read_features(tmp_path / "c.pt")


def test_members_that_are_no_features_are_one_line_when_they_are_read(tmp_path):
    np.savez(tmp_path / "a.npz", one=VALUES, objects=np.array([{}] * 4), flat=VALUES[:, 0])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["one"], file["empty"], file["none"] = VALUES, h5py.Empty("f"), VALUES[:0]
        file["one"].dims[0].label = "stimulus"
        file["scale"] = np.arange(4)
        file["scale"].make_scale("stimulus")
    for name, layers in (("a.npz", ["objects", "flat"]), ("a.h5", ["empty", "none", "scale"])):
        features = read_features(tmp_path / name)
        np.testing.assert_array_equal(features.load("one"), VALUES)
        for layer in layers:
            with pytest.raises(
                UserError, match=rf"{name}: layer '{layer}'.* leave it out with lay"
            ):
                features.load(layer)


def test_names_of_another_number_or_encoding(tmp_path):
    path, names = write_npy(tmp_path, VALUES), tmp_path / "file_names.txt"
    names.write_text("w.png\nx.png\n")
    with pytest.raises(
        UserError, match=r"has 4 rows, but there are 2 names of rows in .*names.txt;"
    ):
        read_features(path).load("conv1")
    names.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"file_names.txt: cannot be read \(UnicodeDecodeError: "):
        read_features(path)
    names.write_text("x.png\nw.png\r\ny.jpg\nz.png", encoding="utf-8-sig")  # of Windows
    assert match_rows(read_features(path), 4, STIMULI, "IT").tolist() == [1, 0, 2, 3]
