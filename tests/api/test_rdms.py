"""An RDM with its stimuli: values beside scipy's and rsatoolbox's, rows by name."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from scipy.stats import kendalltau, pearsonr, spearmanr

from tgas_neuro.api.rdms import RDM
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256


def build(seed, n=12, names=None, **changes):
    rng = np.random.default_rng(seed)
    names = [f"s{number}" for number in range(n)] if names is None else names
    stimuli = pd.DataFrame(
        {"row_name": names, "category_name": [f"c{number % 3}" for number in range(n)]}
    )
    values = {"values": pdist(rng.normal(size=(n, 5)), "correlation"), "names": names}
    values |= {"stimuli": stimuli, "region": "IT", "distance": "correlation"}
    return RDM(**(values | changes))


def test_all_forms_have_the_same_values():
    rdm = build(0)
    square = squareform(rdm.values)
    np.testing.assert_array_equal(rdm.to_square(), square)
    frame = rdm.to_frame()
    assert list(frame.index) == list(frame.columns) == list(rdm.names)
    np.testing.assert_array_equal(frame.to_numpy(), square)
    array = rdm.to_xarray()
    assert array.dims == ("row", "column") and array.attrs["distance"] == "correlation"
    assert float(array.sel(row="s2", column="s7")) == square[2, 7]
    assert list(array["category_name"].values[:4]) == ["c0", "c1", "c2", "c0"]
    assert len(rdm) == 12


def test_comparisons_are_scipys():
    first, second = build(1), build(2)
    pair = first.values, second.values
    assert first.compare(second) == pytest.approx(spearmanr(*pair)[0], abs=1e-9)
    assert first.compare(second, "pearson") == pytest.approx(pearsonr(*pair)[0], abs=1e-6)
    assert first.compare(second, "kendall") == pytest.approx(kendalltau(*pair)[0], abs=1e-9)
    with pytest.raises(UserError, match="'cosine' is not one of: spearman, pearson, kendall"):
        first.compare(second, "cosine")


@given(order=st.permutations(list(range(8))))
def test_rows_are_matched_by_name(order):
    first, second = build(3, 8), build(4, 8)
    names = [f"s{number}" for number in order]
    moved = second.reorder(names)
    assert list(moved.names) == names
    np.testing.assert_array_equal(moved.to_square(), second.to_square()[np.ix_(order, order)])
    assert first.compare(moved) == first.compare(second)
    assert list(moved.categories) == [second.categories[place] for place in order]


def test_other_rows_are_refused():
    other = build(0, names=[f"s{number}" for number in range(11)] + ["x"])
    with pytest.raises(UserError, match=r"12 rows, the other one 12; 2 are in one of them alone"):
        build(0).compare(other)
    with pytest.raises(UserError, match=r"11 rows, the other one 12; 1 are in one"):
        build(0).compare(build(0, 11))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(UserError, match="other: a ndarray; expected an RDM"):
        build(0).compare(build(1).values)
    with pytest.raises(UserError, match="it or the other one is constant"):
        build(0).compare(build(0, values=np.ones(66)))


@pytest.fixture
def build_of_images(tmp_path):
    """Builds an RDM whose rows are images of these shades, saved as files of a format."""

    def call(seed, shades, suffix=".png", rows=None):
        names, stimuli = [f"s{number}" for number in range(len(shades))], []
        for name, shade in zip(names, shades, strict=True):
            path = tmp_path / f"{seed}_{name}{suffix}"
            Image.new("RGB", (4, 4), (shade, shade, shade)).save(path)
            row = {"stimulus_id": name, "sha256": calc_sha256(path), "path": str(path)}
            stimuli.append(row | {"row_name": name})
        stimuli = pd.DataFrame(stimuli)
        if rows is not None:
            stimuli["row_name"] = names = rows
        return build(seed, len(shades), names=names, stimuli=stimuli)

    return call


def test_other_images_of_the_same_names_are_refused(build_of_images):
    first, other = build_of_images(0, range(0, 80, 10)), build_of_images(1, range(5, 85, 10))
    with pytest.raises(UserError, match=r"'s0' is another image in the other one \(8 of 8 have"):
        first.compare(other)
    saved = build_of_images(2, range(0, 80, 10), ".bmp")  # the same pixels
    expected = spearmanr(first.values, saved.values)[0]
    assert first.compare(saved) == pytest.approx(expected, abs=1e-9)
    order = [f"s{number}" for number in reversed(range(8))]
    assert first.compare(saved.reorder(order)) == pytest.approx(expected, abs=1e-9)
    Path(saved.stimuli["path"][0]).unlink()  # what it showed is not known any more
    with pytest.raises(UserError, match="'s0' is another image"):
        first.compare(saved)
    objects = [f"object {number}" for number in range(8)]  # of which there are other images
    pair = [build_of_images(k, range(k, 80 + k, 10), rows=objects) for k in (3, 4)]
    assert np.isfinite(pair[0].compare(pair[1]))
    assert np.isfinite(first.compare(build(5, 8)))  # of which no image is known


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"values": np.zeros(5)}, r"\(5,\) values for 12 rows; expected the 66"),
        ({"names": ["a"] * 12}, "row 'a' occurs twice"),
        ({"values": np.full(66, np.nan)}, "66 of 66 dissimilarities are not finite"),
    ],
)
def test_what_is_no_rdm_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        build(0, **changes)


def test_it_is_drawn(ax):
    assert build(0).plot(ax) is ax and ax.get_title() == "IT"
    assert build(0, simulated=True).plot().get_title() == "simulated IT"


def import_rsatoolbox():
    return pytest.importorskip("rsatoolbox", reason="rsatoolbox is not installed")


def test_there_and_back_by_rsatoolbox():
    rsatoolbox = import_rsatoolbox()
    first, second = build(5, simulated=True), build(6)
    made = first.to_rsatoolbox()
    np.testing.assert_array_equal(made.get_matrices()[0], first.to_square())
    assert made.dissimilarity_measure == "correlation"
    expected = rsatoolbox.rdm.compare(made, second.to_rsatoolbox(), method="spearman")[0, 0]
    assert first.compare(second) == pytest.approx(expected, abs=1e-9)
    back = first.from_rsatoolbox(made)
    np.testing.assert_array_equal(back.values, first.values)
    assert (back.region, back.distance) == ("IT", "correlation")
    assert list(back.names) == list(first.names)
    assert back.simulated and list(back.categories) == list(first.categories)


class RDMs:
    """What `from_rsatoolbox` reads of `rsatoolbox.rdm.RDMs` (0.3.2)."""

    def __init__(self, rdms, **patterns):
        self.dissimilarities = np.stack([rdm.values for rdm in rdms])
        self.n_rdm, self.n_cond = len(rdms), 12
        self.dissimilarity_measure = "correlation"
        self.descriptors, self.rdm_descriptors = {}, {"index": list(range(len(rdms)))}
        self.pattern_descriptors = patterns | {"index": list(range(12))}


def test_what_rsatoolbox_holds_is_chosen_by_name():
    rdm = build(7)
    conds = [f"image {number}" for number in range(12)]
    found = RDM.from_rsatoolbox(RDMs([rdm], conds=conds), names="conds", region="V4")
    assert (list(found.names), found.region) == (conds, "V4")
    with pytest.raises(UserError, match="names: 'index' only numbers the rows and does not say"):
        RDM.from_rsatoolbox(RDMs([rdm], conds=conds), names="index")
    with pytest.raises(UserError, match=r"rdms: a ndarray; expected rsatoolbox\.rdm\.RDMs"):
        RDM.from_rsatoolbox(rdm.values)
    with pytest.raises(UserError, match="no pattern descriptor is called 'stimulus_id'; there are"):
        RDM.from_rsatoolbox(RDMs([rdm], conds=conds))
    with pytest.raises(UserError, match="holds 2 RDMs; take one"):
        RDM.from_rsatoolbox(RDMs([rdm, rdm], conds=conds), names="conds")


def test_without_rsatoolbox_the_message_names_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rsatoolbox", None)
    with pytest.raises(UserError, match="install it: pip install rsatoolbox"):
        build(0).to_rsatoolbox()
