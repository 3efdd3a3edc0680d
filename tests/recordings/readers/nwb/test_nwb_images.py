"""Stimuli of NWB files: in an archive beside, and in containers inside."""

import io

import numpy as np
import pytest
from PIL import Image

from tgas_neuro.runtime.errors import UserError

pynwb = pytest.importorskip("pynwb")


class TestImages:
    """In an archive, and in the file."""

    @pytest.fixture
    def check(self, session):
        def compare(recordings):
            assert len(recordings.stimuli) == 4
            images = dict(recordings.images)
            for number, name in enumerate(recordings.stimuli["filename"]):
                with Image.open(io.BytesIO(images.pop(name))) as image:
                    np.testing.assert_array_equal(np.asarray(image), session.pixels[number])
            assert not images

        return compare

    def test_archive(self, session, check):
        check(session.read())

    def test_archive_by_the_identifiers(self, session, check):
        check(session.read(stimulus_column="file", filename_column=None))

    @pytest.mark.parametrize("column", ["file", "image"])
    @pytest.mark.parametrize("floats", [True, False])
    def test_container_by_name_and_by_number(self, session, check, column, floats):
        nwb = session.build()
        session.add_images(nwb, floats=floats)
        check(session.read(nwb, stimulus_column=column, images="stimuli"))

    def test_frames(self, session, check):
        nwb = session.build()
        frames = pynwb.image.ImageSeries(name="movie", data=session.pixels, unit="n.a.", rate=1.0)
        nwb.add_stimulus_template(frames)
        check(session.read(nwb, images="movie"))

    def test_index_series(self, session, check):
        """Presentations as an IndexSeries into Images, as the DiCarlo laboratory writes them."""
        nwb = session.build(trials=False)
        session.add_images(nwb)
        nwb.add_stimulus(
            pynwb.image.IndexSeries(
                name="presentation",
                data=np.array(session.shown, dtype=np.uint32),
                indexed_images=nwb.stimulus["stimuli"],
                unit="N/A",
                timestamps=session.onsets,
            )
        )
        recordings = session.read(nwb, table="presentation", filename_column=None, images="stimuli")
        np.testing.assert_array_equal(recordings.assembly.values, session.count())
        check(recordings)


def test_an_image_that_the_container_lacks_is_one_line(session):
    nwb = session.build(shown=[number + 2 for number in session.shown])
    session.add_images(nwb)
    with pytest.raises(UserError, match=r"'stimuli' has no image of stimulus '4'; it has 4, as"):
        session.read(nwb, filename_column=None, images="stimuli")


LOGICAL = ("logical", True)
VALUES = {  # what is written, options, what is shown, note
    "logical": (lambda levels: levels > 127, {}, lambda levels: (levels > 127) * 255, "logical"),
    "16 bits": (
        lambda levels: levels.astype(np.uint16) * 257,
        {},
        lambda levels: levels,
        "have 16 bits",
    ),
    "0 to 1": (lambda levels: levels / 255, {"range": [0, 1]}, lambda levels: levels, None),
    "-1 to 1": (
        lambda levels: levels / 127.5 - 1,
        {"range": [-1, 1]},
        lambda levels: levels,
        None,
    ),
    "0 and 1": (
        lambda levels: (levels > 127).astype(np.uint8),
        {"range": [0, 1]},
        lambda levels: (levels > 127) * 255,
        None,
    ),
    "dark, 16 bits": (
        lambda levels: levels.astype(np.uint16),
        {"range": [0, 65535]},
        lambda levels: (levels > 128).astype(int),
        None,
    ),
}


@pytest.mark.parametrize(
    ("kind", "series"),  # pynwb writes no series of logical values
    [(kind, series) for kind in VALUES for series in (True, False) if (kind, series) != LOGICAL],
)
def test_values_of_other_types(session, kind, series):
    write, pictures, expected, note = VALUES[kind]
    written = write(session.pixels)
    nwb = session.build()
    if series:
        nwb.add_stimulus_template(
            pynwb.image.ImageSeries(name="stimuli", data=written, unit="n.a.", rate=1.0)
        )
    else:
        images = [
            pynwb.image.GrayscaleImage(name=f"im{number}.png", data=values)
            for number, values in enumerate(written)
        ]
        nwb.add_stimulus(pynwb.base.Images(name="stimuli", images=images))
    keys = {"pictures": pictures} if pictures else {}
    options = {"stimulus_column": "image", "images": "stimuli"} if series else {"images": "stimuli"}
    options |= {} if series else {"stimulus_column": "file"}
    recordings = session.read(nwb, filename_column=None, **options, **keys)
    images = dict(recordings.images)
    for number, name in enumerate(recordings.stimuli["filename"]):
        with Image.open(io.BytesIO(images[name])) as image:
            grey = np.asarray(image.convert("L"))
        np.testing.assert_array_equal(grey, expected(session.pixels)[number])
    assert [note in one for one in recordings.notes] == ([True] if note else [])
    assert recordings.pictures.range is None


def test_fractions_need_a_range(session):
    nwb = session.build()
    nwb.add_stimulus_template(
        pynwb.image.ImageSeries(name="movie", data=session.pixels / 255, unit="n.a.", rate=1.0)
    )
    with pytest.raises(UserError, match=r"movie: values from 0 to 1 .*; set options\.pictures"):
        session.read(nwb, filename_column=None, images="movie")
