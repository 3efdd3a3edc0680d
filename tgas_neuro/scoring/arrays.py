"""Features that are passed as arrays: which axis is that of the stimuli, and what its rows are."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.features import Features, decode, read_array

LABEL = "stimulus_id"
STIMULUS_DIMS = (LABEL, "stimulus", "presentation")
NO_UNITS = (LABEL, "filename", "Unnamed: 0")  # columns of tables that were read from a file

Labels = tuple[str, ...] | None
Labelled = tuple[Callable[[], Any], Labels]  # an array, (stimulus, ...), and names of its rows


def read_arrays(arrays: Mapping[Any, Any], stimuli: Sequence[str]) -> Features:
    """Make features of arrays.

    Parameters
    ----------
    arrays
        Layer to its array.

        - A `pandas.DataFrame` has a row for each stimulus. Its index, or the level ``stimulus_id``
          of it, names the rows; an index 0, 1, 2, ... does not.
        - An `xarray.DataArray` has the dim ``stimulus_id``, ``stimulus`` or ``presentation``, at
          any place, or a coordinate ``stimulus_id`` along one of its dims. The coordinate, or else
          that of the dim, names the rows.
        - Others are (stimulus, unit), their rows without names.
    stimuli
        Identifiers of the teacher's stimuli.

    Returns
    -------
    features
        Their ``names`` are those of the first layer; layers of the same names in another order are
        brought into its order.

    Raises
    ------
    UserError
        There is no layer, two have one name, the axis of the stimuli is not known, or layers have
        different names of rows.
    """
    found: dict[str, Labelled] = {}
    for key, array in arrays.items():
        name = str(key)
        if name in found:
            raise UserError(f"model: two layers are called {name!r}; give each another name")
        found[name] = _read(array, f"features: layer {name!r}", stimuli)
    if not found:
        raise UserError("model: holds no layer; expected layers with arrays, (stimulus, unit)")
    first, (_, names) = next(iter(found.items()))
    layers = {
        name: _arrange(load, own, names, f"features: layer {name!r}", first)
        for name, (load, own) in found.items()
    }
    return Features("features", layers, names, f"layer {first!r}")


def _read(array: Any, where: str, stimuli: Sequence[str]) -> Labelled:
    if isinstance(array, pd.DataFrame):
        return array.to_numpy, _name_rows(array, where, stimuli)
    if isinstance(array, xr.DataArray):
        return _read_labelled(array, where)
    return partial(read_array, array), None


def _name_rows(table: pd.DataFrame, where: str, stimuli: Sequence[str]) -> Labels:
    odd = [name for name in NO_UNITS if name in table.columns]
    if odd:
        raise UserError(
            f"{where} has the column {odd[0]!r}, which is no unit; make it the index if it names "
            "the stimuli, else leave it out"
        )
    index = table.index
    if LABEL in index.names:
        return _decode_all(index.get_level_values(LABEL))
    if index.nlevels > 1:
        raise UserError(
            f"{where} has an index of the levels {list(index.names)}; call that of the stimuli "
            f"{LABEL!r}"
        )
    if not _is_default(index):
        return _decode_all(index)
    known = set(stimuli)
    columns = [] if _is_default(table.columns) else _decode_all(table.columns)
    if known.intersection(columns):
        raise UserError(f"{where} has stimuli as columns; transpose it")
    numbers = _decode_all(index)
    if known.intersection(numbers) and numbers != tuple(stimuli):
        raise UserError(
            f"{where} has an index 0, 1, 2, ..., and stimuli are called so, in another order; call "
            f"the index {LABEL!r} if it names them, or give to_numpy() of rows in their order"
        )
    return None


def _is_default(index: pd.Index) -> bool:
    """Whether pandas made the index because none was given."""
    counted = isinstance(index, pd.RangeIndex) and index.equals(pd.RangeIndex(len(index)))
    return counted and index.name is None


def _read_labelled(array: xr.DataArray, where: str) -> Labelled:
    labels = array.coords.get(LABEL)  # `in` does not find a level of an index, `get` does
    own = () if labels is None else labels.dims
    dims = [dim for dim in array.dims if dim in own or (not own and dim in STIMULUS_DIMS)]
    if len(dims) != 1:
        raise UserError(
            f"{where} has the dims {array.dims}; call that of the stimuli 'stimulus', or give it "
            f"alone a coordinate {LABEL!r}"
        )
    (dim,) = dims
    source = array.coords[LABEL if own else dim]  # 0, 1, 2, ... of a dim without a coordinate
    names = _decode_all(source.values) if own or dim in array.coords else None
    return array.transpose(dim, ...).to_numpy, names


def _decode_all(values: Any) -> tuple[str, ...]:
    return tuple(decode(one) for one in values)


def _arrange(
    load: Callable[[], Any], own: Labels, names: Labels, where: str, first: str
) -> Callable[[], Any]:
    """The rows in the order of `names`, those of layer `first`."""
    if own == names:
        return load
    if own is None or names is None:
        unnamed, named = (where, f"layer {first!r}") if own is None else (f"layer {first!r}", where)
        raise UserError(f"{unnamed} has no names of rows, but {named} has; name those of all")
    if len(set(own)) < len(own) or set(own) != set(names):
        raise UserError(
            f"{where} has rows of other names than layer {first!r}; all layers are of the same "
            "stimuli"
        )
    numbers = {name: number for number, name in enumerate(own)}
    order = [numbers[name] for name in names]
    return lambda: np.asarray(load())[order]
