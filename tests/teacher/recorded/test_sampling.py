"""A sample of recordings, against numpy and scipy alone, and what cannot be sampled."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr, zscore

from tgas_neuro.config.recordings import RegionSource, SiteSample
from tgas_neuro.config.section import dump_decisive
from tgas_neuro.recordings.assembly import SITE_RELIABILITY, build_assembly
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.build import build_teacher
from tgas_neuro.teacher.options import Source, TeacherOptions, read_sources
from tgas_neuro.teacher.recorded.recordings import load_measured
from tgas_neuro.teacher.recorded.sampling import draw_sample
from tgas_neuro.teacher.region import describe_region

OPTIONS = TeacherOptions(
    level="image",
    splits=200,
    uncorrected=("V4",),
    size=16,
    visual_degrees=8,
    min_site_reliability=-1,
    normalise="zscore",
    threads=1,
    seed=0,
)


def build(folder, options=OPTIONS, lines=None, **sample):
    source = Source({"simulated": folder}, sample=SiteSample(**sample) if sample else None)
    report = (lines if lines is not None else []).append
    return build_teacher({"V4": source}, options, {}, report).regions["V4"]


def load(folder):
    """All responses of V4, (presentation, neuroid), with their coordinates."""
    assembly = xr.open_dataset(folder / "assembly.nc")["response"].load()
    return assembly.isel(neuroid=np.flatnonzero(assembly["region"].values == "V4"))


def take(folder, **sample):
    """What was drawn, each value looked up in the file: (stimulus, repetition, neuroid)."""
    source = Source({"simulated": folder}, sample=SiteSample(**sample))
    (part,) = load_measured("V4", source, OPTIONS).parts
    every = load(folder)
    keys = list(zip(every["stimulus_id"].values, every["repetition"].values, strict=True))
    drawn = list(zip(part["stimulus_id"].values, part["repetition"].values, strict=True))
    assert len(set(drawn)) == len(drawn)
    sites = [list(every["neuroid_id"].values).index(name) for name in part["neuroid_id"].values]
    np.testing.assert_array_equal(
        part.values, every.values[[keys.index(one) for one in drawn]][:, sites]
    )
    stimuli = list(pd.read_csv(folder / "stimuli.csv")["stimulus_id"])
    order = np.argsort([stimuli.index(name) for name, _ in drawn], kind="stable")
    return part.values[order].reshape(len(stimuli), -1, len(sites)), set(drawn), sites


def test_rdm_and_reliability_are_numpys(simulated):
    responses, drawn, sites = take(simulated, neuroids=20, repetitions=4, draw=3)
    assert responses.shape == (64, 4, 20) and len(drawn) == 64 * 4 and len(set(sites)) == 20
    region = build(simulated, neuroids=20, repetitions=4, draw=3)
    assert (region.attrs["n_sites"], region.attrs["n_sites_measured"]) == (20, 20)
    assert region.attrs["repetitions_min"] == region.attrs["repetitions_max"] == 4
    expected = pdist(zscore(responses.astype(float).mean(axis=1)), "correlation")
    np.testing.assert_allclose(region["rdm"].values, expected, atol=1e-6)

    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        mixed = rng.permuted(np.tile(np.arange(4), (64, 1)), axis=1)
        shuffled = np.take_along_axis(responses.astype(float), mixed[:, :, None], axis=1)
        halves = [zscore(half.mean(axis=1)) for half in (shuffled[:, :2], shuffled[:, 2:])]
        found.append(spearmanr(*(pdist(half, "correlation") for half in halves)).statistic)
    split_half = np.mean(found)
    error = 4 * np.std(found) / np.sqrt(200) * np.sqrt(2)
    assert region.attrs["split_half"] == pytest.approx(split_half, abs=error)
    reliability = 2 * split_half / (1 + split_half)
    assert region.attrs["reliability"] == pytest.approx(reliability, abs=error)
    # a correction of some hundredths comes on top
    assert region.attrs["ceiling"] == pytest.approx(np.sqrt(reliability), abs=0.08)
    whole = build(simulated)
    assert whole.attrs["split_half"] > split_half + 4 * error
    assert whole.attrs["ceiling"] > region.attrs["ceiling"]


def test_all_of_what_there_is_is_the_whole(simulated):
    whole, again = build(simulated), build(simulated, neuroids=40)
    np.testing.assert_array_equal(whole["rdm"].values, again["rdm"].values)
    assert again.attrs["ceiling"] == whole.attrs["ceiling"]


def test_larger_samples_of_a_draw_hold_the_smaller_ones(simulated):
    _, few, some = take(simulated, neuroids=8, repetitions=2, draw=1)
    _, more, others = take(simulated, neuroids=20, repetitions=5, draw=1)
    assert few < more and set(some) < set(others)
    _, same, _ = take(simulated, neuroids=30, repetitions=2, draw=1)
    assert same == few  # whatever the number of sites
    _, other, elsewhere = take(simulated, neuroids=8, repetitions=2, draw=2)
    assert other != few and set(elsewhere) != set(some)


def test_sites_are_drawn_before_unreliable_ones_are_left_out(simulated):
    options = replace(OPTIONS, min_site_reliability=0.6)
    region = build(simulated, options, neuroids=30, repetitions=2)
    assert region.attrs["n_sites_measured"] == 30
    assert 2 <= region.attrs["n_sites"] == region.sizes["neuroid"] < 30
    assert (region["site_reliability"].values >= 0.6).all()


def test_one_repetition_has_no_ceiling(simulated):
    options = replace(OPTIONS, uncorrected=())
    message = r"teacher.uncorrected: region V4 has no noise ceiling: .* no repetitions"
    with pytest.raises(UserError, match=message):
        build(simulated, options, neuroids=20, repetitions=1)
    lines = []
    region = build(simulated, lines=lines, neuroids=20, repetitions=1, draw=4)
    assert np.isnan(
        [region.attrs[key] for key in ("ceiling", "ceiling_half_0", "split_half")]
    ).all()
    assert (region.attrs["corrected_for_noise"], region.attrs["n_sites"]) == (0, 20)
    assert "sample of 20 sites, 1 presentations a stimulus, draw 4" in lines[0]
    assert describe_region("V4", region).endswith("used without a ceiling")


def make_part(counts, n_sites, name="x"):
    """An assembly in which every value is another; stimulus s<i> has so many presentations."""
    stimuli = np.repeat([f"s{number}" for number in range(len(counts))], counts)
    repetition = np.concatenate([np.arange(count) for count in counts])
    return build_assembly(
        np.arange(len(stimuli) * n_sites).reshape(-1, n_sites),
        {"stimulus_id": stimuli, "repetition": repetition},
        {
            "neuroid_id": [f"{name}{number}" for number in range(n_sites)],
            "region": ["V4"] * n_sites,
            "animal": ["a"] * n_sites,
        },
    )


def draw(parts, repeated=(), **sample):
    source = Source({"mine": "mine"}, sample=SiteSample(**sample))
    return draw_sample(tuple(parts), tuple(repeated), "V4", source)


def test_sites_of_pooled_data_sets_are_drawn_from_all():
    parts = [make_part([3, 2], 4, "x"), make_part([2, 2], 5, "y")]
    numbers = set()
    for number in range(40):
        drawn, _ = draw(parts, neuroids=3, repetitions=2, draw=number)
        names = [name for part in drawn for name in part["neuroid_id"].values]
        assert len(set(names)) == 3 and all(part.sizes["neuroid"] for part in drawn)
        assert all(part.sizes["presentation"] == 4 for part in drawn)
        numbers |= set(names)
    assert numbers == {f"x{number}" for number in range(4)} | {f"y{number}" for number in range(5)}


def test_repeated_stimuli_for_the_ceiling_are_of_the_same_sites():
    parts, repeated = [make_part([1] * 4, 6)], [make_part([9, 9], 6)]
    (part,), (again,) = draw(parts, repeated, neuroids=3)
    assert list(part["neuroid_id"].values) == list(again["neuroid_id"].values)
    assert part.sizes["presentation"] == 4 and again.sizes["presentation"] == 18


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        ({"neuroids": 7}, "sample.neuroids: 7, but region V4 of mine has 6 sites; take fewer"),
        (
            {"repetitions": 3},
            "sample.repetitions: 3, but stimulus 's1' of mine has 2 presentations",
        ),
    ],
)
def test_more_than_there_is_is_refused(sample, message):
    with pytest.raises(UserError, match=message) as caught:
        draw([make_part([3, 2, 4], 6)], **sample)
    assert str(caught.value).startswith("recordings.regions.V4.sample.")
    assert "\n" not in str(caught.value) and "null for all" in str(caught.value)


def test_repetitions_are_those_of_the_ceiling():
    with pytest.raises(UserError, match="comes from other, repeated stimuli; remove the key"):
        draw([make_part([1] * 4, 6)], [make_part([9, 9], 6)], repetitions=1)
    stated = make_part([2, 2], 3).assign_coords({SITE_RELIABILITY: ("neuroid", [0.5] * 3)})
    with pytest.raises(UserError, match="was published for all presentations; remove the key"):
        draw([stated], repetitions=1)
    assert draw([stated], neuroids=2)[0][0].sizes["neuroid"] == 2


def test_of_a_published_rdm_nothing_can_be_drawn(published):
    source = Source({"published": published}, sample=SiteSample(neuroids=5))
    message = r"recordings.regions.IT.sample: of published .* nothing can be drawn; remove the key"
    with pytest.raises(UserError, match=message):
        build_teacher({"IT": source}, OPTIONS, {}, print)


def test_without_a_sample_digests_are_what_they_were():
    assert set(dump_decisive(RegionSource(datasets=["a"]))) == {"datasets", "select"}
    sampled = RegionSource(datasets=["a"], sample={"neuroids": 3})
    dumped = dump_decisive(sampled)
    assert dumped["sample"] == {"neuroids": 3, "repetitions": None, "draw": 0}
    source = read_sources({"regions": {"V4": dumped}}, {"V4": ["a"]})["V4"]
    assert source.sample == sampled.sample
