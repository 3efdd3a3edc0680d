"""What `docs/your_own_recordings.md` says to write for images that can be shown in several ways."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from pydantic import TypeAdapter
from support.recordings import describe

from tgas_neuro.recordings.ingest import ingest_recordings
from tgas_neuro.recordings.readers.options import OPTIONS
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.runtime.errors import UserError

PAGE = Path(__file__).parents[4] / "docs" / "your_own_recordings.md"
RAMP = np.arange(16, dtype=np.uint8).reshape(4, 4) * 17  # 0 to 255
SHIFTED = [np.roll(RAMP, shift) for shift in range(3)]


def list_options(start: str) -> list[dict]:
    """The options that the row of the page whose first cell begins so says to write."""
    (row,) = re.findall(rf"^\| {re.escape(start)}[^\n]*", PAGE.read_text(), re.M)
    return [yaml.safe_load(text) for text in re.findall(r"`(\{.*?\})`(?=[ :,;|]|$)", row)]


def encode(pixels: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    kind = "TIFF" if pixels.dtype == np.float32 else "PNG"
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def cut_out(pixels: np.ndarray) -> np.ndarray:
    return np.stack([np.full_like(pixels, 255), pixels], axis=-1)


def animate(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    grey = Image.fromarray(np.full_like(pixels, 128))
    Image.fromarray(pixels).save(file, "TIFF", save_all=True, append_images=[grey])
    return file.getvalue()


@pytest.fixture
def show(tmp_path):
    """The pictures that are stored of files with these contents, read with these options."""
    np.save(tmp_path / "r.npy", np.random.default_rng(0).normal(size=(3, 2, 4)))

    def run(contents, options):
        with zipfile.ZipFile(tmp_path / "i.zip", "w") as archive:
            for number, content in enumerate(contents):
                archive.writestr(f"picture_{number}.tif", content)
        options = {
            "responses": {"axes": ["stimulus", "repetition", "neuroid"]},
            "unit": "Hz",
            "degrees": 8,
            "neuroids": {"region": "IT", "animal": "m"},
            **options,
        }
        description = describe("arrays").model_copy(update={"options": options})
        files = {name: tmp_path / name for name in ("r.npy", "i.zip")}
        ingest_recordings(description, files, tmp_path / "out")
        names = load_stimuli(tmp_path / "out" / "stimuli.csv")["filename"]
        shown = []
        for name in names:
            with Image.open(tmp_path / "out" / "stimuli" / name) as image:
                shown.append(np.asarray(image.convert("RGB"))[..., 0])
        return shown

    return run


def test_16_bits(show):
    plain, fewer = list_options("images of 16 bits")
    for found, ramp in zip(
        show([encode(r.astype(np.uint16) * 257) for r in SHIFTED], plain), SHIFTED, strict=True
    ):
        np.testing.assert_array_equal(found, ramp)
    contents = [encode((r / 255 * 4095).round().astype(np.uint16)) for r in SHIFTED]
    for found, ramp in zip(show(contents, fewer), SHIFTED, strict=True):
        np.testing.assert_array_equal(found, ramp)


@pytest.mark.parametrize("kind", ["float", "mask"])
def test_a_range(show, kind):
    (options,) = list_options("images of floating-point numbers, masks")
    masks = [(ramp > 100).astype(np.uint8) for ramp in SHIFTED]
    values = masks if kind == "mask" else [np.float32(ramp / 255) for ramp in SHIFTED]
    expected = [mask * 255 for mask in masks] if kind == "mask" else SHIFTED
    contents = [encode(pixels) for pixels in values]
    with pytest.raises(UserError, match=r"set options\.images\.range: "):
        show(contents, {})
    np.testing.assert_array_equal(show(contents, options), expected)


def test_transparency(show):
    (options,) = list_options("images with transparent pixels")
    contents = [encode(cut_out(ramp)) for ramp in SHIFTED]
    with pytest.raises(UserError, match=r"set options\.images\.alpha: "):
        show(contents, {})
    for found, ramp in zip(show(contents, options), SHIFTED, strict=True):
        assert np.abs(found - (ramp + (255.0 - ramp) * 128 / 255)).max() <= 1


def test_frames(show):
    (options,) = list_options("animated images")
    contents = [animate(ramp) for ramp in SHIFTED]
    with pytest.raises(UserError, match=r"has 2 frames; set options\.images\.frame: "):
        show(contents, {})
    np.testing.assert_array_equal(show(contents, options), SHIFTED)


@pytest.mark.parametrize("reader", ["netcdf", "brainio", "brainscore", "nwb"])
def test_other_readers_have_the_keys(reader):
    (options,) = list_options("such images with another reader")
    field = TypeAdapter(OPTIONS[reader].model_fields["pictures"].annotation)
    assert field.validate_python(options["pictures"]).range == [0, 1]
