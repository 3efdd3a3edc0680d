"""What numbers mean as images: places of an IndexSeries, names, numbers in names."""

import io
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image
from support.recordings import read_recordings

from tgas_neuro.runtime.errors import UserError

pynwb = pytest.importorskip("pynwb")

ORDERS = {
    "from 1": ["1.png", "2.png", "3.png", "4.png"],
    "from 0, reversed": ["3", "2", "1", "0"],
    "words": ["zebra.jpg", "Ape.jpg", "monkey.jpg", "cat.jpg"],
    "as text": ["10", "9", "1", "2"],
}


def add_ordered(nwb, names, pixels, template=True):
    images = [
        pynwb.image.GrayscaleImage(name=name, data=values)
        for name, values in zip(names, pixels, strict=True)
    ]
    order = pynwb.base.ImageReferences(name="order_of_images", data=images)
    container = pynwb.base.Images(name="pictures", images=images[::-1], order_of_images=order)
    (nwb.add_stimulus_template if template else nwb.add_stimulus)(container)
    return container


def add_series(nwb, session, container, name="presentation", **keys):
    series = pynwb.image.IndexSeries(
        name=name,
        data=np.array(session.shown, dtype=np.uint32),
        indexed_images=container,
        unit="N/A",
        timestamps=session.onsets,
        **keys,
    )
    nwb.add_stimulus(series)
    return series


def check_pictures(recordings, pixels, ids=None):
    """Stimulus k shows picture k."""
    images = dict(recordings.images)
    table = recordings.stimuli
    assert list(table["stimulus_id"]) == (ids or [str(k) for k in range(len(pixels))])
    for name, expected in zip(table["filename"], pixels, strict=True):
        with Image.open(io.BytesIO(images[name])) as image:
            np.testing.assert_array_equal(np.asarray(image), expected)


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("kind", ORDERS)
def test_a_number_is_a_place_whatever_images_are_called(session, kind, named):
    nwb = session.build(trials=False)
    add_series(nwb, session, add_ordered(nwb, ORDERS[kind], session.pixels))
    keys = {"images": "pictures" if named else None}
    options = dict(table="presentation", filename_column=None, stimulus_column=None) | keys
    if not named:
        options["images"] = "/stimulus/templates/pictures"
    recordings = session.read(nwb, **options)
    np.testing.assert_array_equal(recordings.assembly.values, session.count())
    check_pictures(recordings, session.pixels)


def write(nwb, path):
    with pynwb.NWBHDF5IO(path, "w") as file:
        file.write(nwb)


def refer_to_timeseries(path, series="stimulus/presentation/presentation"):
    """Turn an IndexSeries into the deprecated form, which pynwb 4 reads and does not write."""
    with h5py.File(path, "a") as file:
        target = file[f"{series}/indexed_images"].name
        del file[f"{series}/indexed_images"]
        file[f"{series}/indexed_timeseries"] = h5py.SoftLink("/stimulus/templates/frames")
    return target


def test_the_deprecated_form_refers_to_frames(session, tmp_path):
    """No archive is listed: the frames that the series refers to are taken."""
    nwb = session.build(trials=False)
    container = add_ordered(nwb, ORDERS["words"], session.pixels)
    nwb.add_stimulus_template(
        pynwb.image.ImageSeries(name="frames", data=session.pixels, unit="n.a.", rate=1.0)
    )
    add_series(nwb, session, container)
    path = tmp_path / "old.nwb"
    write(nwb, path)
    refer_to_timeseries(path)
    options = {"table": "presentation", "window_ms": session.window, "degrees": 8}
    recordings = read_recordings("nwb", options, {"old.nwb": path}, "session")
    np.testing.assert_array_equal(recordings.assembly.values, session.count())
    check_pictures(recordings, session.pixels)


