#!/usr/bin/env bash
# scikit-learn 1.5.2: StratifiedShuffleSplit draws other splits for the same classes when their
# labels are text instead of integers.
#
# Expected: random_state fixes the splits; the labels only say which samples share a class.
# What happens: classes are numbered in the sorted order of their labels and drawn in that order.
# As text, "10" comes before "2", so that from eleven classes on (or with names instead of numbers)
# other samples are held out, with the same random_state and the same classes.
# Why it matters: neural predictivity is cross-validated over stimuli that are stratified by object.
# A table that was read back from CSV has integers where the recordings had text: a score then
# differs in the third digit, and two implementations of one metric seem to disagree.
#
# Output seen:
#   scikit-learn 1.5.2
#   10 classes, 0 to 9: 10 of 10 splits are equal
#   11 classes, 0 to 10: 0 of 10 splits are equal
#   11 classes, 00 to 10: 10 of 10 splits are equal
#   as recorded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q scikit-learn==1.5.2 numpy==1.26.4 scipy==1.13.1 2>"$folder/pip" || { cat "$folder/pip" >&2; exit 2; }
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import sklearn
from sklearn.model_selection import StratifiedShuffleSplit

print("scikit-learn", sklearn.__version__)


def split(labels):
    folds = StratifiedShuffleSplit(10, train_size=0.9, random_state=1)
    return [test.tolist() for _, test in folds.split(np.zeros(len(labels)), labels)]


def count_equal(n_classes, form):
    numbers = np.repeat(np.arange(n_classes), 20)
    text = np.array([format(one, form) for one in numbers])
    return sum(a == b for a, b in zip(split(numbers), split(text)))


found = []
for n_classes, form, names in ((10, "d", "0 to 9"), (11, "d", "0 to 10"), (11, "02d", "00 to 10")):
    found.append(count_equal(n_classes, form))
    print(f"{n_classes} classes, {names}: {found[-1]} of 10 splits are equal")
same = found[0] == found[2] == 10 and found[1] < 10
print("as recorded" if same else "the behaviour has changed")
sys.exit(not same)
PY
