"""Labels and images of arrays: tables, columns, patterns, constants, archives, folders, pixels."""

import io

import numpy as np
import pytest
from PIL import Image

NAMES = ("picture_1.png", "picture_2.png", "picture_3.png")


class TestLabels:
    """Tables, columns, patterns, constants and arrays."""

    def test_csv_tables(self, read):
        recordings = read(
            saved={
                "s.csv": "filename,stimulus_id,category_name,size\n"
                "picture_3.png,007,Tiere,1\npicture_1.png,8,Häuser,2\npicture_2.png,x,,3\n",
                "n.csv": "site,area,animal\n1,V4,a\n2,IT,b\n",
            },
            stimuli={"table": "s.csv"},
            neuroids={
                "region": {"column": "area", "file": "n.csv"},
                "animal": {"column": "animal", "file": "n.csv"},
                "neuroid_id": {"column": "site", "file": "n.csv"},
            },
        )
        table, assembly = recordings.stimuli, recordings.assembly
        assert list(table["stimulus_id"]) == ["007", "8", "x"]
        assert list(table["filename"]) == ["picture_3.png", "picture_1.png", "picture_2.png"]
        assert list(table["size"]) == [1, 2, 3]
        assert list(assembly["category_name"].values[::2]) == ["Tiere", "Häuser", ""]
        assert list(assembly["region"].values) == ["V4", "IT"]
        assert list(assembly["neuroid_id"].values) == ["1", "2"]

    def test_degrees_of_each_stimulus(self, read):
        saved = {"d.npy": np.array([2.0, 3.0, 4.0])}
        table = read(saved=saved, stimuli={"degrees": {"file": "d.npy"}}).stimuli
        assert list(table["degrees"]) == [2, 3, 4]

    def test_unicode_names(self, read, tmp_path, write_images):
        names = ["äpfel.png", "猫.png", "ключ.png"]
        write_images(tmp_path / "i.zip", names)
        table = read().stimuli
        assert list(table["filename"]) == sorted(names)
        assert list(table["stimulus_id"]) == [name[:-4] for name in sorted(names)]


class TestImages:
    """Archive, folder, or array of pixels."""

    def test_a_folder(self, read, tmp_path, encode):
        (tmp_path / "i.zip").unlink()
        (tmp_path / "pictures" / "inner").mkdir(parents=True)
        for value, name in enumerate(NAMES):
            (tmp_path / "pictures" / "inner" / name).write_bytes(encode(value))
        (tmp_path / "pictures" / "README.txt").write_text("not an image")
        recordings = read()
        assert dict(recordings.images) == {name: encode(value) for value, name in enumerate(NAMES)}

    @pytest.mark.parametrize("shape", [(3, 5, 4), (3, 5, 4, 3), (3, 5, 4, 4)])
    def test_pixels(self, read, shape):
        pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        recordings = read(saved={"x.npy": pixels}, images={"file": "x.npy"})
        assert list(recordings.stimuli["filename"]) == [f"image_{k:04d}.png" for k in (1, 2, 3)]
        for expected, (name, content) in zip(pixels, recordings.images, strict=True):
            with Image.open(io.BytesIO(content)) as image:
                np.testing.assert_array_equal(np.asarray(image), expected, err_msg=name)
