"""Counts of spikes in time bins after events (BinnedAlignedSpikes), against loops over spikes."""

import h5py
import numpy as np
import pytest

from tgas_neuro.runtime.errors import UserError

pynwb = pytest.importorskip("pynwb")

NAMES = {
    "0.1": ("bin_width_in_milliseconds", "milliseconds_from_event_to_first_bin"),
    "0.3": ("bin_width_in_ms", "event_to_bin_offset_in_ms"),
}


@pytest.fixture(scope="module")
def binned_classes(tmp_path_factory):
    """Classes of the extension ndx-binned-spikes, its versions 0.1 and 0.3, from their specs."""
    from pynwb.spec import (
        NWBAttributeSpec,
        NWBDatasetSpec,
        NWBGroupSpec,
        NWBNamespaceBuilder,
    )

    classes = {}
    for version, (width, offset) in NAMES.items():
        namespace = f"ndx-made-{version.replace('.', '')}"
        folder = tmp_path_factory.mktemp("spec")
        builder = NWBNamespaceBuilder("made", namespace, version=f"{version}.0", author="made")
        builder.include_type("NWBDataInterface", namespace="core")
        builder.include_type("DynamicTableRegion", namespace="hdmf-common")

        def dataset(name, dtype, n_dims, **keys):
            dims = [f"dim_{name}_{dim}" for dim in range(n_dims)]
            shape = [None] * n_dims
            return NWBDatasetSpec("made", dtype, name, dims=dims, shape=shape, **keys)

        builder.add_spec(
            f"{namespace}.extensions.yaml",
            NWBGroupSpec(
                "made",
                neurodata_type_def="BinnedAlignedSpikes",
                neurodata_type_inc="NWBDataInterface",
                attributes=[
                    NWBAttributeSpec(width, "made", "float64"),
                    NWBAttributeSpec(offset, "made", "float64"),
                ],
                datasets=[
                    dataset("data", "numeric", 3),
                    dataset("event_timestamps", "float64", 1),
                    dataset("condition_indices", "uint64", 1, quantity="?"),
                    dataset("condition_labels", "text", 1, quantity="?"),
                    NWBDatasetSpec(
                        "made",
                        name="units_region",
                        neurodata_type_inc="DynamicTableRegion",
                        quantity="?",
                    ),
                ],
            ),
        )
        path = f"{namespace}.namespace.yaml"
        builder.export(path, outdir=str(folder))
        pynwb.load_namespaces(str(folder / path))
        classes[version] = pynwb.get_class("BinnedAlignedSpikes", namespace)
    return classes


def count_bins(session, units, starts, width):
    """(unit, event, bin), by loops over every spike."""
    counts = np.zeros((len(units), 12, len(starts)))
    for row, unit in enumerate(units):
        for event, onset in enumerate(session.onsets):
            for place, start in enumerate(starts):
                after = 1000 * (session.spikes[unit] - onset)
                counts[row, event, place] = ((after >= start) & (after < start + width)).sum()
    return counts


def build_binned(session, make, version, rows=(0, 1, 2), order=None, units=None, **keys):
    """Bins of 10 ms from -50 to 250 ms after the onset."""
    nwb = units or session.build()
    width, offset = NAMES[version]
    starts = np.arange(-50, 250, 10.0)
    counts = count_bins(session, [list(session.spikes)[row] for row in rows], starts, 10.0)
    events = np.arange(12) if order is None else np.asarray(order)
    keys = {width: 10.0, offset: -50.0} | keys
    binned = make(
        name="counts",
        data=counts[:, events],
        event_timestamps=session.onsets[events],
        **keys,
    )
    nwb.create_processing_module("ecephys", "made").add(binned)
    return nwb


def make_region(nwb, rows):
    from hdmf.common import DynamicTableRegion

    return DynamicTableRegion(
        name="units_region", data=list(rows), description="made", table=nwb.units
    )


@pytest.mark.parametrize("version", NAMES)
@pytest.mark.parametrize("window", [[70, 170], [0, 10], [-50, 250]])
def test_bins_are_added_in_the_window(session, binned_classes, version, window):
    nwb = session.build()
    region = {"units_region": make_region(nwb, [2, 0])}
    keys = {"rows": (2, 0), "order": range(11, -1, -1), "units": nwb} | region
    build_binned(session, binned_classes[version], version, **keys)
    assembly = session.read(nwb, binned="counts", window_ms=window).assembly
    np.testing.assert_array_equal(assembly.values, session.count((11, 7), window=window))
    assert list(assembly["neuroid_id"].values) == ["session_11", "session_7"]
    assert list(assembly["region"].values) == ["pIT", "V4"]


