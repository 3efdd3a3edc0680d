"""Pooled data sets against the data set from which they were cut, and against scipy."""

import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr, zscore

from tgas_neuro.config.teacher import ControlOptions
from tgas_neuro.rdm import calc_crossnobis, calc_noise_ceiling
from tgas_neuro.recordings.assembly import load_assembly, write_assembly
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.recorded.selection import pool_assemblies, share_stimuli


def cut(folder, name, sites=None, stimuli=None, rename=str, keep=None):
    """Write a data set beside `folder` with some of its sites, stimuli and repetitions."""
    assembly, table = load_assembly(folder / "assembly.nc"), load_stimuli(folder / "stimuli.csv")
    other = folder.with_name(name)
    shutil.rmtree(other, ignore_errors=True)
    if sites is not None:
        assembly = assembly.isel(neuroid=sites)
    if stimuli is not None:
        table = table.iloc[stimuli].reset_index(drop=True)
    shown = assembly["stimulus_id"].isin(list(table["stimulus_id"])).values
    shown &= np.ones(len(shown), dtype=bool) if keep is None else keep(assembly)
    assembly = assembly.isel(presentation=np.flatnonzero(shown))
    names = [rename(name) for name in assembly["stimulus_id"].values]
    assembly = assembly.assign_coords(stimulus_id=("presentation", names))
    table["stimulus_id"] = table["stimulus_id"].map(rename)
    shutil.copytree(folder / "stimuli", other / "stimuli")
    table.to_csv(other / "stimuli.csv", index=False)
    write_assembly(other / "assembly.nc", assembly.assign_attrs(dataset=name))
    return other


def is_of(region, animal=None):
    def keep(assembly):
        found = assembly["region"].values == region
        return np.flatnonzero(found & (animal is None or assembly["animal"].values == animal))

    return keep


@pytest.fixture(scope="module")
def pair(simulated):
    """IT of one animal, and of the other with its stimuli renamed and in another order."""
    assembly = load_assembly(simulated / "assembly.nc")
    number = np.random.default_rng(0).permutation(64)
    one = cut(simulated, "one", is_of("IT", "simulated_1")(assembly))
    two = cut(
        simulated,
        "two",
        is_of("IT", "simulated_2")(assembly),
        number,
        rename=lambda name: f"x{name}",
    )
    return {"one": one, "two": two}


def test_two_halves_make_the_whole(simulated, pair, build):
    """The sites of one data set, cut into two with other names, give its RDM and responses."""
    whole = build(simulated, ["IT"]).regions["IT"]
    pooled = build(pair, ["IT"]).regions["IT"]
    assert set(pooled["neuroid_id"].values) == set(whole["neuroid_id"].values)
    np.testing.assert_array_equal(pooled["stimulus"].values, whole["stimulus"].values)
    np.testing.assert_array_equal(pooled["half"].values, whole["half"].values)
    np.testing.assert_allclose(pooled["rdm"].values, whole["rdm"].values, atol=1e-6)
    place = [list(whole["neuroid_id"].values).index(site) for site in pooled["neuroid_id"].values]
    np.testing.assert_allclose(
        pooled["responses"].values, whole["responses"].values[:, place], atol=1e-6
    )
    # one draws its splits once for all sites, the other for each data set
    assert pooled.attrs["ceiling"] == pytest.approx(whole.attrs["ceiling"], abs=0.01)
    for key in ("animal_lower", "animal_upper", "n_animals", "n_sites", "n_sites_measured"):
        assert pooled.attrs[key] == pytest.approx(whole.attrs[key])
    assert pooled.attrs["dataset"] == "one, two"
    assert pooled.attrs["description"] == "simulated"
    assert list(pooled["site_dataset"].values) == [
        {"simulated_1": "one", "simulated_2": "two"}[animal] for animal in pooled["animal"].values
    ]


