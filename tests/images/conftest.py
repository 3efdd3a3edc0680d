"""A devkit's table of synsets, written by scipy."""

import numpy as np
import pytest
from scipy.io import savemat

INNER = ("n00001740", "n00004258")
FIELDS = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children")


def write(path, leaves, first=1):
    """As the devkit has it: classes first, then the inner synsets, whose children are listed."""
    rows = [
        (first + k, name, f"word {k}, other", "a gloss", 0, np.zeros(0))
        for k, name in enumerate(leaves)
    ]
    rows += [
        (first + len(leaves) + k, name, "inner", "a gloss", 2, np.array([1, 2]))
        for k, name in enumerate(INNER)
    ]
    synsets = np.empty((len(rows), 1), dtype=[(field, object) for field in FIELDS])
    for number, row in enumerate(rows):
        synsets[number, 0] = row
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"synsets": synsets})
    return path


@pytest.fixture(scope="session")
def write_meta():
    return write