def test_counts_that_were_never_written_are_missing(session, binned_classes):
    nwb = build_binned(session, binned_classes["0.3"], "0.3", units=session.build(units=False))
    options = {"chunks": (1, 12, 30), "maxshape": (None, None, None)}
    nwb.processing["ecephys"]["counts"].set_data_io("data", pynwb.H5DataIO, options)

    def change(path):
        with h5py.File(path, "r+") as file:
            file["processing/ecephys/counts/data"].resize((2, 12, 30))
            file["processing/ecephys/counts/data"].resize((3, 12, 30))

    found = session.read(nwb, change=change, binned="counts", region="IT")
    expected = session.count()
    expected[:, 2] = np.nan
    np.testing.assert_array_equal(found.assembly.values, expected)
    assert "360 of 1,080 values were never written to the file and are read" in found.notes[-1]


def test_units_of_binned_spikes_are_chosen(session, binned_classes):
    nwb = session.build()
    build_binned(
        session, binned_classes["0.3"], "0.3", units=nwb, units_region=make_region(nwb, [0, 1, 2])
    )
    options = {"binned": "processing/ecephys/counts", "units": {"quality": ["good"]}}
    assembly = session.read(nwb, regions={"aIT": "IT", "pIT": "IT"}, **options).assembly
    np.testing.assert_array_equal(assembly.values, session.count((8,)))


def test_conditions_are_stimuli_without_units(session, binned_classes):
    nwb = session.build(units=False, trials=False)
    session.add_images(nwb)
    build_binned(
        session,
        binned_classes["0.3"],
        "0.3",
        units=nwb,
        condition_indices=np.array(session.shown, dtype=np.uint64),
        condition_labels=[f"im{number}.png" for number in range(4)],
    )
    options = {"binned": "counts", "table": "counts", "filename_column": None, "images": "stimuli"}
    assembly = session.read(nwb, region="IT", **options).assembly
    np.testing.assert_array_equal(assembly.values, session.count())
    ids = [f"im{number}.png" for number in session.shown]
    assert list(assembly["stimulus_id"].values) == ids
    assert list(assembly["neuroid_id"].values) == ["session_0", "session_1", "session_2"]


def test_rows_in_another_order_than_they_say_are_refused(session, binned_classes):
    """The DiCarlo laboratory's converter sorts rows by name, and refers to them in file order."""
    nwb = session.build()
    region = {"units_region": make_region(nwb, [0, 1, 2])}
    build_binned(session, binned_classes["0.1"], "0.1", rows=(2, 0, 1), units=nwb, **region)
    with pytest.raises(UserError, match=r"row 0 refers to unit 7, but .* in another order"):
        session.read(nwb, binned="counts")


MALFORMED = {
    "no region": ({}, {}, "refers to no units, so their region is not known; name it as"),
    "half a bin": (
        {},
        {"window_ms": [75, 170], "region": "IT"},
        "is not made up of whole time bins",
    ),
    "no conditions": ({}, {"table": "counts", "filename_column": None}, "has no condition_indices"),
    "other events": (
        {"event_timestamps": np.arange(12.0)},
        {"region": "IT"},
        "no event at 1.3000 s",
    ),
    "NaN as a number": (
        {"data": np.full((3, 12, 30), 2**63, dtype=np.uint64)},
        {"region": "IT"},
        "a missing value was probably written as a whole number",
    ),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_binned_spikes(session, binned_classes, kind):
    keys, options, message = MALFORMED[kind]
    nwb = session.build()
    width, offset = NAMES["0.3"]
    content = {
        "data": np.zeros((3, 12, 30)),
        "event_timestamps": session.onsets,
        width: 10.0,
        offset: -50.0,
    } | keys
    binned = binned_classes["0.3"](name="counts", **content)
    nwb.create_processing_module("ecephys", "made").add(binned)
    with pytest.raises(UserError, match=message):
        session.read(nwb, binned="counts", **options)
