#!/usr/bin/env bash
# hdmf-zarr 0.13.0 with numcodecs 0.15.2: columns of object references are written, but not read.
#
# Expected: an NWB file with electrodes that NWBZarrIO writes is read back by the same NWBZarrIO, in
# the same environment, as pynwb's NWBHDF5IO does with HDF5.
# What happens: hdmf-zarr stores references to objects (here the column "group" of the electrodes) as
# Python pickles, with numcodecs' filter Pickle. In numcodecs 0.15.2 this filter writes, but refuses
# to read unless a setting allows it. Writing succeeds without a warning. Opening the file succeeds as
# well, and plain columns are read; the first look at a reference ends in UnsafeDecodeError. A trial
# that refers to a time series cannot even be written: zarr reads what it has just written.
# Why it matters: the folder looks whole to who wrote it; who receives it cannot follow its references.
# A reader that needs the region of electrodes should take their column "location", not their group.
#
# Output seen:
#   written, opened
#   location        ['V4']
#   group           UnsafeDecodeError
#   filter of group ['pickle']
#   the same in HDF5: group  shank
#   writing a trial with a time series: MetadataError
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q hdmf-zarr==0.13.0 hdmf==6.2.0 pynwb==4.2.0 zarr==2.18.7 numcodecs==0.15.2 \
    2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
cd "$folder"
cat > see.py <<'PYTHON'
import datetime
import json
import sys
import warnings

warnings.simplefilter("ignore")

from hdmf_zarr.nwb import NWBZarrIO
from pynwb import NWBHDF5IO, NWBFile, TimeSeries


def build():
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    nwb = NWBFile("made", "made", start)
    group = nwb.create_electrode_group(
        "shank", description="made", location="V4", device=nwb.create_device("probe")
    )
    nwb.add_electrode(location="V4", group=group)
    return nwb


with NWBZarrIO("a.nwb.zarr", "w") as file:
    file.write(build())
with NWBZarrIO("a.nwb.zarr", "r") as file:
    electrodes = file.read().electrodes
    print("written, opened")
    location = list(electrodes["location"][:])
    print("location       ", location)
    try:
        group = electrodes["group"][0].name
    except Exception as error:
        group = type(error).__name__
    print("group          ", group)
path = "general/extracellular_ephys/electrodes/group/.zarray"

filters = [one["id"] for one in json.load(open(f"a.nwb.zarr/{path}"))["filters"]]
print("filter of group", filters)
with NWBHDF5IO("a.nwb", "w") as file:
    file.write(build())
with NWBHDF5IO("a.nwb", "r") as file:
    plain = file.read().electrodes["group"][0].name
    print("the same in HDF5: group ", plain)
nwb = build()
series = TimeSeries(name="rates", data=[1.0, 2.0], unit="Hz", rate=10.0)
nwb.add_acquisition(series)
nwb.add_trial(start_time=0.0, stop_time=0.2, timeseries=[series])
try:
    with NWBZarrIO("b.nwb.zarr", "w") as file:
        file.write(nwb)
    trial = "no error"
except Exception as error:
    trial = type(error).__name__
print("writing a trial with a time series:", trial)
as_recorded = (location, group, filters, plain, trial) == (
    ["V4"],
    "UnsafeDecodeError",
    ["pickle"],
    "shank",
    "MetadataError",
)
print("as recorded" if as_recorded else "the behaviour has changed")
sys.exit(not as_recorded)
PYTHON
venv/bin/python see.py
