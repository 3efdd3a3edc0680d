"""A made data set of three stimuli and two sites, read with the options of a test."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.recordings import read_recordings

RATES = np.random.default_rng(0).normal(size=(3, 2, 2)).astype(np.float32)
NAMES = ("picture_1.png", "picture_2.png", "picture_3.png")


@pytest.fixture
def rates() -> np.ndarray:
    """(stimulus, repetition, neuroid)."""
    return RATES.copy()


def encode_image(value: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (4, 4), value).save(file, format="PNG")
    return file.getvalue()


def write_zip(path: Path, names=NAMES) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for value, name in enumerate(names):
            archive.writestr(name, encode_image(value))
    return path


@pytest.fixture
def encode():
    """Bytes of a grey image of a value."""
    return encode_image


@pytest.fixture
def write_images():
    """Write a .zip of images with these names."""
    return write_zip


@pytest.fixture
def read(tmp_path):
    """Read `values` (saved as r.npy); `saved` holds further arrays, texts or bytes by file name."""
    write_zip(tmp_path / "i.zip")

    def read_values(
        values=RATES, axes=("stimulus", "repetition", "neuroid"), saved=None, **options
    ):
        for name, content in ({"r.npy": values} | (saved or {})).items():
            if isinstance(content, np.ndarray):
                np.save(tmp_path / name, content)
            elif content is not None:
                (tmp_path / name).write_bytes(
                    content if isinstance(content, bytes) else content.encode()
                )
        given = {
            "responses": {"axes": list(axes), "file": "r.npy"},
            "unit": "Hz",
            "degrees": 5,
            "neuroids": {"region": "IT", "animal": "m"},
        } | options
        options = {key: value for key, value in given.items() if value is not None}
        files = {path.name: path for path in sorted(tmp_path.iterdir())}
        return read_recordings("arrays", options, files)

    return read_values
