"""A made session in an NWB file, written by pynwb, and its spikes counted by loops."""

import io
import zipfile
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from support.recordings import describe, read_recordings

N_IMAGES, N_TRIALS = 4, 12
ONSETS = 1.0 + 0.3 * np.arange(N_TRIALS)
SHOWN = [2, 0, 1, 3, 0, 1, 2, 3, 3, 2, 1, 0]
WINDOW = [70, 170]
PIXELS = np.random.default_rng(5).integers(0, 256, (N_IMAGES, 6, 5), dtype=np.uint8)


def make_spikes(seed: int) -> np.ndarray:
    return np.sort(np.random.default_rng(seed).uniform(0.5, 5, 200))


SPIKES = {7: make_spikes(7), 8: make_spikes(8), 11: make_spikes(11)}
AREAS = {7: "V4", 8: "aIT", 11: "pIT"}


def build_file(
    subject: str | None = "Nano",
    units: bool = True,
    trials: bool = True,
    obs: dict | None = None,
    onsets=ONSETS,
    shown=SHOWN,
    spans: bool = False,
):
    """An NWB file of three units on four electrodes and twelve presentations of four images."""
    import pynwb

    nwb = pynwb.NWBFile("made", "identifier", datetime(2024, 1, 1, tzinfo=UTC), session_id="s1")
    if subject:
        nwb.subject = pynwb.file.Subject(subject_id=subject, species="Macaca mulatta")
    device = nwb.create_device("array")
    for area in ("V4", "aIT", "pIT", "aIT"):
        name = f"group {len(nwb.electrode_groups)}"
        group = nwb.create_electrode_group(name, "made", location=area, device=device)
        nwb.add_electrode(location=area, group=group)
    if units:
        nwb.add_unit_column("quality", "of sorting")
        for unit, electrodes in zip(SPIKES, ([0], [1, 3], [1, 2] if spans else [2]), strict=True):
            keys = {} if obs is None else {"obs_intervals": obs[unit]}
            nwb.add_unit(
                id=unit,
                spike_times=SPIKES[unit],
                electrodes=electrodes,
                quality="good" if unit < 11 else "noise",
                **keys,
            )
    if trials:
        for column in ("image", "file", "file2", "fixated", "category"):
            nwb.add_trial_column(column, "made")
        for onset, stimulus in zip(onsets, shown, strict=True):
            nwb.add_trial(
                start_time=onset,
                stop_time=onset + 0.1,
                image=stimulus,
                file=f"im{stimulus}.png",
                file2=f"im{stimulus - 9}.png",
                fixated=bool(onset < 4),
                category=f"c{stimulus % 2}",
            )
    return nwb


def add_images(nwb, ordered: bool = True, floats: bool = False):
    """Images as the DiCarlo laboratory's conversion writes them."""
    import pynwb

    pixels = PIXELS.astype(float) if floats else PIXELS
    images = [
        pynwb.image.GrayscaleImage(name=f"im{number}.png", data=values)
        for number, values in enumerate(pixels)
    ]
    keys = {"order_of_images": pynwb.base.ImageReferences(name="order_of_images", data=images)}
    nwb.add_stimulus(pynwb.base.Images(name="stimuli", images=images, **(keys if ordered else {})))


@pytest.fixture
def read(tmp_path):
    """Write a file and read it with these options."""
    pynwb = pytest.importorskip("pynwb")
    with zipfile.ZipFile(tmp_path / "i.zip", "w") as archive:
        for number, values in enumerate(PIXELS):
            file = io.BytesIO()
            Image.fromarray(values).save(file, format="png")
            archive.writestr(f"images/im{number}.png", file.getvalue())
        archive.writestr("images/unused.png", file.getvalue())

    def read_file(nwb=None, change=None, **options):
        path = tmp_path / "s.nwb"
        with pynwb.NWBHDF5IO(path, "w") as file:
            file.write(nwb or build_file())
        if change:
            change(path)
        given = {
            "stimulus_column": "image",
            "filename_column": "file",
            "window_ms": WINDOW,
            "degrees": 8,
        } | options
        given = {key: value for key, value in given.items() if value is not None}
        files = {"s.nwb": path, "i.zip": tmp_path / "i.zip"}
        return read_recordings("nwb", given, files, "session")

    return read_file


def count(units=tuple(SPIKES), rows=range(N_TRIALS), window=WINDOW):
    """(presentation, unit), by loops over every spike."""
    counts = np.zeros((len(rows), len(units)))
    for place, row in enumerate(rows):
        for column, unit in enumerate(units):
            for time in SPIKES[unit]:
                after = time - ONSETS[row]
                counts[place, column] += window[0] / 1000 <= after < window[1] / 1000
    return counts


@pytest.fixture
def session(read):
    """What the file was made of, and how to make, read and count it."""
    return SimpleNamespace(
        read=read,
        build=build_file,
        add_images=add_images,
        count=count,
        onsets=ONSETS,
        shown=SHOWN,
        spikes=SPIKES,
        pixels=PIXELS,
        window=WINDOW,
        regions=list(AREAS.values()),
        describe=lambda options: describe("nwb", options, "session"),
    )
