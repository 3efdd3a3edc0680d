"""Responses that are called spikes and cannot be counts."""

from collections.abc import Iterator

import numpy as np
import xarray as xr


def find_no_counts(assembly: xr.DataArray, name: str) -> Iterator[str]:
    """Say in a line where an assembly of the unit ``spikes`` has a value that is no count.

    Parameters
    ----------
    assembly
        Dims ``("presentation", "neuroid")``, finite, with the labels of its contract.
    name
        The file or data set, for messages.
    """
    if assembly.attrs.get("unit") != "spikes":
        return
    wrong = (assembly.values < 0) | (assembly.values % 1 != 0)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        yield (
            f"{name}: response of site {str(assembly['neuroid_id'].values[column])!r} to stimulus "
            f"{str(assembly['stimulus_id'].values[row])!r} is {assembly.values[row, column]:g} "
            f"({int(wrong.sum())} such values); the unit spikes is for counts, whole numbers from "
            "0: name another unit, as Hz or spikes minus baseline, or correct the values"
        )