def test_shared_stimuli_are_told_by_their_images(simulated, build):
    """Two data sets overlap in 40 images, which the second names and orders otherwise."""
    generator = np.random.default_rng(1)
    one = cut(simulated, "some", stimuli=generator.permutation(52))
    two = cut(
        simulated, "others", stimuli=12 + generator.permutation(52), rename=lambda name: name[::-1]
    )
    region = build({"some": one, "others": two}, ["IT"]).regions["IT"]
    listed = load_stimuli(one / "stimuli.csv")
    second = set(load_stimuli(two / "stimuli.csv")["sha256"])
    shared = listed["stimulus_id"][listed["sha256"].isin(second)]
    assert list(region["stimulus"].values) == list(shared)
    assert len(shared) == 40
    # every site is there twice, under the name of its data set
    ids = region["neuroid_id"].values
    assert len(set(ids)) == len(ids) > 50
    assert {name.split(":")[0] for name in ids} == {"some", "others"}
    assembly = load_assembly(simulated / "assembly.nc")
    means = assembly.astype(float).groupby("stimulus_id").mean("presentation")
    means = means.sel(stimulus_id=list(shared))
    columns = [list(means["neuroid_id"].values).index(name.split(":")[1]) for name in ids]
    expected = pdist(zscore(means.values[:, columns], axis=0), "correlation")
    np.testing.assert_allclose(region["rdm"].values, expected, atol=1e-5)


def test_repetitions_differ_and_none_is_lost(simulated, build):
    """One data set has all repetitions, the other two: means are over each one's own."""
    assembly = load_assembly(simulated / "assembly.nc")
    sites = is_of("IT")(assembly)
    many = cut(simulated, "many", sites[:25])
    few = cut(simulated, "few", sites[25:], keep=lambda found: found["repetition"].values < 2)
    region = build({"many": many, "few": few}, ["IT"], min_site_reliability=-1).regions["IT"]
    counts = np.unique(assembly["stimulus_id"].values, return_counts=True)[1]
    assert region.attrs["repetitions_min"] == 2
    assert region.attrs["repetitions_max"] == counts.max()
    assert region.attrs["repetitions_median"] == np.median([*counts, *[2] * 64])
    short = assembly.isel(presentation=np.flatnonzero(assembly["repetition"].values < 2))
    means = [
        found.isel(neuroid=chosen).astype(float).groupby("stimulus_id").mean("presentation")
        for found, chosen in ((assembly, sites[:25]), (short, sites[25:]))
    ]
    both = np.hstack([found.sel(stimulus_id=region["stimulus"].values).values for found in means])
    np.testing.assert_allclose(region["responses"].values, zscore(both, axis=0), atol=1e-4)


def test_crossnobis_is_the_mean_over_sites(simulated, pair, build):
    """Blocks of noise covariance: distances add up over data sets."""
    region = build(
        pair, ["IT"], distance="crossnobis", uncorrected=("IT",), normalise="none"
    ).regions["IT"]
    ids = region["stimulus"].values
    assembly = load_assembly(simulated / "assembly.nc")
    kept = assembly.isel(
        neuroid=np.flatnonzero(np.isin(assembly["neuroid_id"].values, region["neuroid_id"].values))
    )
    parts = [found for _, found in kept.groupby("animal")]
    assert len(parts) == 2
    expected = sum(part.sizes["neuroid"] * calc_crossnobis(part, ids) for part in parts)
    np.testing.assert_allclose(
        region["rdm"].values, expected / kept.sizes["neuroid"], rtol=1e-4, atol=1e-5
    )


def test_a_candidate_is_compared_with_pooled_and_plain_regions_at_once(simulated, pair, build):
    """A region of one data set and a pooled one on the same stimuli share halves and images."""
    plain, pooled = build(simulated, ["V4"]).regions["V4"], build(pair, ["IT"]).regions["IT"]
    for name in ("half", "row", "images"):
        np.testing.assert_array_equal(plain[name].values, pooled[name].values)


