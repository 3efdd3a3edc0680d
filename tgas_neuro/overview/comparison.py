"""Two runs side by side: what differs in their configurations, and what came out of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tgas_neuro.overview.runs import Found, build_row, list_differences
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.layers import get_similarity

# Keys of a configuration that say on which data P, TG and top-1 are measured.
DATA = ("recordings.regions", "recordings.min_site_reliability", "premature.data", "final.data")


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes
    ----------
    differences
        Key of the configuration to the values of both.
    results
        Quantity to the values of both; None is not measured.
    notes
        What must be known to compare the numbers.
    """

    differences: dict[str, list[Any]]
    results: dict[str, list[Any]]
    notes: list[str]


def compare(left: Found, right: Found) -> Comparison:
    """Compare two runs.

    Raises
    ------
    UserError
        Their numbers mean different things: other data, another version of the results.
    """
    pair = (left, right)
    refuse_incomparable(left, right)
    rows = [build_row(found) for found in pair]
    for row, found in zip(rows, pair, strict=True):
        row |= _list_regions(found) | _list_sizes(found) | _list_costs(found)
    left_out = ("run", "name", "date", "total")
    keys = dict.fromkeys(key for row in rows for key in row if key not in left_out)
    results = {key: [row.get(key) for row in rows] for key in keys}
    configs = [found.config for found in pair]
    return Comparison(list_differences(configs), results, _list_notes(left, right))


def refuse_incomparable(left: Found, right: Found) -> None:
    """Raise `UserError` if the numbers of two runs mean different things."""
    names = f"{left.folder.name} and {right.folder.name}"
    if left.version is None or right.version is None:
        empty = left if left.version is None else right
        raise UserError(f"run {empty.folder.name}: no candidate has finished; nothing to compare")
    if left.version != right.version:
        raise UserError(
            f"{names}: have versions {left.version} and {right.version} of the results, whose "
            "numbers differ for reasons of the software; run the older one again"
        )
    for key in DATA:
        values = [_get(found.config, key) for found in (left, right)]
        if None not in values and values[0] != values[1]:
            raise UserError(
                f"{names}: {key} is {_shorten(values[0])} and {_shorten(values[1])}; P, TG and "
                "top-1 of other data do not compare; run both on the same data"
            )
    for key, what in (("images", "training images"), ("teacher", "teachers")):
        digests = [found.digests.get(key) for found in (left, right)]
        known = bool(left.config and right.config)  # then the configurations say what differs
        if digests[0] != digests[1] and (key == "images" or not known):
            raise UserError(
                f"{names}: have other {what} (digests {_cut(digests[0])} and {_cut(digests[1])}); "
                "their numbers do not compare; run both on the same data"
            )
    images = [_get(found.metrics or {}, "digests.validation_images") for found in (left, right)]
    if None not in images and images[0] != images[1]:
        raise UserError(
            f"{names}: were evaluated on other images (digests {_cut(images[0])} and "
            f"{_cut(images[1])}); their top-1 does not compare; run both on the same data"
        )


def _list_notes(left: Found, right: Found) -> list[str]:
    notes = []
    formulas = [found.run.rating.describe() if found.run else "" for found in (left, right)]
    if formulas[0] != formulas[1]:
        notes.append("the runs are ranked by different formulas: their rewards do not compare")
    if left.digests.get("teacher") != right.digests.get("teacher"):
        notes.append("the runs have different teachers: their TG does not compare")
    for found in (left, right):
        if not found.config:
            notes.append(f"the configuration of {found.folder.name} was not noted")
        if found.state != "finished":
            notes.append(f"{found.folder.name} has not finished: its best may change")
    return notes


def _list_regions(found: Found) -> dict[str, Any]:
    """Similarity of the best candidate and of the final network to each region."""
    best, run = found.best, found.run
    row: dict[str, float | None] = {
        f"TG_{name}": value for name, value in ((best.regions if best else None) or {}).items()
    }
    if found.guidance is not None and run is not None:
        for name, region in found.guidance["regions"].items():
            similarity = get_similarity(region, run.rating.layer_choice)
            row[f"final_TG_{name}"] = similarity["corrected"] if similarity else None
    return row


def _list_sizes(found: Found) -> dict[str, Any]:
    best, metrics = found.best, found.metrics or {}
    return {
        "params": best.params if best else None,
        "macs": best.macs if best else None,
        "final_params": metrics.get("params"),
        "final_macs": metrics.get("macs"),
    }


def _list_costs(found: Found) -> dict[str, Any]:
    records = [found.run.read_record(name) for name in found.run.records] if found.run else []
    cost = (found.metrics or {}).get("cost", {})
    return {
        "search_images": sum(record["cost"]["images_seen"] for record in records),
        "search_seconds": round(sum(record["cost"]["seconds"] for record in records), 1),
        "final_images": cost.get("images_seen"),
        "final_seconds": cost.get("seconds"),
    }


def _get(content: Mapping[str, Any], path: str) -> Any:
    for key in path.split("."):
        if not isinstance(content, Mapping) or key not in content:
            return None
        content = content[key]
    return content


def _shorten(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _cut(digest: str | None) -> str:
    return digest[:8] if digest else "none"
