"""How pictures are written: every format, the same bytes each time, text as text."""

import re
import zlib
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tgas_neuro.figures.style import (
    STYLE,
    build_figure,
    label_ends,
    save_figure,
    save_figures,
    spread,
    styled,
)
from tgas_neuro.runtime.errors import UserError


def draw():
    with styled():
        ax = build_figure((4, 3)).subplots()
        ax.plot([0, 1], [1, 0], label="down")
        ax.imshow(np.eye(3), extent=(0, 1, 0, 1))
        ax.set_title("Similarity of V4")
    return ax.figure


@pytest.mark.parametrize(
    "ending, begins", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_same_figure_same_bytes(tmp_path, ending, begins):
    for name in "ab":
        save_figure(draw(), tmp_path / "new" / f"{name}.{ending}")
    first, second = ((tmp_path / f"new/{name}.{ending}").read_bytes() for name in "ab")
    assert first == second and first.startswith(begins)
    assert not re.search(rb"Date|matplotlib v|Matplotlib v", first)


def test_png(tmp_path):
    save_figure(draw(), tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert "Software" not in image.info
        assert np.asarray(image.convert("RGB"))[0, 0].tolist() == [255, 255, 255]
        assert image.width > 400


def test_text_stays_text_in_svg_and_pdf(tmp_path):
    save_figures(draw(), [tmp_path / "a.svg", tmp_path / "a.pdf"])
    svg = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert ">Similarity of V4</text>" in svg
    pdf = (tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in pdf and b"/Type3" not in pdf  # TrueType, which editors keep as text
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    texts = []
    for stream in streams:
        try:
            texts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    shown = b"".join(re.findall(rb"\((.*?)\)", b" ".join(texts)))
    assert b"Similarity of V4" in shown.replace(b"\0", b"")  # two bytes a letter


def test_settings_of_the_user_do_not_matter(tmp_path):
    save_figure(draw(), tmp_path / "a.svg")
    own = {"font.size": 30, "axes.spines.top": True, "svg.fonttype": "path", "savefig.dpi": 20}
    with mpl.rc_context(own):
        save_figure(draw(), tmp_path / "b.svg")
        assert mpl.rcParams["font.size"] == 30  # and stay as they are
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_style_is_known_to_matplotlib_by_name():
    from matplotlib import style

    with style.context("tgas_neuro.figures.tgas"):
        assert mpl.rcParams["svg.hashsalt"] == "tgas-neuro"
    assert STYLE.is_file()


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"'\.jpg'; it may be \.png, \.svg, \.pdf"):
        save_figure(draw(), tmp_path / "a.jpg")


def test_nothing_is_left_after_an_error(ax, tmp_path):
    ax.set_title("$\\unknown$")
    with pytest.raises(ValueError, match="unknown"):
        save_figure(ax.figure, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=8).map(sorted),
    st.floats(0.1, 1.2),
)
def test_labels_are_apart_and_within(values, least):
    places = spread(values, least, 0.0, 10.0)
    assert len(places) == len(values)
    assert all(b - a >= least - 1e-9 for a, b in pairwise(places))
    assert places[0] >= -1e-9
    if (len(values) - 1) * least <= 10:
        assert places[-1] <= 10 + 1e-9
    if all(b - a >= least for a, b in pairwise(values)):
        np.testing.assert_allclose(places, values)


def test_labels_of_a_pair_stand_around_its_middle(ax):
    ax.set_ylim(0, 10)
    label_ends(ax, [(5.0, "b", "k"), (5.0, "a", "k")], least=0.1)
    assert {text.get_text(): text.xy[1] for text in ax.texts} == {"a": 4.5, "b": 5.5}
