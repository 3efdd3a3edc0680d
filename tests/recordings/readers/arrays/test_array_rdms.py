"""RDMs as arrays, condensed and square, made and published."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from support.recordings import read_recordings

from tgas_neuro.runtime.errors import UserError


class TestRdms:
    """Condensed and square, of one region or several."""

    FEATURES = np.random.default_rng(2).normal(size=(2, 3, 5))
    CONDENSED = np.array([pdist(features, "correlation") for features in FEATURES])
    SQUARE = np.array([squareform(rdm) for rdm in CONDENSED])

    @pytest.mark.parametrize(
        ("values", "axes", "regions"),
        [
            (CONDENSED, ["region", "pair"], ["V4", "IT"]),
            (CONDENSED.T, ["pair", "region"], ["V4", "IT"]),
            (SQUARE, ["region", "row", "column"], ["V4", "IT"]),
            (CONDENSED[:1], ["pair"], ["V4"]),
            (SQUARE[0], ["row", "column"], ["V4"]),
        ],
    )
    def test_every_form_gives_the_condensed_rdm(self, read, values, axes, regions):
        rdms = read(values, responses=None, rdm={"axes": axes}, regions=regions).rdms
        expected = self.CONDENSED[: len(regions)].astype(np.float32)
        np.testing.assert_array_equal(rdms.values, expected)
        assert rdms.dims == ("region", "pair")
        assert list(rdms["region"].values) == regions

    @pytest.mark.parametrize(
        ("values", "axes", "regions", "message"),
        [
            (CONDENSED, ["pair"], ["V4"], "expected numbers of shape (pair), found (2, 3)"),
            (CONDENSED[0][:2], ["pair"], ["V4"], "has 2 pairs, the 3 images make 3"),
            (SQUARE[0] + 1, ["row", "column"], ["V4"], "the RDM's diagonal is not zero (1)"),
            (np.triu(SQUARE[0]), ["row", "column"], ["V4"], "the RDM is not symmetric"),
            (SQUARE[0][:2], ["row", "column"], ["V4"], "an RDM is square, this one is (2, 3)"),
            (CONDENSED[0], ["pair"], None, "options.regions: missing, the file has 1 RDMs"),
            (CONDENSED, ["region", "pair"], ["V4"], "options.regions: ['V4'], the file has 2 RDM"),
            (CONDENSED, ["row", "pair"], ["V4"], "axes: ['row', 'pair'] is not one of: pair; row"),
        ],
    )
    def test_a_wrong_rdm_is_one_line(self, read, values, axes, regions, message):
        with pytest.raises(UserError) as error:
            read(values, responses=None, rdm={"axes": axes}, regions=regions)
        assert message in str(error.value)

    @pytest.mark.real_data
    def test_the_published_rdm_of_monkey_it(self, real_data):
        """The same as the reader of its own makes of it, from fields of its structs."""
        name = "Kriegeskorte_Neuron2008_supplementalData.mat"
        files = {name: real_data / "kriegeskorte2008_it" / name}
        known = read_recordings("kriegeskorte2008_it", {"degrees": 7}, files)
        options = {
            "rdm": {"variable": "RDMs_mIT_hIT_fig1[0].RDM", "axes": ["pair"]},
            "regions": ["IT"],
            "unit": "1 - Pearson correlation",
            "degrees": 7,
            "images": {"variable": "stimuli_92objs.image"},
            "stimuli": {
                "category_name": {"variable": "stimuli_92objs.category"},
                "face": {"variable": "stimuli_92objs.face"},
            },
        }
        found = read_recordings("arrays", options, files)
        np.testing.assert_array_equal(found.rdms.values, known.rdms.values)
        for column in ("category_name", "face", "degrees"):
            assert list(found.stimuli[column]) == list(known.stimuli[column])
        assert [content for _, content in found.images] == [content for _, content in known.images]