class TestCeiling:
    def simulate(self, make_assembly, generator, repetitions, n_sites):
        """Assemblies of Poisson counts of the same stimuli, and all rates."""
        hidden = generator.normal(size=(100, 6)) @ generator.normal(size=(6, sum(n_sites)))
        rates = 0.7 * np.exp(0.8 * hidden / np.sqrt(6))
        parts = [
            make_assembly(part, np.full(100, count), generator)
            for part, count in zip(
                np.split(rates, np.cumsum(n_sites)[:-1], axis=1), repetitions, strict=True
            )
        ]
        return parts, rates

    def test_is_what_the_truth_reaches(self, make_assembly):
        """Two data sets with 4 and 10 repetitions: the noise-free RDM against the pooled one."""
        found, true = [], []
        for seed in range(4):
            generator = np.random.default_rng(seed)
            parts, rates = self.simulate(make_assembly, generator, (4, 10), (40, 30))
            means = np.hstack(
                [part.groupby("stimulus_id").mean("presentation").values for part in parts]
            )
            rdms = [pdist(zscore(values, axis=0), "correlation") for values in (rates, means)]
            true.append(spearmanr(*rdms)[0])
            found.append(calc_noise_ceiling(parts, 20, generator).ceiling)
        assert np.mean(found) == pytest.approx(np.mean(true), abs=0.03)
        assert 0.5 < np.mean(true) < 0.95

    def test_one_of_a_list_is_one(self, make_assembly):
        generator = np.random.default_rng(5)
        (part,), _ = self.simulate(make_assembly, generator, (6,), (30,))
        one, listed = (
            calc_noise_ceiling(given, 5, np.random.default_rng(0)) for given in (part, [part])
        )
        np.testing.assert_array_equal(one.split_correlations, listed.split_correlations)

    def test_needs_repetitions_in_all(self, make_assembly):
        generator = np.random.default_rng(6)
        parts, _ = self.simulate(make_assembly, generator, (6, 1), (20, 20))
        ceiling = calc_noise_ceiling(parts, 5, generator)
        assert ceiling.n_rows == 0
        assert ceiling.ceiling is None


def test_controls_of_pooled_regions(simulated, pair, build):
    """Matched: the covariance of all sites; pixels: the shared stimuli, nothing else."""
    control = {"kind": "control"}
    recorded = build(pair, ["IT"], normalise="none").regions["IT"]
    matched = build(
        pair, ["IT"], normalise="none", control=ControlOptions(type="matched"), **control
    ).regions["IT"]
    covariance, expected = (np.cov(found["responses"].values.T) for found in (matched, recorded))
    np.testing.assert_allclose(covariance, expected, atol=1e-3 * np.abs(expected).max())
    assert not np.allclose(matched["responses"].values, recorded["responses"].values, atol=0.1)
    pixels = [
        build(folder, ["IT"], control=ControlOptions(type="pixels"), **control).regions["IT"]
        for folder in (pair, simulated)
    ]
    np.testing.assert_array_equal(pixels[0]["rdm"].values, pixels[1]["rdm"].values)


@pytest.mark.parametrize("label", ["animal", "array"])
def test_select_sites_of_each(simulated, pair, build, label, tmp_path):
    folders = pair
    if label == "array":
        folders = {}
        for name, folder in pair.items():
            folders[name] = shutil.copytree(folder, tmp_path / name)
            assembly = load_assembly(folder / "assembly.nc")
            arrays = np.where(np.arange(assembly.sizes["neuroid"]) % 2 == 0, f"{name}_M", "P")
            write_assembly(
                folders[name] / "assembly.nc", assembly.assign_coords(array=("neuroid", arrays))
            )
        select = {"array": ["one_M", "two_M"]}
    else:
        select = {"animal": ["simulated_1", "simulated_2"]}
    region = build(folders, ["IT"], select, min_site_reliability=-1).regions["IT"]
    whole = build(pair, ["IT"], min_site_reliability=-1).regions["IT"]
    expected = whole.attrs["n_sites"]
    if label == "array":
        expected = sum(
            (load_assembly(folder / "assembly.nc").sizes["neuroid"] + 1) // 2
            for folder in pair.values()
        )
    assert region.attrs["n_sites"] == expected


def test_variation_of_one_data_set_chooses_among_those_that_share(simulated, pair, build, tmp_path):
    """The other data set has no levels: the images are the same, and so are their levels."""
    folders = {name: shutil.copytree(folder, tmp_path / name) for name, folder in pair.items()}
    table = load_stimuli(folders["one"] / "stimuli.csv")
    table["variation"] = np.where(np.arange(64) < 20, 3, 0)
    table.to_csv(folders["one"] / "stimuli.csv", index=False)
    other = load_stimuli(folders["two"] / "stimuli.csv").drop(columns="variation")
    other.to_csv(folders["two"] / "stimuli.csv", index=False)
    assembly = load_assembly(folders["two"] / "assembly.nc").drop_vars("variation")
    write_assembly(folders["two"] / "assembly.nc", assembly)
    region = build(folders, ["IT"], {"variation": [3]}).regions["IT"]
    assert list(region["stimulus"].values) == list(table["stimulus_id"][:20])
    with pytest.raises(UserError, match=r"select.variation: '5' is not in one; there are: 0, 3"):
        build(folders, ["IT"], {"variation": [3, 5]})


