"""What is known of the final training of a run: its size, and the times of its epochs."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import calc_complexity
from tgas_neuro.config.final import Final
from tgas_neuro.final.network.scaling import parse_macs
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.history import Entry, find_best
from tgas_neuro.search.records import CandidateRecord, RunNote
from tgas_neuro.search.runs import Run

CLASSES = 10  # of the classifier of a network, which hardly counts


@dataclass(frozen=True)
class FinalTraining:
    """The final training.

    Attributes
    ----------
    epochs
        How many there are to be.
    ended
        When each of the finished ones had ended [s since the epoch].
    seconds, validations
        How long their training and their validation took [s].
    images
        Of one epoch; None if that is not known.
    macs
        Multiply-adds of its network for one image, by the best candidate so far; None without one.
    device, threads
        As configured.
    """

    epochs: int
    ended: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    validations: tuple[float, ...] = ()
    images: int | None = None
    macs: int | None = None
    device: str = "cpu"
    threads: int = 1


def find_config(note: RunNote) -> dict[str, Any]:
    """The configuration with which a run was last started; empty if it was not noted."""
    return note.get("finals", {}).get(note.get("final", ""), {})


def load_final(
    run: Run | None, folder: Path, note: RunNote, records: Mapping[str, CandidateRecord]
) -> FinalTraining | None:
    """What is known of the final training of a run; None of a note of an earlier version.

    Parameters
    ----------
    run
        Its search; None before anything has been proposed.
    folder
        ``results/search/<run>``.
    note
        Its note.
    records
        Id of each finished candidate to its record.
    """
    name = note.get("final")
    if not name or "epochs" not in note:
        return None
    ended, seconds, validations = load_epochs(folder.resolve().parents[1] / "final" / name)
    config = find_config(note)
    section = config.get("final", {})
    same = config.get("premature", {}).get("data") == section.get("data")
    splits = [record["premature"] for record in records.values() if record["premature"]]
    entries = run.list_entries() if run is not None and splits else []
    return FinalTraining(
        epochs=note["epochs"],
        ended=ended,
        seconds=seconds,
        validations=validations,
        images=splits[0]["n_train"] + splits[0]["n_held_back"] if same and splits else None,
        macs=_find_macs(entries, config),
        device=section.get("device", "auto"),
        threads=section.get("threads", 1),
    )


def load_epochs(
    folder: Path,
) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """When the epochs of a final training ended, how long they took, and their validations [s].

    Parameters
    ----------
    folder
        ``results/final/<run>``. The date of its log is that of the last epoch.
    """
    paths = [folder / "work" / "log.csv", folder / "log.csv"]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return (), (), ()
    last = path.stat().st_mtime
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seconds = [float(row["seconds"]) for row in rows]
    validations = [float(row["val_seconds"] or 0) for row in rows]
    both = [sum(pair) for pair in zip(seconds, validations, strict=True)]
    ended = [last - sum(both[number + 1 :]) for number in range(len(both))]
    return tuple(ended), tuple(seconds), tuple(validations)


def _find_macs(entries: list[Entry], config: Mapping[str, Any]) -> int | None:
    """Multiply-adds of the best candidate so far at the size of the final training."""
    best = find_best(entries)
    if best is None or not config:
        return None
    try:
        final = check_configuration(dict(config)).final
        return _calc_macs(final, best.genotype)
    except UserError:
        return None  # noted by a version with other keys


def _calc_macs(final: Final, genotype: Genotype) -> int:
    if final.target is not None:
        return parse_macs(final.target.macs)
    return calc_complexity(genotype, build_skeleton(final, CLASSES)).macs