@pytest.mark.parametrize(
    "files",
    [
        ["set/3.png", "set/1.png", "set/0.png", "set/2.png"],
        ["C:\\set\\b.png", "C:\\set\\a.png", "C:\\set\\d.png", "C:\\set\\c.png"],
    ],
)
@pytest.mark.parametrize("starts", [[0, 1, 2, 3], [0, 0, 0, 0]])
@pytest.mark.parametrize("named", [True, False])
def test_external_images_are_found_by_the_file_at_the_place(
    session, tmp_path, files, starts, named
):
    nwb = session.build(trials=False)
    container = add_ordered(nwb, ORDERS["words"], session.pixels)
    frames = pynwb.image.ImageSeries(
        name="frames",
        external_file=files,
        starting_frame=starts,
        format="external",
        timestamps=np.arange(4.0),
        unit="n.a.",
    )
    nwb.add_stimulus_template(frames)
    add_series(nwb, session, container)
    path, archive = tmp_path / "e.nwb", tmp_path / "pictures.zip"
    write(nwb, path)
    refer_to_timeseries(path)
    with zipfile.ZipFile(archive, "w") as opened:
        for file, values in zip(files, session.pixels, strict=True):
            content = io.BytesIO()
            Image.fromarray(values).save(content, format="png")
            opened.writestr(
                "other/" + file.replace("\\", "/").rsplit("/", 1)[-1], content.getvalue()
            )
        opened.writestr("other/unused.png", content.getvalue())
    options = {"table": "presentation", "window_ms": session.window, "degrees": 8}
    options |= {"images": "frames"} if named else {}
    recordings = read_recordings("nwb", options, {"e.nwb": path, "i.zip": archive}, "session")
    check_pictures(recordings, session.pixels)
    with pytest.raises(UserError, match=r"'frames' has its frames in other files, as .*; give the"):
        read_recordings("nwb", options, {"e.nwb": path}, "session")


def test_films_and_missing_orders_are_refused(session):
    nwb = session.build(trials=False)
    images = [pynwb.image.GrayscaleImage(name="0", data=session.pixels[0])]
    container = pynwb.base.Images(name="pictures", images=images)
    nwb.add_stimulus_template(container)
    add_series(nwb, session, container)
    with pytest.raises(UserError, match=r"pictures has no order_of_images, so a number"):
        session.read(nwb, table="presentation", filename_column=None, images="pictures")
    nwb = session.build()
    nwb.add_stimulus_template(
        pynwb.image.ImageSeries(
            name="films",
            external_file=["a.avi", "b.avi"],
            starting_frame=[0, 30],
            format="external",
            timestamps=np.arange(2.0),
            unit="n.a.",
        )
    )
    with pytest.raises(UserError, match=r"films: starting_frame is \[0, 30\].* several frames"):
        session.read(nwb, filename_column=None, images="films")


def test_a_place_outside_and_another_container_are_one_line(session):
    nwb = session.build(trials=False)
    add_series(nwb, session, add_ordered(nwb, ORDERS["words"][:3], session.pixels[:3]))
    with pytest.raises(UserError, match=r"'pictures' has no image of stimulus '3'; it has 3, as"):
        session.read(nwb, table="presentation", filename_column=None, images="pictures")
    nwb = session.build(trials=False)
    add_series(nwb, session, add_ordered(nwb, ORDERS["words"], session.pixels))
    session.add_images(nwb)
    with pytest.raises(UserError, match=r"'stimuli', but 'presentation' refers to /stimulus/temp"):
        session.read(nwb, table="presentation", filename_column=None, images="stimuli")


def test_images_of_the_file_in_an_archive_too(session):
    """Called as in the file, or by their places; the place decides where there are both."""
    nwb = session.build(trials=False)
    names = ["im3.png", "im2.png", "im1.png", "im0.png"]
    add_series(nwb, session, add_ordered(nwb, names, session.pixels))
    options = {"table": "presentation", "filename_column": None}
    check_pictures(session.read(nwb, **options), session.pixels[::-1])
    nwb = session.build(trials=False)
    add_series(nwb, session, add_ordered(nwb, ORDERS["words"], session.pixels))
    with pytest.raises(UserError, match=r"i\.zip: no image 'zebra\.jpg' of stimulus '0'"):
        session.read(nwb, **options)


