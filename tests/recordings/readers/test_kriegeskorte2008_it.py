"""The reader of Kriegeskorte et al. 2008, on damaged files and on the real one."""

import io
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image
from scipy.spatial.distance import pdist, squareform
from support.recordings import read_recordings

from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.recordings.readers.kriegeskorte2008_it import (
    CATEGORIES,
)
from tgas_neuro.runtime.errors import UserError

NEURAL_DATA = Path(__file__).parents[3] / "neural_data"
NAME = "Kriegeskorte_Neuron2008_supplementalData.mat"
RDM = pdist(np.random.default_rng(0).normal(size=(92, 10)), "correlation")


def build_stimuli(count: int = 92, shape: tuple = (175, 175, 3)) -> np.ndarray:
    fields = ("category", "human", "face", "animal", "natural", "image")
    stimuli = np.zeros((1, count), dtype=[(field, object) for field in fields])
    for index in range(count):
        category = list(CATEGORIES)[index % 6]
        image = np.full(shape, index, dtype=np.uint8)
        stimuli[0, index] = (category, *CATEGORIES[category].values(), image)
    return stimuli


def build_rdms(rdm: np.ndarray = RDM, name: str = "mIT_674neurons") -> np.ndarray:
    rdms = np.zeros((1, 2), dtype=[("name", object), ("RDM", object)])
    rdms[0, 0] = ("hIT", np.zeros((1, rdm.size)))
    rdms[0, 1] = (name, rdm[np.newaxis])
    return rdms


def read_file(files: dict[str, Path], **options):
    return read_recordings("kriegeskorte2008_it", {"degrees": 7} | options, files)


def read(folder: Path, **changes):
    content = {"stimuli_92objs": build_stimuli(), "RDMs_mIT_hIT_fig1": build_rdms()} | changes
    content = {name: value for name, value in content.items() if value is not None}
    scipy.io.savemat(folder / "a.mat", content)
    return read_file({"a.mat": folder / "a.mat"})


def test_a_made_file_is_read(tmp_path):
    recordings = read(tmp_path)
    np.testing.assert_array_equal(recordings.rdms.values, RDM[np.newaxis].astype(np.float32))
    assert recordings.rdms.dims == ("region", "pair")
    assert list(recordings.rdms["region"].values) == ["IT"]
    table = recordings.stimuli
    assert list(table["category_name"][:7]) == [*CATEGORIES, "human bodypart"]
    assert list(table["stimulus_id"][[0, 91]]) == ["mine_01", "mine_92"]
    assert set(table["degrees"]) == {7.0}
    images = dict(recordings.images)
    assert list(images) == list(table["filename"])
    with Image.open(io.BytesIO(images["stimulus_92.png"])) as image:
        np.testing.assert_array_equal(np.asarray(image), np.full((175, 175, 3), 91))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(stimuli_92objs=None), "variable 'stimuli_92objs' is missing, there are: RDMs_mIT_"),
        (dict(RDMs_mIT_hIT_fig1=None), "variable 'RDMs_mIT_hIT_fig1' is missing"),
        (dict(stimuli_92objs=build_stimuli(91)), "stimuli_92objs: 91 stimuli, expected 92"),
        (dict(stimuli_92objs=np.zeros((1, 92))), "stimuli_92objs: field 'category' missing"),
        (
            dict(stimuli_92objs=build_stimuli(shape=(8, 8, 3))),
            r"stimulus 1: image is \(8, 8, 3\) of uint8, expected \(175, 175, 3\)",
        ),
        (dict(RDMs_mIT_hIT_fig1=np.zeros(3)), "RDMs_mIT_hIT_fig1 has no fields 'name' and 'RDM'"),
        (
            dict(RDMs_mIT_hIT_fig1=build_rdms(name="mIT_673neurons")),
            "no RDM named 'mIT_674neurons'; there are: hIT, mIT_673neurons",
        ),
        (
            dict(RDMs_mIT_hIT_fig1=build_rdms(RDM[:-1])),
            "RDM 'mIT_674neurons' has 4185 pairs, expected 4186",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path, changes, message):
    with pytest.raises(UserError, match=rf"a.mat: {message}"):
        read(tmp_path, **changes)


