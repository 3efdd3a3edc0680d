"""What nobody wrote to an NWB file is missing or refused, and other files are not read."""

import h5py
import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import reading_files

pynwb = pytest.importorskip("pynwb")


def empty(path, name, first=0):
    """Take the chunks from `first` on out of the file; pynwb wrote columns that can grow."""
    with h5py.File(path, "r+") as file:
        data = file[name]
        shape = data.shape
        assert data.chunks
        data.resize((first, *shape[1:]))
        data.resize(shape)


UNWRITTEN = {
    "units/spike_times": "600 of 600",
    "units/spike_times_index": "3 of 3",
    "units/id": "3 of 3",
    "intervals/trials/start_time": "12 of 12",
    "intervals/trials/image": "12 of 12",
    "intervals/trials/file": "12 of 12",
    "general/extracellular_ephys/electrodes/location": "4 of 4",
    "units/electrodes": "4 of 4",
}


@pytest.mark.parametrize("name", UNWRITTEN)
def test_spikes_tables_and_labels_are_refused(session, name):
    with pytest.raises(UserError, match=f"/{name}: {UNWRITTEN[name]} values were never written"):
        session.read(change=lambda path: empty(path, name))


def test_a_chunk_of_spikes_is_enough(session):
    nwb = session.build()
    spikes = nwb.units["spike_times"].target
    spikes.set_data_io(pynwb.H5DataIO, {"chunks": (100,), "maxshape": (None,)})
    with pytest.raises(UserError, match="/units/spike_times: 200 of 600 values were never written"):
        session.read(nwb, change=lambda path: empty(path, "units/spike_times", 400))


def test_unused_data_sets_may_have_gaps(session):
    found = session.read(change=lambda path: empty(path, "intervals/trials/file2"))
    np.testing.assert_array_equal(found.assembly.values, session.count())


def test_images_in_the_file_are_refused(session):
    nwb = session.build()
    session.add_images(nwb)
    for image in nwb.stimulus["stimuli"].images.values():
        image.set_data_io(pynwb.H5DataIO, {"maxshape": (None, None)})
    found = session.read(
        nwb,
        change=lambda path: empty(path, "stimulus/presentation/stimuli/im2.png"),
        images="stimuli",
        images_by="number",
        filename_column=None,
    )
    with pytest.raises(UserError, match=r"stimuli/im2\.png: 30 of 30 values were never written"):
        list(found.images)


def move(kind, name):
    """Move a data set to a second file and let the first point to it."""

    def change(path):
        other = path.with_name("other.h5")
        with h5py.File(path, "r+") as file, h5py.File(other, "w") as beside:
            attrs = dict(file[name].attrs)
            beside[name] = file[name][()]
            beside[name].attrs.update(attrs)
            if kind == "virtual":
                layout = h5py.VirtualLayout(file[name].shape, file[name].dtype)
                layout[:] = h5py.VirtualSource("other.h5", name, file[name].shape)
            del file[name]
            if kind == "virtual":
                file.create_virtual_dataset(name, layout).attrs.update(attrs)
            else:
                file[name] = h5py.ExternalLink("other.h5", name)

    return change


@pytest.mark.parametrize("name", ["intervals/trials/image", "intervals/trials/start_time"])
@pytest.mark.parametrize("kind", ["virtual", "an external link"])
def test_other_files_are_refused_unless_listed(session, tmp_path, name, kind):
    with pytest.raises(UserError, match=f"s.nwb: /{name} is {'a ' * (kind == 'virtual')}{kind}"):
        session.read(change=move(kind, name))
    with reading_files([tmp_path / "s.nwb", tmp_path / "other.h5"]):
        from tgas_neuro.recordings.ingest import READERS

        files = {file: tmp_path / file for file in ("s.nwb", "i.zip", "other.h5")}
        options = session.describe({"stimulus_column": "image", "filename_column": "file",
                                    "window_ms": session.window, "degrees": 8})  # fmt: skip
        found = READERS["nwb"]("session", options.read_options(), files)
    np.testing.assert_array_equal(found.assembly.values, session.count())


def test_a_group_in_a_listed_file_may_not_point_further(session, tmp_path):
    def change(path):
        with h5py.File(path, "r+") as file:
            file["scratch/more"] = h5py.ExternalLink("other.h5", "/")
        with h5py.File(path.with_name("other.h5"), "w") as file:
            file["deep/x"] = h5py.ExternalLink("/elsewhere/third.h5", "x")

    for files in ([], [tmp_path / "other.h5"]):
        with reading_files(files), pytest.raises(UserError) as error:
            session.read(change=change)
        assert "points to" in str(error.value)