class TestMistakes:
    def change(self, pair, tmp_path, **columns):
        """Copies of the two data sets; the stimulus table of the second is changed."""
        folders = {name: shutil.copytree(folder, tmp_path / name) for name, folder in pair.items()}
        table = load_stimuli(folders["two"] / "stimuli.csv")
        for column, change in columns.items():
            table[column] = change(table[column])
        table.to_csv(folders["two"] / "stimuli.csv", index=False)
        return folders

    def test_no_image_in_common(self, pair, build, tmp_path):
        folders = self.change(pair, tmp_path, sha256=lambda found: found.str[::-1])
        for path in (folders["two"] / "stimuli").iterdir():
            with Image.open(path) as image:
                other = image.convert("RGB").transpose(Image.Transpose.ROTATE_180)
            other.save(path)
        with pytest.raises(UserError, match=r"IT.datasets: no image is in all.*one 64, two 64"):
            build(folders, ["IT"])

    def test_other_widths(self, pair, build, tmp_path):
        folders = self.change(pair, tmp_path, degrees=lambda found: found / 2)
        with pytest.raises(UserError, match=r"is 8 degrees wide in one and 4 in two \(64 such"):
            build(folders, ["IT"])

    def test_the_same_image_twice(self, pair, build, tmp_path):
        folders = self.change(
            pair, tmp_path, sha256=lambda found: found.where(found.index != 3, found[5])
        )
        with pytest.raises(UserError, match=r"stimuli 'x.*' and 'x.*' of two are the same image"):
            build(folders, ["IT"])

    def test_nothing_left_of_one(self, pair, build):
        with pytest.raises(UserError, match=r"\['simulated_1'\] leaves nothing of two, which has"):
            build(pair, ["IT"], {"animal": ["simulated_1"]})

    def test_a_region_that_one_lacks(self, pair, build):
        with pytest.raises(UserError, match=r"regions.it: region 'it' is not in one.*are: IT"):
            build(pair, ["it"])

    def test_units_side_by_side(self, pair, build, tmp_path):
        folders = self.change(pair, tmp_path)
        assembly = load_assembly(folders["two"] / "assembly.nc").assign_attrs(unit="Hz")
        write_assembly(folders["two"] / "assembly.nc", assembly)
        assert build(folders, ["IT"]).regions["IT"].attrs["n_sites"] > 20
        with pytest.raises(UserError, match=r"normalise: 'none', .*units \(one: .*, two: Hz\)"):
            build(folders, ["IT"], normalise="none")

    def test_a_published_rdm(self, pair, published, build):
        folders = pair | {"published": published}
        with pytest.raises(UserError, match=r"IT.datasets: of published \(region IT\) only an RDM"):
            build(folders, ["IT"])


def test_three_data_sets_by_hand():
    """Images a..e: the three share c and b, in the order of the first."""
    listed = {"one": "ecba", "two": "bdc", "three": "xcb"}
    tables = {
        name: pd.DataFrame(
            {
                "stimulus_id": [f"{name}_{image}" for image in images],
                "sha256": list(images),
                "degrees": 8.0,
            }
        )
        for name, images in listed.items()
    }
    shared = share_stimuli(tables, "IT")
    assert {name: "".join(table["sha256"]) for name, table in shared.items()} == dict.fromkeys(
        listed, "cb"
    )
    assert list(shared["two"]["stimulus_id"]) == ["two_c", "two_b"]
    assemblies = {
        name: xr.DataArray(
            np.arange(len(images) * 2.0).reshape(-1, 2),
            dims=("presentation", "neuroid"),
            coords={
                "stimulus_id": ("presentation", list(tables[name]["stimulus_id"])),
                "neuroid_id": ("neuroid", [f"{name[0]}1", f"{name[0]}2"]),
            },
        )
        for name, images in listed.items()
    }
    pooled = pool_assemblies(assemblies, shared)
    assert [list(part["stimulus_id"].values) for part in pooled] == [
        ["one_c", "one_b"],
        ["one_b", "one_c"],
        ["one_c", "one_b"],
    ]
    np.testing.assert_array_equal(pooled[1].values, [[0, 1], [4, 5]])
    # "two" and "three" both have t1 and t2
    assert [part["neuroid_id"].values[0] for part in pooled] == ["one:o1", "two:t1", "three:t1"]
