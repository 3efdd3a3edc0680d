"""What `docs/your_own_recordings.md` says to write for each form of NWB gives the right counts."""

import io
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import yaml
from PIL import Image
from support.recordings import read_recordings

pynwb = pytest.importorskip("pynwb")

PAGE = Path(__file__).parents[4] / "docs" / "your_own_recordings.md"


def list_rows():
    """Options of each row of the page whose first cell says NWB."""
    rows = re.findall(r"^\| ([^|]*NWB[^|]*) \| `(\w+)` \| (.*) \|$", PAGE.read_text(), re.M)
    return {name: (reader, re.search(r"`(\{.*?\})`", text)) for name, reader, text in rows}


ROWS = list_rows()
ELSEWHERE = {  # where these rows are run
    "NWB: `BinnedAlignedSpikes`": "test_binned.py",
    "NWB: responses in scratch, without units": "test_arrays_of_nwb.py",
    "NWB in Zarr": "test_zarr.py",
}
NAMES = [f"im{number}.png" for number in range(4)]


def add_table(nwb, session, name, columns):
    table = pynwb.epoch.TimeIntervals(name=name, description="made")
    for column, values in columns.items():
        table.add_column(column, "made", index=isinstance(values[0], list))
    starts = columns.get("onset", session.onsets)
    for row in range(len(next(iter(columns.values())))):
        values = {column: cells[row] for column, cells in columns.items() if column != "onset"}
        table.add_interval(start_time=starts[row], stop_time=starts[row] + 0.1, **values)
    nwb.add_time_intervals(table)


def add_trials(nwb, session, columns):
    for name, cells in columns.items():
        nwb.add_trial_column(name, "made", index=isinstance(cells[0], list))
    for row in range(len(next(iter(columns.values())))):
        values = {name: cells[row] for name, cells in columns.items()}
        nwb.add_trial(start_time=session.onsets[row], stop_time=session.onsets[row] + 0.1, **values)


def add_container(nwb, session, names, xy=False):
    values = [image.T if xy else image for image in session.pixels]
    images = [
        pynwb.image.GrayscaleImage(name=name, data=pixels)
        for name, pixels in zip(names, values, strict=True)
    ]
    order = pynwb.base.ImageReferences(name="order_of_images", data=images)
    container = pynwb.base.Images(name="stimuli", images=images, order_of_images=order)
    nwb.add_stimulus(container)
    return container


def add_series(nwb, session, container):
    nwb.add_stimulus(
        pynwb.image.IndexSeries(
            name="shown",
            data=np.array(session.shown, dtype=np.uint32),
            indexed_images=container,
            unit="N/A",
            timestamps=session.onsets,
        )
    )


def build(session, name):
    """A file of the form that a row names."""
    shown = session.shown
    named = {"image_name": [NAMES[k] for k in shown]}
    columns, names = named, NAMES
    pairs = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [10, 11]]
    if "numbers" in name:
        columns = {"image_number": [k + 1 for k in shown]}
        names = [f"picture {k + 1}" for k in range(4)]
    elif "a column for each" in name:
        columns = {
            f"{what}_{place + 1}": [values[pair[place]] for pair in pairs]
            for place in range(2)
            for what, values in (("image", named["image_name"]), ("onset", session.onsets))
        }
    elif "several images" in name:
        columns = {
            "image_names": [[named["image_name"][row] for row in pair] for pair in pairs],
            "onsets": [[session.onsets[row] for row in pair] for pair in pairs],
        }
    elif "several columns" in name:
        names = ["cat_1", "cat_2", "dog_1", "dog_2"]
        columns = {"object": [names[k][:3] for k in shown], "pose": [names[k][4:] for k in shown]}
    nwb = session.build(trials=False, units="second file" not in name)
    if "of one name" in name:
        add_table(nwb, session, "shown", columns)
    elif "IndexSeries" not in name:
        add_trials(nwb, session, columns)
    if name.startswith("spike times"):
        return nwb
    container = add_container(nwb, session, names, xy="(x, y)" in name)
    if "IndexSeries" in name or "of one name" in name:
        add_series(nwb, session, container)
    if "unknown" in name:
        nwb.electrodes["location"].data[:] = ["unknown"] * 4
    return nwb


def make_external(path):
    """Let the series refer to an ImageSeries whose frames are image files."""
    with h5py.File(path, "a") as file:
        del file["stimulus/presentation/shown/indexed_images"]
        link = h5py.SoftLink("/stimulus/templates/frames")
        file["stimulus/presentation/shown/indexed_timeseries"] = link


def test_the_rows_are_found():
    assert len(ROWS) >= 15
    assert set(ELSEWHERE) < set(ROWS)


@pytest.mark.parametrize("name", [name for name in ROWS if name not in ELSEWHERE])
def test_a_row_of_the_page(session, tmp_path, name):
    reader, written = ROWS[name]
    options = yaml.safe_load(written.group(1)) | {"window_ms": session.window, "degrees": 8}
    files = {"session.nwb": tmp_path / "session.nwb"}
    nwb = build(session, name)
    if "external" in name:
        nwb.add_stimulus_template(
            pynwb.image.ImageSeries(
                name="frames",
                external_file=[f"stimuli/{file}" for file in NAMES],
                starting_frame=[0, 1, 2, 3],
                format="external",
                timestamps=np.arange(4.0),
                unit="n.a.",
            )
        )
    write(nwb, files["session.nwb"])
    if "external" in name:
        make_external(files["session.nwb"])
    if "external" in name or name.startswith("spike"):
        files["images.zip"] = tmp_path / "images.zip"
        with zipfile.ZipFile(files["images.zip"], "w") as archive:
            for file, pixels in zip(NAMES, session.pixels, strict=True):
                content = io.BytesIO()
                Image.fromarray(pixels).save(content, format="png")
                archive.writestr(file, content.getvalue())
    if "second file" in name:
        files["ephys.nwb"] = tmp_path / "ephys.nwb"
        write(session.build(trials=False), files["ephys.nwb"])
    recordings = read_recordings(reader, options, files, "session")
    np.testing.assert_array_equal(recordings.assembly.values, session.count())
    images = dict(recordings.images)
    table = recordings.stimuli
    files_of = dict(zip(table["stimulus_id"], table["filename"], strict=True))
    for number, stimulus in zip(
        session.shown, recordings.assembly["stimulus_id"].values, strict=True
    ):
        with Image.open(io.BytesIO(images[files_of[str(stimulus)]])) as image:
            np.testing.assert_array_equal(np.asarray(image), session.pixels[number])


def write(nwb, path):
    with pynwb.NWBHDF5IO(path, "w") as file:
        file.write(nwb)
