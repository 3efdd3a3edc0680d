"""Sessions of the same sites, ceilings from other data sets, and large RDMs that are not kept."""

import io
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import pdist
from scipy.stats import zscore
from support.recordings import describe

from tgas_neuro.recordings.assembly import load_assembly, write_assembly
from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.scoring import build_targets, write_ranks
from tgas_neuro.teacher.build import build_teacher
from tgas_neuro.teacher.options import Source, TeacherOptions
from tgas_neuro.teacher.recorded import recorded_region
from tgas_neuro.teacher.teacher import get_rdm, load_teacher, resize_stimuli, write_teacher

OPTIONS = {
    "level": "image",
    "splits": 10,
    "uncorrected": (),
    "size": 12,
    "visual_degrees": 8,
    "min_site_reliability": 0.1,
    "normalise": "zscore",
    "threads": 1,
    "seed": 0,
}


def cut(folder, name, presentations, stimuli=slice(None), order=None, degrees=None, **attrs):
    """A data set beside `folder` with the presentations that the function `presentations` takes."""
    assembly, table = load_assembly(folder / "assembly.nc"), load_stimuli(folder / "stimuli.csv")
    other = folder.with_name(name)
    shutil.rmtree(other, ignore_errors=True)
    table = table.iloc[stimuli].reset_index(drop=True)
    shown = np.isin(assembly["stimulus_id"].values, table["stimulus_id"]) & presentations(assembly)
    assembly = assembly.isel(presentation=np.flatnonzero(shown))
    if order is not None:
        assembly = assembly.isel(neuroid=order)
    if degrees is not None:
        table = table.assign(degrees=degrees)
    shutil.copytree(folder / "stimuli", other / "stimuli")
    table.to_csv(other / "stimuli.csv", index=False)
    write_assembly(other / "assembly.nc", assembly.assign_attrs(dataset=name, **attrs))
    return other


def build(folders, regions=("IT",), lines=None, **changes):
    keys = {name: changes.pop(name) for name in list(changes) if name not in OPTIONS}
    source = Source({folder.name: folder for folder in folders}, **keys)
    report = (lines if lines is not None else []).append
    return build_teacher(
        dict.fromkeys(regions, source), TeacherOptions(**OPTIONS | changes), {}, report
    )


@pytest.fixture(scope="module")
def sessions(simulated):
    """The same 90 sites, in another order in the second; even and odd repetitions."""
    mixed = np.random.default_rng(1).permutation(90)
    return [
        cut(simulated, "day_1", lambda found: found["repetition"].values % 2 == 0),
        cut(simulated, "day_2", lambda found: found["repetition"].values % 2 == 1, order=mixed),
    ]


def test_sessions_are_presentations_of_one_set_of_sites(simulated, sessions):
    whole = build([simulated]).regions["IT"]
    joined = build(sessions, join="stimuli").regions["IT"]
    for key in ("n_sites", "n_sites_measured", "repetitions_min", "repetitions_max"):
        assert joined.attrs[key] == whole.attrs[key]
    np.testing.assert_array_equal(joined["neuroid_id"].values, whole["neuroid_id"].values)
    np.testing.assert_allclose(joined["responses"].values, whole["responses"].values, atol=1e-5)
    np.testing.assert_allclose(joined["rdm"].values, whole["rdm"].values, atol=1e-5)
    assert joined.attrs["ceiling"] == pytest.approx(whole.attrs["ceiling"], abs=0.01)


def test_pooled_sites_of_the_same_names_are_noted(sessions):
    lines: list[str] = []
    pooled = build(sessions, lines=lines).regions["IT"]
    assert pooled.attrs["n_sites_measured"] == 100
    assert "50 sites have the name and the animal of a site of another data set" in lines[1]
    assert "join: stimuli" in lines[1]


