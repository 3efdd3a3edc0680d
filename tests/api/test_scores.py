"""`score` and `load_teacher`: values by scipy, tables, and teachers of every origin."""

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from scipy.spatial.distance import pdist, squareform
from scipy.stats import pearsonr, spearmanr
from support.scored import SIZE, make_folder, read_small, record, refer_rdms

from tgas_neuro.api.score_tables import Scores
from tgas_neuro.api.scores import score
from tgas_neuro.api.teachers import load_teacher
from tgas_neuro.recordings.datasets.data_set import read_data_set
from tgas_neuro.recordings.datasets.description import load_description
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.teacher import write_teacher

MEAN, DEVIATION = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
COLOURS = {"mean": MEAN, "deviation": DEVIATION}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("scored"))


@pytest.fixture
def folder(made, monkeypatch):
    monkeypatch.syspath_prepend(made)
    monkeypatch.chdir(made)
    return made


@pytest.fixture(scope="module")
def teacher(made):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        return load_teacher(data={"V4": "small", "IT": "small"}, splits=4, report=len)


@pytest.fixture
def network(folder):
    import scored_net

    return scored_net.build()


def silent(line):
    pass


def score_exactly(model, teacher, layers="all", **options):
    return score(model, teacher, layers, exact=True, report=silent, **options)


@pytest.fixture
def expected(folder, network):
    rdms, features = refer_rdms(folder), record(folder, network, MEAN, DEVIATION)
    return {
        (region, layer): spearmanr(pdist(values, "correlation"), rdm)[0]
        for region, rdm in rdms.items()
        for layer, values in features.items()
    }


def test_a_module_and_its_tables(network, teacher, expected):
    scores = score_exactly(network, teacher, ["1", "3", "5"], size=SIZE, **COLOURS)
    frame = scores.to_frame()
    assert list(zip(frame["region"], frame["layer"], strict=True)) == [
        (region, layer) for region in ("V4", "IT") for layer in "135"
    ]
    wanted = [expected[key] for key in zip(frame["region"], frame["layer"], strict=True)]
    np.testing.assert_allclose(frame["similarity"], wanted, atol=1e-5)
    np.testing.assert_allclose(frame["corrected"], frame["similarity"] / frame["ceiling"])
    array = scores.to_xarray()
    assert array.dims == ("model", "region", "layer") and array.shape == (1, 2, 3)
    for _, row in frame.iterrows():
        found = array.sel(model="Sequential", region=row["region"], layer=row["layer"])
        assert float(found) == row["similarity"]
    for _, row in scores.best.iterrows():
        best = max("135", key=lambda layer: expected[row["region"], layer])
        assert row["best layer"] == best
        assert row["similarity"] == pytest.approx(expected[row["region"], best], abs=1e-5)
    regions = scores.to_dict()["Sequential"]["regions"]
    assert regions["IT"]["layers"]["3"]["all"] == array.sel(region="IT", layer="3").item()
    assert "Sequential" in repr(scores) and "<table" in scores._repr_html_()


def test_models_are_joined_and_told_apart(network, teacher):
    one = score_exactly(network, teacher, "3", size=SIZE, keep_rdms=True)
    two = score_exactly(network, teacher, "5", size=SIZE, name="other", keep_rdms=True)
    joined = Scores.concat([one, two, one])
    assert list(joined.models) == ["Sequential", "other", "Sequential (2)"]
    assert list(joined.best_rdms) == list(joined.models)
    array = joined.to_xarray()
    assert array.shape == (3, 2, 2)
    assert np.isnan(array.sel(model="other", layer="3")).all()


def test_the_rdm_of_the_best_layer_is_kept(folder, network, teacher):
    scores = score_exactly(network, teacher, "3", size=SIZE, keep_rdms=True, **COLOURS)
    features = record(folder, network, MEAN, DEVIATION)["3"]
    for rdm in scores.best_rdms["Sequential"].values():
        assert rdm.dtype == np.float32
        np.testing.assert_allclose(rdm, pdist(features, "correlation"), atol=2e-6)
    assert score_exactly(network, teacher, "3", size=SIZE).best_rdms == {}


def test_features_give_the_numbers_of_the_network(folder, network, teacher, expected, tmp_path):
    features = record(folder, network, MEAN, DEVIATION)
    of_network = score_exactly(network, teacher, size=SIZE, **COLOURS).to_frame()
    wanted = [expected[key] for key in zip(of_network["region"], of_network["layer"], strict=True)]
    np.savez(tmp_path / "all.npz", **features)
    for model in (features, tmp_path / "all.npz", str(tmp_path / "all.npz")):
        frame = score_exactly(model, teacher, "auto").to_frame()
        chosen = frame[frame["layer"].isin(of_network["layer"])]
        np.testing.assert_allclose(chosen["similarity"], wanted, atol=1e-6)
        assert len(frame) == 2 * len(features)
    # in another order, with names: the files of the images
    stimuli, _ = read_small(folder)
    order = np.random.default_rng(0).permutation(len(stimuli))
    names = stimuli["filename"].to_numpy(dtype=str)[order]
    np.savez(tmp_path / "b.npz", names=names, **{key: one[order] for key, one in features.items()})
    frame = score_exactly(tmp_path / "b.npz", teacher, "3").to_frame()
    assert frame["similarity"].tolist() == pytest.approx([expected[r, "3"] for r in ("V4", "IT")])


