"""An assembly as it lies in a source: responses not yet read, labels under the source's names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from tgas_neuro.recordings.assembly import DIMS
from tgas_neuro.runtime.errors import UserError


@dataclass(frozen=True)
class SourceAssembly:
    """Responses and labels as they lie in a source.

    Attributes
    ----------
    where
        The file or data set, for messages.
    responses
        Dims ``presentation``, ``neuroid`` and perhaps ``time_bin``, in any order.
    labels
        Name to (dims, values); no MultiIndex.
    attrs
        Of these ``unit`` and ``time_window_ms`` are used where there are any.
    load
        Makes numbers of a part of `responses`; raises `UserError` where the source is damaged.
    """

    where: str
    responses: xr.Variable
    labels: Mapping[str, tuple[tuple[str, ...], np.ndarray]]
    attrs: Mapping[str, object] = field(default_factory=dict)
    load: Callable[[xr.Variable], np.ndarray] = np.asarray


def check_source(source: SourceAssembly) -> None:
    """Check dims and type of the responses.

    Raises
    ------
    UserError
        A dim is missing, unknown or empty, or the responses are not real numbers.
    """
    dims = set(source.responses.dims)
    if not set(DIMS) <= dims or dims - {*DIMS, "time_bin"}:
        raise UserError(
            f"{source.where}: dims of the responses are {source.responses.dims}, expected "
            "'presentation' and 'neuroid', and perhaps 'time_bin', in any order; rename them, or "
            "choose a data set of responses to stimuli"
        )
    for dim, size in source.responses.sizes.items():
        if size == 0:
            raise UserError(f"{source.where}: dimension {dim!r} is empty; use a file with data")
    if source.responses.dtype.kind not in "iufb":
        raise UserError(
            f"{source.where}: responses are of type {source.responses.dtype}, expected real "
            "numbers; store them as float32 or as integers"
        )


def word_absent(source: SourceAssembly, label: str, dim: str, option: bool = False) -> UserError:
    """The error for a label that the source does not have along `dim`.

    `option`: whether an option of the same name can stand in for it.
    """
    there = sorted(name for name, (dims, _) in source.labels.items() if dims == (dim,))
    way_out = f", or set options.{label} where it is the same for all" if option else ""
    return UserError(
        f"{source.where}: {label!r} on {dim!r} is missing; there are: "
        f"{', '.join(there) or 'none'}; add it, one value for each {dim}{way_out}"
    )