TABLES = {  # names, option, place of the picture of each stimulus
    "numbers in names from 0": (["im0", "im1", "im2", "im3"], None, [0, 1, 2, 3]),
    "places of words": (ORDERS["words"], None, [0, 1, 2, 3]),
    "by place": (ORDERS["from 0, reversed"], "place", [0, 1, 2, 3]),
    "by name": (ORDERS["from 0, reversed"], "name", [3, 2, 1, 0]),
    "by number": (["im_3.png", "im_2.png", "im_1.png", "im_0.png"], "number", [3, 2, 1, 0]),
}


@pytest.mark.parametrize("kind", TABLES)
def test_numbers_of_a_table(session, kind):
    names, by, places = TABLES[kind]
    nwb = session.build()
    add_ordered(nwb, names, session.pixels)
    keys = {"images_by": by} if by else {}
    recordings = session.read(nwb, filename_column=None, images="pictures", **keys)
    check_pictures(recordings, session.pixels[places])


@pytest.mark.parametrize("names", [["0", "2", "1", "3"], ["im0", "im2", "im1", "im3"]])
def test_numbers_that_mean_two_images_are_refused(session, names):
    nwb = session.build()
    add_ordered(nwb, names, session.pixels)
    with pytest.raises(UserError, match=r"stimulus '1' is .* by place and .*images_by: place or"):
        session.read(nwb, filename_column=None, images="pictures")


def test_numbers_from_1_are_never_taken_for_places(session):
    """Four stimuli 0 to 3 of five images im1 to im5: by number none is 0."""
    nwb = session.build(shown=[number + 1 for number in session.shown])
    names = [f"im{number}" for number in range(1, 6)]
    add_ordered(nwb, names, [*session.pixels, session.pixels[0]])
    with pytest.raises(UserError, match=r"options\.images_by: place or number"):
        session.read(nwb, filename_column=None, images="pictures")
    recordings = session.read(nwb, filename_column=None, images="pictures", images_by="number")
    check_pictures(recordings, session.pixels, ["1", "2", "3", "4"])


def test_frames_without_the_first_are_noted(session):
    nwb = session.build(shown=[number + 1 for number in session.shown])
    frames = np.concatenate([session.pixels[:1], session.pixels])
    nwb.add_stimulus_template(
        pynwb.image.ImageSeries(name="movie", data=frames, unit="n.a.", rate=1.0)
    )
    recordings = session.read(nwb, filename_column=None, images="movie")
    check_pictures(recordings, session.pixels, ["1", "2", "3", "4"])
    assert "counted from 0, and none of the stimuli is frame 0" in recordings.notes[0]


def test_images_stored_as_x_and_y(session):
    nwb = session.build()
    colours = np.random.default_rng(0).integers(0, 256, (4, 7, 5, 3), dtype=np.uint8)
    images = [
        pynwb.image.RGBImage(name=f"im{number}.png", data=values.swapaxes(0, 1))
        for number, values in enumerate(colours)
    ]
    nwb.add_stimulus_template(pynwb.base.Images(name="pictures", images=images))
    options = {"stimulus_column": "file", "filename_column": None, "images": "pictures"}
    ids = [f"im{number}.png" for number in range(4)]
    check_pictures(session.read(nwb, image_axes="xy", **options), colours, ids)


def test_two_endings_of_one_name_are_refused(session, tmp_path):
    session.read()
    with zipfile.ZipFile(tmp_path / "i.zip", "a") as archive:
        archive.writestr("im2.jpg", b"")
    options = {"stimulus_column": "file2", "filename_column": None}
    nwb = session.build(shown=[number + 9 for number in session.shown])
    session.read(nwb, **options)
    nwb = session.build(shown=[number + 9 for number in session.shown])
    with h5py.File(tmp_path / "s.nwb", "a") as file:
        file["intervals/trials/file2"][...] = [
            name.decode().rsplit(".", 1)[0] for name in file["intervals/trials/file2"][()]
        ]
    files = {"s.nwb": tmp_path / "s.nwb", "i.zip": tmp_path / "i.zip"}
    given = {"stimulus_column": "file2", "window_ms": session.window, "degrees": 8}
    with pytest.raises(UserError, match=r"image 'im2' is there as im2.jpg and im2.png; write the"):
        read_recordings("nwb", given, files, "session")
