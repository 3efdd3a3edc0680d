#!/usr/bin/env bash
# SciPy 1.17.1: of several MATLAB string variables in a .mat file loadmat keeps the last, under the
# name "None", and whosmat fails on the file.
#
# Expected: a variable of a class that SciPy cannot read is an opaque value under its own name (the
# class MatlabOpaque exists for it), or is left out with a warning that names it; whosmat lists it.
# What happens: the name of an opaque variable is not read from the file. loadmat calls every one
# "None", so that each replaces the one before, with a warning about a duplicate variable. Asking for
# one with variable_names finds nothing. whosmat raises a TypeError, also if only one of many
# variables is a string. Numeric variables of the same file are read as usual.
# Why it matters: MATLAB's "string" has been the default text type in code for years. A check such as
# `"region" in loadmat(path)` says that the variable is missing, and a listing of the variables of a
# file of recordings fails because of one label.
#
# Output seen:
#   scipy 1.17.1, written with mat-io 1.0.2
#   whosmat: TypeError
#   loadmat: None (MatlabOpaque), rates (ndarray)
#   warning: Duplicate variable name "None" in stream - replacing previous with new
#   variable_names=["region"]: nothing
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q scipy==1.17.1 mat-io==1.0.2 numpy==2.4.6 pandas==3.1.1 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
cd "$folder"
venv/bin/python - <<'PY'
import sys
import warnings

import numpy as np
import scipy.io
from matio import save_to_mat

text = np.dtypes.StringDType()
content = {
    "region": np.array(["V4", "IT"], dtype=text),
    "animal": np.array(["a", "b", "c"], dtype=text),
    "rates": np.arange(3.0),
}
save_to_mat("labels.mat", content, version="v7")
print(f"scipy {scipy.__version__}, written with mat-io 1.0.2")
try:
    scipy.io.whosmat("labels.mat")
    listed = "listed"
except TypeError as error:
    listed = type(error).__name__
print("whosmat:", listed)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    found = scipy.io.loadmat("labels.mat")
found = {name: type(value).__name__ for name, value in found.items() if name[:2] != "__"}
print("loadmat:", ", ".join(f"{name} ({kind})" for name, kind in found.items()))
message = str(caught[0].message).splitlines()[0] if caught else "none"
print("warning:", message)
asked = scipy.io.loadmat("labels.mat", variable_names=["region"])
asked = [name for name in asked if name[:2] != "__"]
print('variable_names=["region"]:', ", ".join(asked) or "nothing")
same = listed == "TypeError" and found == {"None": "MatlabOpaque", "rates": "ndarray"}
same = same and 'Duplicate variable name "None"' in message and not asked
print("as recorded" if same else "the behaviour has changed")
sys.exit(not same)
PY