def test_features_that_do_not_belong_to_the_stimuli(teacher, tmp_path):
    n = teacher.at().regions["V4"].sizes["stimulus"]
    with pytest.raises(UserError, match=f"features: 5 rows, but region V4 has {n} stimuli; give a"):
        score_exactly({"a": np.ones((5, 3))}, teacher)
    uneven = {"a": np.random.default_rng(0).random((n, 4)), "b": np.ones((n + 1, 4))}
    with pytest.raises(UserError, match=f"layer 'b' has {n + 1} rows, the first one has {n}; all"):
        score_exactly(uneven, teacher)
    with pytest.raises(UserError, match=r"size: is for networks, not for features; leave it out"):
        score_exactly(uneven, teacher, size=8)
    # a layer that does not vary has no similarity, and the others have theirs
    constant = {"a": uneven["a"], "b": np.ones((n, 4))}
    scores = score_exactly(constant, teacher)
    frame = scores.to_frame().set_index(["region", "layer"])
    assert np.isnan(frame.loc[("IT", "b"), "similarity"])
    assert np.isfinite(frame.loc[("IT", "a"), "similarity"])
    assert set(scores.best["best layer"]) == {"a"}


def test_saved_graphs_give_the_numbers_of_the_network(network, teacher, tmp_path):
    wanted = score_exactly(network, teacher, ["1", "3"], size=SIZE, **COLOURS).to_xarray()
    images = (torch.zeros(3, 3, SIZE, SIZE),)
    torch.export.save(torch.export.export(network, images), tmp_path / "net.pt2")
    found = score_exactly(tmp_path / "net.pt2", teacher, ["1", "3"], **COLOURS).to_xarray()
    np.testing.assert_allclose(found.values, wanted.values, atol=1e-6)
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    path = tmp_path / "net.onnx"
    torch.onnx.export(network, images, path, dynamo=True, verbose=False)
    found = score_exactly(path, teacher, "auto", **COLOURS).to_xarray()
    assert found.sizes["layer"] == 2
    np.testing.assert_allclose(found.values, wanted.values, atol=1e-5)


def test_a_teacher_file_gives_the_numbers_of_its_data(folder, network, teacher, tmp_path):
    wanted = score_exactly(network, teacher, "3", size=SIZE).to_xarray().values
    path = tmp_path / "results/teacher/one/teacher.nc"
    path.parent.mkdir(parents=True)
    write_teacher(path, teacher.at(SIZE))
    alone = load_teacher(path)
    assert alone.regions == ("V4", "IT") and alone.size == SIZE
    np.testing.assert_array_equal(
        score_exactly(network, alone, "3", size=SIZE).to_xarray().values, wanted
    )
    with pytest.raises(UserError, match=f"has its stimuli at {SIZE} px only, and "):
        alone.at(SIZE + 1)
    with pytest.raises(
        UserError, match=r"^degrees: 4 is given beside .*\.nc, in which it is fixed"
    ):
        load_teacher(path, degrees=4)
    # with the recordings beside it the stimuli are shown at any size, as they would be anew
    description = load_description("small", [folder / "neural_data"])
    assert not list(read_data_set(description, tmp_path / "results/recordings/small"))
    whole = load_teacher(path)
    images = whole.at(SIZE + 1).regions["IT"]["images"].values
    np.testing.assert_array_equal(images, teacher.at(SIZE + 1).regions["IT"]["images"].values)
    assert list(whole.list_stimuli("IT")["filename"]) == list(
        teacher.list_stimuli("IT")["filename"]
    )


def test_comparisons_without_a_ceiling_are_used_as_measured(folder, network):
    notes = []
    teacher = load_teacher(
        data={"IT": "small"}, comparison="pearson", splits=4, report=notes.append
    )
    scores = score_exactly(network, teacher, "3", size=SIZE, **COLOURS)
    rdm = pdist(record(folder, network, MEAN, DEVIATION)["3"], "correlation")
    (row,) = scores.list_rows()
    assert row["similarity"] == pytest.approx(pearsonr(rdm, refer_rdms(folder)["IT"])[0], abs=1e-5)
    assert row["ceiling"] is None and row["corrected"] is None
    assert notes[0] == "Note: comparison pearson has no noise ceiling; similarities are as measured"
    with pytest.raises(UserError, match=r"^uncorrected: 'V1' is not one of the regions: IT"):
        load_teacher(data={"IT": "small"}, uncorrected=["V1"])