def test_each_session_may_show_other_stimuli(simulated, tmp_path):
    """Stimuli 0 to 39 and 30 to 63: the join has all 64, the 10 shared once."""
    everything = lambda found: np.ones(found.sizes["presentation"], dtype=bool)  # noqa: E731
    early = lambda found: found["repetition"].values < 3  # noqa: E731
    folders = [
        cut(simulated, "early", early, slice(0, 40)),
        cut(simulated, "late", everything, slice(30, 64)),
    ]
    joined = build(folders, join="stimuli").regions["IT"]
    table, assembly = (
        load_stimuli(simulated / "stimuli.csv"),
        load_assembly(simulated / "assembly.nc"),
    )
    assert set(joined["stimulus"].values) == set(table["stimulus_id"])
    assert joined.sizes["stimulus"] == 64
    # the shown pictures are those of the whole data set, whatever folder they lie in
    whole = build([simulated]).regions["IT"]
    place = [list(whole["stimulus"].values).index(name) for name in joined["stimulus"].values]
    np.testing.assert_array_equal(joined["images"].values, whole["images"].values[place])
    sites = assembly["region"].values == "IT"
    frame = assembly.values[:, sites]
    names, repetition = assembly["stimulus_id"].values, assembly["repetition"].values
    rows = []
    for name in joined["stimulus"].values:
        number = list(table["stimulus_id"]).index(name)
        shown = [frame[(names == name) & (repetition < 3)]] if number < 40 else []
        shown += [frame[names == name]] if number >= 30 else []
        rows.append(np.concatenate(shown).mean(axis=0))
    kept = np.isin(assembly["neuroid_id"].values[sites], joined["neuroid_id"].values)
    oracle = pdist(zscore(np.array(rows)[:, kept].astype(float)), "correlation")
    np.testing.assert_allclose(joined["rdm"].values, oracle, atol=1e-4)
    source = Source({folder.name: folder for folder in folders}, join="stimuli")
    teacher = build(folders, join="stimuli")
    larger = resize_stimuli(teacher, {"IT": source}, 20, 8).regions["IT"]["images"]
    assert larger.shape == (64, 20, 20, 3)


def test_partly_other_sites_are_refused_or_left_out(simulated, sessions):
    fewer = cut(
        simulated, "fewer", lambda found: found["repetition"].values < 2, order=range(3, 90)
    )
    with pytest.raises(UserError, match=r"regions.V4.join: stimuli: site .* is not in fewer \(37 "):
        build([sessions[0], fewer], ["V4"], join="stimuli")
    lines: list[str] = []
    found = build([sessions[0], fewer], ["V4"], lines, join="stimuli", unmatched="leave_out")
    assert found.regions["V4"].attrs["n_sites_measured"] == 37
    assert "3 sites that are not in all data sets are left out, 37 are in all" in lines[1]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"match": "electrode"}, "match: the sites of day_1 have no 'electrode'; there are: "),
        ({"match": "region"}, "match: region 'IT' is there more than once in day_1"),
    ],
)
def test_a_label_that_names_no_site_is_refused(sessions, keys, message):
    with pytest.raises(UserError, match=message):
        build(sessions, join="stimuli", **keys)


def test_another_unit_or_width_is_refused(simulated, sessions):
    odd = lambda found: found["repetition"].values % 2 == 1  # noqa: E731
    other = cut(simulated, "other", odd, unit="Hz")
    with pytest.raises(UserError, match="day_1 is in spikes and other in Hz"):
        build([sessions[0], other], join="stimuli")
    wide = cut(simulated, "wide", odd, degrees=12.0)
    with pytest.raises(UserError, match="is 12 degrees wide, in an earlier data set 8"):
        build([sessions[0], wide], join="stimuli")
    build([sessions[0], wide], join="stimuli", degrees=8.0)


def test_widths_that_differ_a_little_are_averaged_aloud(simulated, sessions):
    odd = lambda found: found["repetition"].values % 2 == 1  # noqa: E731
    wider = cut(simulated, "wider", odd, degrees=8.6)
    lines: list[str] = []
    build([sessions[0], wider], lines=lines)
    assert "8 in day_1, 8.6 in wider degrees wide; a candidate sees them once, 8.3" in lines[1]


