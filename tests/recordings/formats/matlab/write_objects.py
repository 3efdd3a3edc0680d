"""Write objects_v7.mat and objects_v73.mat, with objects of MATLAB's classes.

Needs mat-io 1.0.2 and numpy 2, which the project does not use: run it in an environment of its own,
`python tests/recordings/formats/matlab/write_objects.py`.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matio import save_to_mat
from matio.utils import MatlabContainerMap
from scipy.sparse import csc_array

FOLDER = Path(__file__).parent
TEXT = np.dtypes.StringDType(na_object=np.nan)


def make_variables():
    areas = np.array(["V4", "IT", "Größe 😀", "", "V1"], dtype=TEXT)
    missing = np.array(["V4", np.nan, "IT"], dtype=TEXT)
    kinds = pd.Categorical.from_codes([0, 1, 1, -1], categories=["face", "house"])
    cell = np.empty((1, 2), dtype=object)
    cell[0, 0], cell[0, 1] = np.array(["a"], dtype=TEXT), np.array(["b"], dtype=TEXT)
    return {
        "areas": areas,
        "grid": np.array([["a", "b", "c"], ["d", "e", "f"]], dtype=TEXT),
        "gaps": missing,
        "kinds": kinds,
        "sites": pd.DataFrame(
            {
                "area": pd.array(["V4", "IT", "IT"], dtype="string"),
                "depth": [0.5, 1.5, 2.5],
                "kind": pd.Categorical(["x", "y", "x"]),
            }
        ),
        "session": {"who": np.array(["Tito"], dtype=TEXT), "depth": np.arange(3.0)},
        "cell": cell,
        "day": np.array(["2020-01-01"], dtype="datetime64[ms]").reshape(1, 1),
        "map": MatlabContainerMap({"a": 1.0}),
        "rates": np.arange(6.0).reshape(2, 3),
        "shown": np.array([[True, False]]),
        "complex": np.array([[1 + 2j, 3.0]]),
        "nothing": np.zeros((0, 0)),
        "few": csc_array(np.array([[0, 1.5, 0], [2.5, 0, 0]])),
    }


for version, name in (("v7", "objects_v7.mat"), ("v7.3", "objects_v73.mat")):
    save_to_mat(str(FOLDER / name), make_variables(), version=version)
