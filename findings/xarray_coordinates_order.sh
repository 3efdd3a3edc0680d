#!/usr/bin/env bash
# xarray 2022.3.0 (the version that brainscore-vision 2.4.2 demands) with netCDF4 1.7.2: equal arrays
# become files of other bytes in each process.
#
# Expected: the same DataArray, written twice with the same versions, gives two equal files, as
# xarray 2026.9.0 does. Brain-Score checks downloaded assemblies by the SHA-1 of such a file.
# What happens: which coordinates belong to a variable is kept as a set of names and written as its
# attribute "coordinates" in the order of that set. Python draws the order of a set of texts anew in
# each process (PYTHONHASHSEED), so that the attribute, and with it the file's digest, differs. Within
# one process all files agree, so that a test which writes twice sees nothing. The values are equal.
# Way out: encoding["coordinates"] of the variable, as one text in an order of one's own.
#
# Output seen:
#   different orders in 8 processes: more than 1
#   different digests in 8 processes: more than 1
#   with encoding["coordinates"]: 1 order, 1 digest
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3.11 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q xarray==2022.3.0 netCDF4==1.7.2 numpy==1.26.4 pandas==2.2.3 'setuptools<81' \
    2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
cd "$folder"
cat > write.py <<'PYTHON'
import hashlib
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")

import netCDF4
import numpy as np
import xarray as xr

names = ("stimulus_id", "repetition", "image", "session", "block")
responses = xr.DataArray(
    np.zeros((3, 2)),
    dims=("presentation", "neuroid"),
    coords={name: ("presentation", np.arange(3.0)) for name in names},
    name="response",
)
if sys.argv[1] == "sorted":
    responses.encoding["coordinates"] = " ".join(sorted(names))
responses.to_netcdf("a.nc", engine="netcdf4")
with netCDF4.Dataset("a.nc") as file:
    print(file["response"].coordinates, hashlib.sha256(Path("a.nc").read_bytes()).hexdigest(), sep=",")
PYTHON
for seed in 1 2 3 4 5 6 7 8; do
    PYTHONHASHSEED=$seed venv/bin/python write.py plain >> plain.txt
    PYTHONHASHSEED=$seed venv/bin/python write.py sorted >> sorted.txt
done
count() { cut -d, -f"$2" "$1" | sort -u | wc -l; }
several() { [ "$1" -gt 1 ] && echo "more than 1" || echo "$1"; }
orders=$(count plain.txt 1) digests=$(count plain.txt 2)
echo "different orders in 8 processes: $(several "$orders")"
echo "different digests in 8 processes: $(several "$digests")"
echo "with encoding[\"coordinates\"]: $(count sorted.txt 1) order, $(count sorted.txt 2) digest"
if [ "$orders" -gt 1 ] && [ "$digests" -gt 1 ] && [ "$(count sorted.txt 2)" = 1 ]; then
    echo "as recorded"
else
    echo "the behaviour has changed"
    exit 1
fi