def test_ceiling_from_another_data_set(simulated, sessions):
    """Each stimulus once, and other presentations of the same sites for the ceiling."""
    once = cut(
        simulated, "once", lambda found: found["repetition"].values == 0, order=range(40, 90)
    )
    later = cut(simulated, "later", lambda found: found["repetition"].values > 0)
    with pytest.raises(UserError, match="region IT has no noise ceiling"):
        build([once])
    found = build([once], ceilings={"later": later}).regions["IT"]
    whole = build([simulated]).regions["IT"]
    assert found.attrs["ceiling_from"].startswith("64 repeated stimuli of later (median ")
    assert found.attrs["ceiling_from"].endswith("for the mean of 1")
    assert "ceiling_from" not in whole.attrs
    assert 0.3 < found.attrs["ceiling"] < whole.attrs["ceiling"]
    with pytest.raises(UserError, match=r"ceiling_from: 0 of few have all 50 sites of once"):
        few = cut(simulated, "few", lambda found: found["repetition"].values > 0, order=range(60))
        build([once], ceilings={"few": few})


def test_a_large_rdm_is_made_from_the_responses(simulated, tmp_path, monkeypatch):
    kept = build([simulated], ["V4", "IT"])
    monkeypatch.setattr(recorded_region, "MOST_STORED", 100)
    made = build([simulated], ["V4", "IT"])
    for path, teacher in (("kept", kept), ("made", made)):
        write_teacher(tmp_path / f"{path}.nc", teacher)
        write_ranks(tmp_path / f"{path}_ranks", load_teacher(tmp_path / f"{path}.nc"))
    loaded = load_teacher(tmp_path / "made.nc")
    for name, region in loaded.regions.items():
        assert "rdm" not in region
        np.testing.assert_allclose(get_rdm(region), kept.regions[name]["rdm"].values, atol=2e-6)
    features = __import__("torch").from_numpy(
        np.random.default_rng(0).normal(size=(64, 50)).astype(np.float32)
    )
    found = [
        build_targets(load_teacher(tmp_path / f"{path}.nc", for_scoring=True), ranks)[0].compare(
            features, "correlation", False
        )
        for path, ranks in (("kept", tmp_path / "kept_ranks"), ("made", tmp_path / "made_ranks"))
    ]
    for name in ("V4", "IT"):
        assert found[1][name] == pytest.approx(found[0][name], abs=1e-4)


def test_two_days_of_an_array(tmp_path):
    """96 sites, 6 repetitions a day: 96 sites with 12, and the RDM of all presentations."""
    random = np.random.default_rng(0)
    rates = random.gamma(2, 2, (20, 96))
    days = [random.poisson(rates[:, None], (20, 6, 96)).astype(np.float32) for _ in range(2)]
    with zipfile.ZipFile(tmp_path / "i.zip", "w") as archive:
        for number in range(20):
            file = io.BytesIO()
            pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(file, "PNG")
            archive.writestr(f"picture_{number:02d}.png", file.getvalue())
    folders = []
    for day, counts in enumerate(days, start=1):
        np.save(tmp_path / "r.npy", counts)
        options = {
            "responses": {"axes": ["stimulus", "repetition", "neuroid"]},
            "unit": "spikes",
            "counts": True,
            "degrees": 8,
            "neuroids": {"region": "IT", "animal": "m", "neuroid_id": {"pattern": "site_%03d"}},
        }
        description = describe("arrays").model_copy(update={"options": options})
        files = {name: tmp_path / name for name in ("r.npy", "i.zip")}
        folders.append(tmp_path / f"day_{day}")
        ingest_recordings(description, files, folders[-1])
    region = build(folders, join="stimuli").regions["IT"]
    assert region.attrs["n_sites_measured"] == 96
    assert region.attrs["repetitions_min"] == region.attrs["repetitions_max"] == 12
    kept = [int(name[-3:]) for name in region["neuroid_id"].values.astype(str)]
    mean = np.concatenate(days, axis=1).mean(axis=1)[:, kept].astype(float)
    oracle = pdist(zscore(mean), "correlation")
    np.testing.assert_allclose(region["rdm"].values, oracle, atol=1e-5)