def test_flags_that_contradict_the_category_are_named(tmp_path):
    stimuli = build_stimuli()
    stimuli[0, 3]["face"] = 0
    with pytest.raises(UserError, match=r"a.mat: stimulus 4: category 'nonhuman face' with flags"):
        read(tmp_path, stimuli_92objs=stimuli)


@pytest.mark.parametrize("content", [b"", b"<html>Not found</html>", b"\x00" * 200])
def test_another_file_is_named(tmp_path, content):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(UserError, match=r"a.mat: (not a readable .mat file|variable)"):
        read_file({"a.mat": tmp_path / "a.mat"})


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_named(tmp_path, share):
    read(tmp_path)
    whole = (tmp_path / "a.mat").read_bytes()
    (tmp_path / "a.mat").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match=r"a.mat: (not a readable .mat file|variable)"):
        read_file({"a.mat": tmp_path / "a.mat"})


def test_the_file_is_found_by_its_ending(tmp_path):
    with pytest.raises(UserError, match=r"mine.yaml: files: 0 files end in .mat"):
        read_file({})


def test_an_unknown_option_is_named():
    with pytest.raises(UserError, match=r"mine.yaml: options: unknown key 'species'"):
        read_file({}, species="human")


@pytest.fixture(scope="module")
def path(real_data):
    return real_data / "kriegeskorte2008_it" / NAME


@pytest.fixture
def recordings(path):
    description = load_description("kriegeskorte2008_it", [NEURAL_DATA])
    return read_recordings(description.reader, description.options, {NAME: path}, description.name)


@pytest.mark.real_data
class TestRealFile:
    def test_the_rdm_is_the_monkeys(self, recordings, path):
        raw = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)
        monkey, human = raw["RDMs_mIT_hIT_fig1"]
        assert "674" in monkey.name
        np.testing.assert_array_equal(recordings.rdms.values[0], monkey.RDM.astype(np.float32))
        assert not np.allclose(recordings.rdms.values[0], human.RDM)
        assert 0 < recordings.rdms.min() < recordings.rdms.max() < 2

    def test_stimuli_and_images_are_those_of_the_file(self, recordings, path):
        raw = scipy.io.loadmat(path, squeeze_me=True, struct_as_record=False)
        images = dict(recordings.images)
        table = recordings.stimuli
        for row, stimulus in enumerate(raw["stimuli_92objs"]):
            assert table["category_name"][row] == stimulus.category
            with Image.open(io.BytesIO(images[table["filename"][row]])) as image:
                np.testing.assert_array_equal(np.asarray(image), stimulus.image)
        # the file also has flags as vectors over stimuli, in columns of their own
        labels = list(raw["categoryLabels"])
        vectors = dict(zip(labels, raw["categoryVectors"].T, strict=True))
        assert list(table["face"]) == list(vectors["face"])
        assert list(table["human"]) == list(vectors["human"])
        assert list(table["animal"]) == list(vectors["animate"])
        assert list(1 - table["natural"]) == list(vectors["artiObj"])
        assert table["category_name"].value_counts().to_dict() == {
            "human bodypart": 12,
            "human face": 12,
            "nonhuman bodypart": 12,
            "nonhuman face": 12,
            "natural inanimate": 23,
            "artificial inanimate": 21,
        }

    def test_pairs_are_in_the_order_of_pdist(self, recordings):
        """The paper's clusters appear: faces are alike, animate and inanimate differ.

        In the other order (above the diagonal, column by column) the same vector has none.
        """
        rdm = recordings.rdms.values[0]
        other = np.zeros((92, 92))
        upper = np.triu_indices(92, 1)
        by_column = np.lexsort((upper[0], upper[1]))
        other[upper[0][by_column], upper[1][by_column]] = rdm
        faces = recordings.stimuli["face"].to_numpy() == 1
        contrast = calc_contrast(squareform(rdm), faces)
        assert contrast == pytest.approx(0.210, abs=0.001)
        assert abs(calc_contrast(other + other.T, faces)) < contrast / 5


def calc_contrast(rdm: np.ndarray, group: np.ndarray) -> float:
    """Mean dissimilarity of pairs across the group's border minus that of pairs inside it."""
    inside = rdm[np.ix_(group, group)][np.triu_indices(group.sum(), 1)]
    return float(rdm[np.ix_(group, ~group)].mean() - inside.mean())
