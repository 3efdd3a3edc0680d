"""Names whose order has a meaning: clear, chosen, or refused."""

import random
import unicodedata

import pytest

from tgas_neuro.recordings.formats.names import sort_names
from tgas_neuro.runtime.errors import UserError


def sort(names, order=None):
    return sort_names(names, order, "folder", "images", "choose")


@pytest.mark.parametrize(
    "names",
    [
        [f"image_{number:03d}.png" for number in range(120)],
        [f"n{number:08d}" for number in range(1440764, 1440800)],
        ["bear.jpg", "building.jpg", "cow.jpg"],
        [f"V{level}_obj{n}_{k:02d}.png" for level in (0, 3) for n in (1, 2) for k in range(3)],
    ],
)
def test_an_order_on_which_all_programs_agree_is_kept(names):
    shuffled = names.copy()
    random.Random(0).shuffle(shuffled)
    for order in (None, "name", "natural"):
        assert sort(shuffled, order) == names


@pytest.mark.parametrize(
    "by_name, natural",
    [
        (["Ant.png", "Cow.png", "bee.png"], ["Ant.png", "bee.png", "Cow.png"]),
        (["0", "1", "10", "11", "2"], ["0", "1", "2", "10", "11"]),
        (["Im2.png", "im1.png", "im10.png"], ["im1.png", "Im2.png", "im10.png"]),
        (["cat-b.png", "cat.png"], ["cat.png", "cat-b.png"]),
    ],
)
def test_an_order_in_doubt_is_refused_or_chosen(by_name, natural):
    with pytest.raises(UserError, match=r"the order of the images is not clear, .*; choose"):
        sort(natural)
    assert sort(natural, "name") == by_name
    assert sort(by_name, "natural") == natural


@pytest.mark.parametrize(
    "names",
    [
        ["ice_cream.jpg", "icebox.jpg"],  # "_" comes after capital letters, before small ones
        ["face-02.png", "face_01.png"],
        ["ice box.png", "ice_age.png"],
        ["f.png", "\u00e9.png", "z.png"],  # an accent
        ["rot-10.png", "rot-20.png", "rot0.png"],
        ["step0.25.png", "step0.5.png"],
    ],
)
def test_further_doubts_are_refused(names):
    with pytest.raises(UserError, match="not clear"):
        sort(names)
    assert sort(names, "name") == sorted(names)


@pytest.mark.parametrize("order", [None, "name", "natural"])
def test_one_name_composed_and_decomposed_is_refused(order):
    names = [unicodedata.normalize(form, "S\u00e4ge.png") for form in ("NFC", "NFD")]
    with pytest.raises(UserError, match="is there twice, with composed and with decomposed"):
        sort(names, order)
