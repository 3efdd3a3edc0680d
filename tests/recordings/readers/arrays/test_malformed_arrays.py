"""Malformed arrays, tables and images: each is one line that names file, field and way out."""

import io
import pickle

import numpy as np
import pytest
import scipy.io
import scipy.sparse
from support.recordings import cut_or_replace

from tgas_neuro.recordings.datasets.description import LocalFile
from tgas_neuro.recordings.datasets.files import check_local_file
from tgas_neuro.runtime.errors import UserError

AXES = ["stimulus", "repetition", "neuroid"]
TRIALS = {"axes": ["presentation", "neuroid"], "file": "r.npy"}
SHOWN = {"stimulus_id": {"file": "p.npy"}}
NUMBERED = {"stimulus_id": {"pattern": "%d"}}


def save_npy(values, **options) -> bytes:
    file = io.BytesIO()
    np.save(file, values, **options)
    return file.getvalue()


def save_npz(**variables) -> bytes:
    file = io.BytesIO()
    np.savez(file, **variables)
    return file.getvalue()


def save_mat(**variables) -> bytes:
    file = io.BytesIO()
    scipy.io.savemat(file, variables)
    return file.getvalue()


WHOLE = save_npy(np.ones((3, 2, 2)))
SITES = {"region": "IT", "animal": "m"}
MALFORMED = {
    # the file
    "empty": (dict(values=b""), "r.npy: not a readable .npy array"),
    "truncated": (dict(values=WHOLE[:-3]), "r.npy: not a readable .npy array ("),
    "header cut": (dict(values=WHOLE[:20]), "r.npy: not a readable .npy array"),
    "html": (dict(values="<html>404</html>"), "r.npy: not a readable .npy array"),
    "a pickle": (dict(values=pickle.dumps([1.0])), "r.npy: not a readable .npy array"),
    "object array": (
        dict(values=save_npy(np.array([1, "a"], object), allow_pickle=True)),
        "r.npy: not a readable .npy array (Object arrays cannot be loaded when allow_pickle=False",
    ),
    "npz as npy": (dict(values=save_npz(a=1)), "is an .npz archive, not an .npy array; rename it"),
    "npy as npz": (
        dict(saved={"a.npz": WHOLE}, responses={"file": "a.npz", "axes": AXES}),
        "a.npz: is an .npy array, not an .npz archive; rename it to .npy",
    ),
    "object array in an npz": (
        dict(
            saved={"a.npz": save_npz(a=np.array([1, "a"], object))},
            responses={"file": "a.npz", "axes": AXES},
        ),
        "a.npz: not a readable variable 'a' (Object arrays cannot be loaded",
    ),
    "which variable": (
        dict(saved={"a.npz": save_npz(a=1, b=2)}, responses={"file": "a.npz", "axes": AXES}),
        "a.npz: 2 variables, say which one as variable: ...; there are: 'a', 'b'",
    ),
    "no such variable": (
        dict(
            saved={"a.mat": save_mat(a=1)},
            responses={"file": "a.mat", "variable": "rates", "axes": AXES},
        ),
        "a.mat: variable 'rates' is missing; there are: 'a'",
    ),
    "truncated mat": (
        dict(
            saved={"a.mat": save_mat(a=np.ones((3, 2, 2)))[:150]},
            responses={"file": "a.mat", "axes": AXES},
        ),
        "a.mat: not a readable .mat file (",
    ),
    "mixed cells": (
        dict(
            saved={"a.mat": save_mat(a=np.array([1.0, "x"], object))},
            responses={"file": "a.mat", "axes": AXES},
        ),
        "a.mat: a cell holds <U1, expected numbers; save cells of numbers, or name another",
    ),
    "sparse": (
        dict(
            saved={"a.mat": save_mat(a=scipy.sparse.eye(3).tocsc())},
            responses={"file": "a.mat", "axes": AXES},
        ),
        "a.mat: expected numbers of shape (stimulus, repetition, neuroid), found (3, 3)",
    ),
    "complex": (dict(values=np.ones((3, 2, 2), complex)), "r.npy: holds complex128, expected real"),
    "dates": (dict(values=np.ones((3, 2, 2), "M8[s]")), "r.npy: holds datetime64[s], expected"),
    "text": (dict(values=np.full((3, 2, 2), "1")), "found (3, 2, 2) of <U1; correct options.resp"),
    "file not listed": (
        dict(responses={"file": "q.npy", "axes": AXES}),
        "mine.yaml: options.responses: file: 'q.npy' is not listed under files, did you mean 'r",
    ),
    "two arrays": (
        dict(saved={"q.npy": WHOLE}, responses={"axes": AXES}),
        "mine.yaml: options.responses: file is missing and 2 files end in .npy, .npz",
    ),
    "variable of an npy": (
        dict(responses={"file": "r.npy", "variable": "a", "axes": AXES}),
        "r.npy: an .npy file has no variables, but variable: 'a' is asked for",
    ),
    # axes and values
    "wrong dims": (dict(values=np.ones((3, 2))), "expected numbers of shape (stimulus, repetition"),
    "no values": (dict(values=np.ones((3, 0, 2))), "found (3, 0, 2) of float64"),
    "swapped axes": (
        dict(axes=["repetition", "stimulus", "neuroid"]),
        "i.zip: holds 3 images, the responses have 2 stimuli; both must be of the same stimuli",
    ),
    "axes that do not go together": (
        dict(axes=["presentation", "stimulus"]),
        "axes: ['presentation', 'stimulus'] is not one of: presentation x neuroid; stimulus x n",
    ),
    "unknown axis": (
        dict(axes=["image", "neuroid"]),
        "mine.yaml: options.responses.axes[0]: 'image' is not what is expected here: present",
    ),
    "axis twice": (dict(axes=["neuroid", "neuroid"]), "options.responses.axes: ['neuroid', 'neuro"),
    "negative counts": (
        dict(values=-np.ones((3, 2, 2)), counts=True),
        "r.npy: value -1.0 at (0, 0, 0) (12 such): spike counts must be whole numbers from 0; set",
    ),
    "a dead site": (
        dict(values=np.where(np.arange(2) == 1, np.nan, np.ones((3, 2, 2))), simultaneous=False),
        "r.npy: stimulus 0 (counted from 0) has no repetition of neuroid 1 (3 such stimuli)",
    ),
    "nothing but NaN": (
        dict(values=np.full((4, 2), np.nan), responses=TRIALS, presentations=SHOWN),
        "r.npy: every response is NaN; this is another variable or file",
    ),
    # labels
    "no region": (dict(neuroids={"animal": "m"}), "mine.yaml: options.neuroids: region is missing"),
    "region of other sites": (
        dict(neuroids=SITES | {"region": {"file": "a.npy"}}, saved={"a.npy": np.array(["V4"] * 3)}),
        "a.npy: array 'region' has 3 values, there are 2 along 'neuroid' in the responses",
    ),
    "table of labels": (
        dict(neuroids=SITES | {"region": {"file": "a.npy"}}, saved={"a.npy": np.full((2, 2), "x")}),
        "a.npy: array (options.neuroids.region) has shape (2, 2), expected one value for each of 2",
    ),
    "column missing": (
        dict(neuroids=SITES | {"region": {"column": "area"}}, saved={"n.csv": "aera\nV4\nIT\n"}),
        "n.csv: column 'area' (options.neuroids.region) is missing, did you mean 'aera'?",
    ),
    "empty cell": (
        dict(neuroids=SITES | {"region": {"column": "a"}}, saved={"n.csv": "a,b\nV4,1\n,2\n"}),
        "n.csv: a: region of neuroid 1 is '': it is missing; give every neuroid one",
    ),
    "ragged table": (
        dict(neuroids={"table": "n.csv"}, saved={"n.csv": "a,b\nV4,1,2\nV4,1,2\n"}),
        "n.csv: not a CSV table in UTF-8 (",
    ),
    "table in Latin-1": (
        dict(neuroids={"table": "n.csv"}, saved={"n.csv": b"a\ncaf\xe9\n"}),
        "n.csv: not a CSV table in UTF-8 ('utf-8' codec can't decode",
    ),
    "empty table": (
        dict(neuroids={"table": "n.csv"}, saved={"n.csv": ""}),
        "n.csv: not a CSV table in UTF-8 (No columns to parse from file)",
    ),
    "a label twice": (
        dict(stimuli={"object_name": "car"}, neuroids=SITES | {"object_name": "x"}),
        "mine.yaml: options: label 'object_name' is given of presentations (or stimuli) and of ne",
    ),
    "two sources": (
        dict(neuroids=SITES | {"region": {"column": "a", "variable": "b"}}),
        "mine.yaml: options.neuroids.region: has variable and column of variable, column, pattern",
    ),
    "two numbers in a pattern": (
        dict(stimuli={"filename": {"pattern": "%d_%d.png"}}),
        "mine.yaml: options.stimuli.filename.pattern: '%d_%d.png' is not what is expected here",
    ),
    # stimuli, presentations and images
    "no stimulus of a presentation": (
        dict(values=np.ones((4, 2)), responses=TRIALS),
        "mine.yaml: options.presentations: stimulus_id is missing; say which stimulus each",
    ),
    "unknown stimulus": (
        dict(
            values=np.ones((4, 2)),
            responses=TRIALS,
            presentations=SHOWN,
            stimuli=NUMBERED,
            saved={"p.npy": np.array([0, 1, 3, 2])},
        ),
        "stimulus_id '3' is no stimulus (1 of 4 presentations); there are 3, as '0' of the file",
    ),
    "a fraction as identifier": (
        dict(
            values=np.ones((4, 2)),
            responses=TRIALS,
            presentations=SHOWN,
            stimuli=NUMBERED,
            saved={"p.npy": np.array([0, 1, 1.5, 2])},
        ),
        "p.npy: array: stimulus_id of presentation 2 is 1.5; identifiers are text or whole numbers",
    ),
    "presentations of stimuli": (
        dict(presentations=SHOWN),
        "mine.yaml: options.presentations is given, but responses.axes has no presentation",
    ),
    "image missing": (
        dict(stimuli={"filename": {"pattern": "picture_%d.png"}}),
        "i.zip: picture_0.png is missing; it holds 3 images, there are 3 stimuli",
    ),
    "more stimuli than images": (
        dict(values=np.ones((4, 2, 2))),
        "i.zip: holds 3 images, the responses have 4 stimuli",
    ),
    "archive truncated": (dict(saved={"i.zip": b"PK\x03\x04"}), "i.zip: not a readable zip or tar"),
    "pixels as fractions": (
        dict(images={"file": "x.npy"}, saved={"x.npy": np.ones((3, 4, 4))}),
        "x.npy: images: its images are numbers of type float64 (1 to 1), of which it is not known",
    ),
    "pixels of other stimuli": (
        dict(images={"file": "x.npy"}, saved={"x.npy": np.ones((4, 4, 4), np.uint8)}),
        "x.npy: images: 4 images along its first axis, the responses have 3 stimuli",
    ),
    # the description
    "neither": (dict(responses=None), "options: neither of responses and rdm given"),
    "both": (
        dict(rdm={"axes": ["pair"]}),
        "options: responses and rdm of responses and rdm given; give the one",
    ),
    "no unit": (dict(unit=None), "mine.yaml: options: key 'unit' is missing; add it: Unit of the"),
    "misspelt": (dict(axs=[]), "mine.yaml: options: unknown key 'axs'"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_input_is_one_line(read, kind):
    options, message = MALFORMED[kind]
    with pytest.raises(UserError) as error:
        read(**options)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["p10.png", "p2.png", "p1.png"],
            "the order of the images is not clear, p10.png or p2",
        ),
        (["a/p1.png", "b/p1.png", "p2.png"], "image 'p1.png' is there twice, as a/p1.png and b/p1"),
        (["notes.txt"], "no images; their names end in .png"),
        (["p1.png", "../p2.png", "p3.png"], "member '../p2.png' leads out of the archive's folder"),
    ],
)
def test_images_in_doubt_are_one_line(read, tmp_path, write_images, names, message):
    write_images(tmp_path / "other.zip", names)
    with pytest.raises(UserError) as error:
        read(images={"file": "other.zip"})
    assert message in str(error.value)


@pytest.mark.parametrize("ending", ["npy", "npz", "mat", "h5"])
def test_damaged_bytes_are_one_line_or_read(read, tmp_path, ending):
    """A fuzz test: bytes changed, cut out or put in; only `UserError` may come of it."""
    import h5py

    values = np.arange(12.0).reshape(3, 2, 2)
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file["a"] = values
    whole = {
        "npy": save_npy(values),
        "npz": save_npz(a=values),
        "mat": save_mat(a=values),
        "h5": (tmp_path / "whole.h5").read_bytes(),
    }[ending]
    (tmp_path / "whole.h5").unlink()
    rng = np.random.default_rng(0)
    outcomes = []
    for _ in range(60):
        source = {"file": f"d.{ending}", "axes": AXES}
        (tmp_path / f"d.{ending}").write_bytes(cut_or_replace(whole, rng))
        try:
            # as the workflow does: it probes HDF5 files in a child process first
            path = str(tmp_path / f"d.{ending}")
            check_local_file(LocalFile(name="d", path=path), "mine")
            read(responses=source)
            outcomes.append("read")
        except UserError as error:
            assert "\n" not in str(error)
            outcomes.append("refused")
    assert "refused" in outcomes
