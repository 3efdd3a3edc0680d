"""An assembly as a source keeps it, and its labels under the project's names."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from tgas_neuro.recordings.assembly import DIMS
from tgas_neuro.recordings.readers.labels import convert_to_label, convert_to_text, convert_to_whole
from tgas_neuro.recordings.readers.options import NetcdfOptions
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
    notes
        What was never written, one line each.
    """

    where: str
    responses: xr.Variable
    labels: Mapping[str, tuple[tuple[str, ...], np.ndarray]]
    attrs: Mapping[str, Any] = field(default_factory=dict)
    load: Callable[[xr.Variable], np.ndarray] = np.asarray
    notes: tuple[str, ...] = ()


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


def format_absent(source: SourceAssembly, label: str, dim: str, option: bool = False) -> UserError:
    """The error for a label that the source does not have along `dim`.

    `option`: whether an option of the same name can stand in for it.
    """
    there = sorted(name for name, (dims, _) in source.labels.items() if dims == (dim,))
    way_out = f", or set options.{label} where it is the same for all" if option else ""
    return UserError(
        f"{source.where}: {label!r} on {dim!r} is missing; there are: "
        f"{', '.join(there) or 'none'}; add it, one value for each {dim}{way_out}"
    )


# labels that are taken over, with the names that other programs give them
PRESENTATION = {
    "stimulus_id": ("image_id",),
    "repetition": (),
    "object_name": (),
    "category_name": (),
    "variation": (),
    "session": (),
}
NEUROID = {
    "neuroid_id": (),
    "region": (),
    "animal": ("subject",),
    "array": ("arr",),
    "session": (),
}


def read_presentation_labels(
    source: SourceAssembly, options: NetcdfOptions
) -> dict[str, np.ndarray]:
    """Labels along ``presentation``: ``stimulus_id`` and those of `PRESENTATION` that there are.

    ``repetition`` is among them only if the source has it and it is to be used; see
    `number_repetitions`, which is for the presentations that are left.

    Raises
    ------
    UserError
        ``stimulus_id`` is missing or incomplete, ``repetition`` is not of whole numbers, or a
        label lies on another dim.
    """
    labels = _find_labels(source, "presentation", PRESENTATION)
    if "stimulus_id" not in labels:
        raise format_absent(source, "stimulus_id", "presentation")
    choice, repetition = options.repetition, labels.pop("repetition", None)
    if choice == "given" and repetition is None:
        raise format_absent(source, "repetition", "presentation")
    converted = {
        label: convert_to_label(values, f"{source.where}: {label}")
        for label, values in labels.items()
    }
    converted["stimulus_id"] = convert_to_text(
        labels["stimulus_id"], "stimulus_id", "presentation", source.where
    )
    if repetition is not None and choice != "numbered":
        converted["repetition"] = convert_to_whole(
            repetition, "repetition", "presentation", source.where
        )
    return converted


def number_repetitions(where: str, presentation: Mapping[str, np.ndarray]) -> np.ndarray:
    """Repetition of each presentation: as the source has it, else numbered in order from 0.

    Raises
    ------
    UserError
        A stimulus has the same repetition twice.
    """
    frame = pd.DataFrame({"stimulus_id": presentation["stimulus_id"]})
    if "repetition" not in presentation:
        return frame.groupby("stimulus_id").cumcount().to_numpy()
    frame["repetition"] = presentation["repetition"]
    doubled = frame.duplicated().to_numpy()
    if doubled.any():
        row = frame.iloc[int(doubled.argmax())]
        raise UserError(
            f"{where}: repetition {row['repetition']} of stimulus_id {row['stimulus_id']!r} "
            f"appears more than once ({int(doubled.sum())} such); correct it, or set "
            "options.repetition: numbered to number them in the order of presentations"
        )
    return presentation["repetition"]


def read_site_labels(source: SourceAssembly, options: NetcdfOptions) -> dict[str, np.ndarray]:
    """Labels along ``neuroid``: ``neuroid_id``, ``region``, ``animal`` and what else there is.

    Raises
    ------
    UserError
        One of the three is missing, incomplete or given twice, or identifiers are not unique.
    """
    labels = _find_labels(source, "neuroid", NEUROID)
    converted = {
        label: convert_to_label(values, f"{source.where}: {label}")
        for label, values in labels.items()
    }
    for label in ("region", "animal"):
        value = getattr(options, label, None)
        if label in labels and value is not None:
            raise UserError(
                f"{source.where}: options.{label}: {value!r} is given, but the source says itself "
                f"which {label} each site is of; remove the option"
            )
        if label not in labels and value is None:
            raise format_absent(source, label, "neuroid", option=True)
        values = labels.get(label, np.full(source.responses.sizes["neuroid"], value))
        converted[label] = convert_to_text(values, label, "neuroid", source.where)
    converted["neuroid_id"] = _name_sites(source, options.neuroid_id or ["neuroid_id"], converted)
    return converted


def _find_labels(
    source: SourceAssembly, dim: str, wanted: Mapping[str, tuple[str, ...]]
) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for label, others in wanted.items():
        for name in (label, *others):
            if name not in source.labels:
                continue
            dims, values = source.labels[name]
            if dims == (dim,):
                found.setdefault(label, values)
            elif label != "session":  # which may lie on either
                raise UserError(
                    f"{source.where}: {name!r} lies on {dims}, expected ({dim!r},); "
                    f"give it one value for each {dim}"
                )
    return found


def _name_sites(
    source: SourceAssembly, parts: list[str], converted: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Identifiers of sites: one label, or several joined by "_", by either's names."""
    columns = []
    for part in parts:
        dims, values = source.labels.get(part, (("neuroid",), converted.get(part)))
        if dims != ("neuroid",) or values is None:
            raise format_absent(source, part, "neuroid")
        columns.append(convert_to_text(values, part, "neuroid", source.where))
    names = np.array(["_".join(row) for row in zip(*columns, strict=True)], dtype=str)
    doubled = pd.Series(names).duplicated().to_numpy()
    if doubled.any():
        raise UserError(
            f"{source.where}: neuroid_id {str(names[doubled][0])!r} appears more than once "
            f"({int(doubled.sum())} such); rename the sites, or join labels that tell them apart, "
            "as options.neuroid_id: [animal, session, neuroid_id]"
        )
    return names
