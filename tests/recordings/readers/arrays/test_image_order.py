"""Responses in the order of the images: which image is the first is never guessed."""

import unicodedata

import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError

MIXED = ("Kite.png", "apple.png", "Boat.png")  # as the archive has them
NATURAL = ["apple", "Boat", "Kite"]
ROWS = np.arange(6, dtype=np.float32).reshape(3, 2)


@pytest.fixture
def read_mixed(read, tmp_path, write_images):
    write_images(tmp_path / "m.zip", MIXED)

    def read_them(images=None, **options):
        options.setdefault("axes", ("stimulus", "neuroid"))
        return read(ROWS, images={"file": "m.zip"} | (images or {}), **options)

    return read_them


def test_a_doubtful_order_is_refused(read_mixed):
    with pytest.raises(UserError, match=r"Boat.png or apple.png .*options\.images\.order: name"):
        read_mixed()


@pytest.mark.parametrize("order, ids", [("name", sorted(NATURAL)), ("natural", NATURAL)])
def test_the_option_says_which_image_is_the_first(read_mixed, encode, order, ids):
    found = read_mixed({"order": order})
    assert list(found.stimuli["stimulus_id"]) == ids
    np.testing.assert_array_equal(found.assembly.values, ROWS)
    assert list(found.assembly["stimulus_id"].values) == ids
    values = {name: value for value, name in enumerate(MIXED)}
    assert dict(found.images) == {name: encode(value) for name, value in values.items()}


def test_a_table_of_file_names_needs_no_order(read_mixed):
    stimuli = {"filename": {"file": "t.csv", "column": "shown"}}
    saved = {"t.csv": "shown\nKite.png\nBoat.png\napple.png\n"}
    for images in ({}, {"order": "table"}):
        found = read_mixed(images, stimuli=stimuli, saved=saved)
        assert list(found.stimuli["stimulus_id"]) == ["Kite", "Boat", "apple"]


def test_a_table_that_is_not_there_is_refused(read_mixed):
    with pytest.raises(UserError, match=r"images\.order: table, but options\.stimuli has no file"):
        read_mixed({"order": "table"})


def test_presentations_that_name_their_stimulus_need_no_order(read_mixed):
    found = read_mixed(
        axes=("presentation", "neuroid"),
        presentations={"stimulus_id": {"file": "t.csv", "column": "shown"}},
        saved={"t.csv": "shown\nKite\napple\nBoat\n"},
    )
    assert list(found.assembly["stimulus_id"].values) == ["Kite", "apple", "Boat"]


def test_identifiers_that_are_the_images_in_another_order_are_refused(read, tmp_path, write_images):
    write_images(tmp_path / "m.zip", ("a.png", "b.png", "c.png"))
    with pytest.raises(UserError, match=r"lists the images, with b as number 1, .* has a; give"):
        read(
            ROWS,
            ("stimulus", "neuroid"),
            images={"file": "m.zip"},
            stimuli={"stimulus_id": {"file": "t.csv", "column": "id"}},
            saved={"t.csv": "id\nb\na\nc\n"},
        )


def test_one_name_with_two_endings_is_refused(read, tmp_path, write_images):
    write_images(tmp_path / "m.zip", ("a.jpg", "a.png", "b.png"))
    with pytest.raises(UserError, match=r"a.jpg and a.png would both be stimulus 'a'"):
        read(ROWS, ("stimulus", "neuroid"), images={"file": "m.zip"})


def test_names_decomposed_by_macos_are_those_of_the_table(read, tmp_path, write_images):
    decomposed = unicodedata.normalize("NFD", "S\u00e4ge.png")
    write_images(tmp_path / "m.zip", (decomposed, "a.png", "b.png"))
    found = read(
        ROWS,
        ("stimulus", "neuroid"),
        images={"file": "m.zip"},
        stimuli={"filename": {"file": "t.csv", "column": "f"}},
        saved={"t.csv": "f\nS\u00e4ge.png\na.png\nb.png\n"},
    )
    assert sorted(name for name, _ in found.images) == ["S\u00e4ge.png", "a.png", "b.png"]
