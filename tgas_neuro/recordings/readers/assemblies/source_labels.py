"""Labels of a source's presentations and sites, under the names that the project gives them."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from tgas_neuro.recordings.readers.assemblies.source_assembly import SourceAssembly, word_absent
from tgas_neuro.recordings.readers.labels import convert_to_label, convert_to_text, convert_to_whole
from tgas_neuro.runtime.errors import UserError

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
    source: SourceAssembly, options: Mapping[str, object]
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
        raise word_absent(source, "stimulus_id", "presentation")
    choice, repetition = options.get("repetition"), labels.pop("repetition", None)
    if choice == "given" and repetition is None:
        raise word_absent(source, "repetition", "presentation")
    converted = {label: convert_to_label(values) for label, values in labels.items()}
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


def read_site_labels(
    source: SourceAssembly, options: Mapping[str, object]
) -> dict[str, np.ndarray]:
    """Labels along ``neuroid``: ``neuroid_id``, ``region``, ``animal`` and what else there is.

    Raises
    ------
    UserError
        One of the three is missing, incomplete or given twice, or identifiers are not unique.
    """
    labels = _find_labels(source, "neuroid", NEUROID)
    converted = {label: convert_to_label(values) for label, values in labels.items()}
    for label in ("region", "animal"):
        value = options.get(label)
        if label in labels and value is not None:
            raise UserError(
                f"{source.where}: options.{label}: {value!r} is given, but the source says itself "
                f"which {label} each site is of; remove the option"
            )
        if label not in labels and value is None:
            raise word_absent(source, label, "neuroid", option=True)
        values = labels.get(label, np.full(source.responses.sizes["neuroid"], value))
        converted[label] = convert_to_text(values, label, "neuroid", source.where)
    converted["neuroid_id"] = _name_sites(
        source, options.get("neuroid_id") or ["neuroid_id"], converted
    )
    return converted


def _find_labels(
    source: SourceAssembly, dim: str, wanted: Mapping[str, tuple[str, ...]]
) -> dict[str, np.ndarray]:
    found = {}
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
            raise word_absent(source, part, "neuroid")
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
