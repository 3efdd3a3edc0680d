import io
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from support.recordings import read_recordings

from tgas_neuro.recordings.assembly import validate_assembly
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.simulation.stimuli import simulate_stimuli

DESCRIPTION = Path(__file__).parents[3] / "neural_data" / "simulated.yaml"
TOY = {
    "seed": 5,
    "image_size": 24,
    "images_per_object": {"V0": 1, "V3": 1},
    "repetitions": [2, 4],
    "sites": {"V4": 6, "IT": 8},
}


def read(options):
    return read_recordings("simulated", options, {}, "simulated")


@pytest.fixture(scope="module")
def toy():
    return read(TOY)


def test_recordings_keep_the_contract(toy):
    assembly = toy.assembly.assign_attrs(
        license="MIT", citation="none", stimuli_digest="0", tgas_neuro_version="0"
    )
    validate_assembly(assembly, "simulated", toy.stimuli)
    assert assembly.sizes["neuroid"] == 14
    assert toy.rdms is None
    assert toy.noise_free.shape == (128, 14)


def test_images_are_the_pictures_of_the_table():
    recordings = read(TOY)
    images, table = simulate_stimuli(5, {"V0": 1, "V3": 1}, 24)
    assert recordings.stimuli.equals(table)
    pairs = dict(recordings.images)
    assert list(pairs) == table["filename"].tolist()
    for filename, image in zip(table["filename"], images, strict=True):
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(pairs[filename]))), image)


def test_same_seed_same_bytes_other_seed_others(toy):
    again = read(TOY)
    assert again.assembly.identical(toy.assembly)
    first = next(iter(again.images))
    assert first == next(iter(read(TOY).images))
    other = read(TOY | {"seed": 6})
    assert first != next(iter(other.images))
    assert other.assembly.attrs["source"] == "simulated, seed 6"
    assert not np.allclose(other.noise_free.values, toy.noise_free.values)


def test_the_shipped_description_is_read_by_this_reader():
    description = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    assert description["name"] == description["reader"] == "simulated"
    assert "imulated" in description["title"] and description["files"] == []
    small = {"images_per_object": {"V0": 1}, "image_size": 16}
    recordings = read(description["options"] | small)
    regions = recordings.assembly["region"].values
    assert {region: int(np.sum(regions == region)) for region in ("V4", "IT")} == {
        "V4": 128,
        "IT": 168,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sead": 1}, r"simulated.yaml: options: unknown key 'sead', did you mean 'seed'"),
        ({"seed": "one"}, r"options.seed: expected a whole number, got 'one'"),
        ({"image_size": 4}, r"options.image_size: 4 is too small; the least allowed is 16"),
        ({"repetitions": 3}, r"options.repetitions: expected a list, got 3"),
        ({"sites": {"V2": 3}}, r"options.sites.V2: 'V2' is not one of: V4, IT"),
        ({"sites": 7}, r"options.sites: expected keys with values, got 7"),
        (
            {"images_per_object": [1, 2]},
            r"options.images_per_object: expected keys with values, got \[1, 2\]",
        ),
    ],
)
def test_mistakes_in_the_options_are_named(change, message):
    with pytest.raises(UserError, match=message):
        read(TOY | change)


def test_a_missing_option_is_named():
    options = {key: value for key, value in TOY.items() if key != "sites"}
    with pytest.raises(UserError, match=r"options: key 'sites' is missing; add it"):
        read(options)
