"""The candidates of a search as rows: all numbers of their records, and their rewards."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.scoring.layers import (
    LAYER_CHOICES,
    LayerChoice,
    Score,
    get_guidance,
    get_similarity,
)
from tgas_neuro.search.history import Entry
from tgas_neuro.search.measures import name_rung
from tgas_neuro.search.records import CandidateRecord, ReachedRung

# Of the short training; also of a candidate that was stopped at a rung, which has no P.
TRAINING = ("accuracy", "loss", "epochs", "stopped_at", "n_train", "n_held_back")

Row = dict[str, str | int | float | bool | None]


@dataclass(frozen=True)
class SearchLog:
    """A search as loggers see it.

    Attributes
    ----------
    name
        Name of the run.
    folder
        ``results/search/<run>``; each logger writes to a place of its own in it.
    rows
        All finished candidates in the order of the history; see `build_rows`.
    choices
        For each row, the named choices that encode its genotype; empty where the space of the
        search has none for it.
    n_values
        Every choice to the number of its values.
    rungs
        For each row, the rungs that it reached.
    """

    name: str
    folder: Path
    rows: list[Row]
    choices: list[dict[str, int]]
    n_values: dict[str, int]
    rungs: list[list[ReachedRung]]


def build_log(
    folder: Path,
    entries: Sequence[Entry],
    records: Mapping[str, CandidateRecord],
    space: Space[Any] | None,
    layer_choice: LayerChoice,
) -> SearchLog:
    """Put together what loggers write.

    Parameters
    ----------
    folder
        That of the run.
    entries
        Of its history, with rewards.
    records
        Id to the record of every entry.
    space
        The space of the search; None leaves out the choices that encode genotypes.
    layer_choice
        That of the run.
    """
    return SearchLog(
        name=folder.name,
        folder=folder,
        rows=build_rows(entries, records, layer_choice),
        choices=[_list_choices(space, entry.genotype) for entry in entries],
        n_values=space.choices() if space else {},
        rungs=[records[entry.id]["rungs"] for entry in entries],
    )


def _list_choices(space: Space[Any] | None, genotype: Genotype) -> dict[str, int]:
    if space is None or space.get_stage(genotype) is None:  # of another space
        return {}
    return space.to_choices(genotype)


def build_rows(
    entries: Iterable[Entry], records: Mapping[str, CandidateRecord], layer_choice: LayerChoice
) -> list[Row]:
    """A row for each candidate, all with the same columns; docs/integrations.md lists them.

    A duplicate has the measures of its original and its own cost. What was not measured is None.
    """
    rows = [_build_row(entry, records, layer_choice) for entry in entries]
    columns = order_columns(rows)
    return [{name: row.get(name) for name in columns} for row in rows]


def order_columns(rows: Sequence[Row]) -> list[str]:
    """Columns of all rows; a new one comes after the one that it follows in its row."""
    columns: list[str] = []
    for row in rows:
        place = 0
        for name in row:
            if name in columns:
                place = columns.index(name) + 1
            else:
                columns.insert(place, name)
                place += 1
    return columns


def _build_row(
    entry: Entry, records: Mapping[str, CandidateRecord], layer_choice: LayerChoice
) -> Row:
    record = records[entry.id]
    # of a candidate of an older run only the history knows what its duplicate takes over
    measured = records.get(entry.original or entry.id, record)
    premature: Mapping[str, Any] = measured["premature"] or {}
    cost: Mapping[str, Any] = record["cost"]
    teacher, dates = measured["teacher"], record.get("dates")
    row: Row = {
        "id": entry.id,
        "generation": int(entry.id.partition("_")[0].removeprefix("g")),
        "state": entry.state,
        "message": record["message"] or None,
        "original": entry.original,
        "hash": entry.hash,
        "complete": entry.complete,
        "reward": entry.reward,
        "P": entry.P,
        "TG": entry.TG,
        "TG_untrained": entry.TG_untrained,
    }
    row |= {f"TG_{name}": value for name, value in (entry.regions or {}).items()}
    row |= _list_scores(teacher, layer_choice)
    row |= {name: premature.get(name) for name in TRAINING}
    for rung in record["rungs"]:
        TG = rung["TG"].get(layer_choice) if rung["TG"] else None
        values = {"P": rung["P"], "TG": TG, "value": rung["value"], "threshold": rung["threshold"]}
        row |= {f"rung_{name_rung(rung['epoch'])}_{name}": one for name, one in values.items()}
    if "probe" in measured:
        probe = measured["probe"]
        row |= {f"probe_{name}": probe and probe[name] for name in ("accuracy", "loss", "epochs")}
    row |= {"params": entry.params, "macs": entry.macs}
    row |= {
        name: cost.get(name)
        for name in ("images_seen", "seconds", "peak_memory_mb", "attempts", "device")
    }
    row |= {name: dates[name] if dates else None for name in ("started", "finished")}
    return row | {"genotype": json.dumps(entry.genotype.to_json(), separators=(",", ":"))}


def _list_scores(score: Score | None, layer_choice: LayerChoice) -> Row:
    """TG by every layer choice, and each region: as measured, ceiling, and matching layers."""
    if score is None:
        return {}
    row: Row = {f"TG_by_{choice}": get_guidance(score, choice) for choice in LAYER_CHOICES}
    for name, region in score["regions"].items():
        found = get_similarity(region, layer_choice)
        crossed, paper = region["crossed"], region["paper"]
        row |= {
            f"raw_{name}": found["raw"] if found else None,
            f"ceiling_{name}": region["ceiling"],
            f"crossed_layers_{name}": ", ".join(crossed["layers"]) if crossed else None,
            f"paper_layer_{name}": paper["layer"] if paper else None,
        }
    return row


def write_csv(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, whole or not at all; numbers with all their digits, None as nothing."""
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["id"])
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(log: SearchLog) -> None:
    """Write the rows as ``candidates.parquet``, whole or not at all."""
    import pandas as pd

    frame = pd.DataFrame(log.rows)
    for name in frame:
        known = [row[name] for row in log.rows if row[name] is not None]
        if not known or all(isinstance(one, str) for one in known):
            frame[name] = frame[name].astype(object).where(frame[name].notna(), None)
        elif all(isinstance(one, bool) for one in known):
            frame[name] = frame[name].astype("boolean")
        elif all(isinstance(one, int) for one in known):
            frame[name] = frame[name].astype("Int64")
        else:
            frame[name] = frame[name].astype(float)
    with written_whole(log.folder / "candidates.parquet") as beside:
        frame.to_parquet(beside, engine="fastparquet", index=False)