def test_a_configuration_is_a_teacher(folder, network, teacher, tmp_path):
    config = {
        "recordings": {"regions": {"V4": {"datasets": ["small"]}, "IT": {"datasets": ["small"]}}},
        "teacher": {"splits": 4, "stimuli": {"size": 16, "visual_degrees": 8}},
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    loaded = load_teacher(tmp_path / "mine.yaml", report=silent)
    assert loaded.size == 16
    found = score_exactly(network, loaded, "3", size=SIZE).to_xarray()
    wanted = score_exactly(network, teacher, "3", size=SIZE).to_xarray()
    np.testing.assert_array_equal(found.values, wanted.values)
    # data sets beside a configuration come before those of the working folder
    (tmp_path / "neural_data").mkdir()
    text = (folder / "neural_data/small.yaml").read_text()
    (tmp_path / "neural_data/small.yaml").write_text(text.replace("seed: 0", "seed: 1"))
    other = load_teacher(tmp_path / "mine.yaml", report=silent)
    assert score_exactly(network, other, "3", size=SIZE).to_xarray().values.tolist() != (
        found.values.tolist()
    )
    with pytest.raises(UserError, match=r"^data: is given beside the teacher .*; leave one out"):
        load_teacher(tmp_path / "mine.yaml", data={"IT": "small"})


def test_regions_are_split_by_category(made, folder, network):
    notes = []
    teacher = load_teacher(
        data={"V4": "small", "IT": "small"}, by="category", splits=4, report=notes.append
    )
    stimuli, _ = read_small(folder)
    counts = stimuli["category_name"].value_counts()
    large = [name for name in dict.fromkeys(stimuli["category_name"]) if counts[name] >= 6]
    assert large and teacher.regions == tuple(
        f"{region}: {category}" for region in ("V4", "IT") for category in large
    )
    assert "Note: categories have no noise ceiling; similarities are as measured" in notes
    frame = score_exactly(network, teacher, "3", size=SIZE, **COLOURS).to_frame()
    features, rdms = record(folder, network, MEAN, DEVIATION)["3"], refer_rdms(folder)
    for _, row in frame.iterrows():
        region, _, category = row["region"].partition(": ")
        keep = (stimuli["category_name"] == category).to_numpy()
        rdm = squareform(rdms[region])[np.ix_(keep, keep)]
        wanted = spearmanr(pdist(features[keep], "correlation"), squareform(rdm, checks=False))[0]
        assert row["similarity"] == pytest.approx(wanted, abs=1e-5)
        assert np.isnan(row["ceiling"])
    shown = teacher.list_stimuli(teacher.regions[0])
    assert set(shown["category_name"]) == {large[0]} and len(shown) == counts[large[0]]
    cka = load_teacher(data={"IT": "small"}, comparison="cka", by="category", report=silent)
    with pytest.raises(UserError, match=r"^by: 'category' is for comparisons of RDMs \(spearman, "):
        score_exactly(network, cka, "3", size=SIZE)
    with pytest.raises(UserError, match=r"^by: 'object' is not one of: category"):
        load_teacher(data={"IT": "small"}, by="object")


def test_layers_that_do_not_fit_into_memory_are_one_line(network, teacher, monkeypatch):
    class Little:
        available = 1000

    monkeypatch.setattr("psutil.virtual_memory", Little)
    with pytest.raises(
        UserError, match=r"^layers: the features of 1 layers take .* GB are free; na"
    ):
        score_exactly(network, teacher, "1", size=SIZE)


@pytest.mark.parametrize("comparison", ["kendall", "cka", "ridge", "pls"])
def test_features_in_float64_are_compared_in_every_way(folder, network, comparison):
    teacher = load_teacher(data={"IT": "small"}, comparison=comparison, splits=4, report=silent)
    of_network = score_exactly(network, teacher, "3", size=SIZE, **COLOURS).to_xarray()
    features = record(folder, network, MEAN, DEVIATION)
    found = score_exactly({"3": features["3"]}, teacher).to_xarray()
    np.testing.assert_allclose(found.values, of_network.values, atol=1e-5)


def test_another_size_changes_the_images_and_nothing_else(folder, teacher):
    teacher.at(SIZE)
    later = teacher.at(SIZE + 9)
    first = load_teacher(data={"V4": "small", "IT": "small"}, splits=4, report=silent).at(SIZE + 9)
    for name, region in first.regions.items():
        xr.testing.assert_identical(region, later.regions[name])
    assert later.regions["V4"]["images"].shape[1:] == (SIZE + 9, SIZE + 9, 3)
    assert teacher.at(SIZE + 9) is later
