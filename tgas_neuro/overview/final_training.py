"""What is known of the final training of a run: its size, and the times of its epochs."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.spaces import calc_complexity
from tgas_neuro.final.network.scaling import parse_macs
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.history import Entry, find_best, get_reward, list_rated
from tgas_neuro.search.records import CandidateRecord, RunNote
from tgas_neuro.search.runs import Run

CLASSES = 10  # of the classifier of a network, which hardly counts


@dataclass(frozen=True)
class Winner:
    """What the winner of a search is expected from.

    Attributes
    ----------
    candidates
        Id of each rated candidate to its reward and multiply-adds for one image.
    growth
        Multiply-adds of a network at the size of the final training, for each of a candidate.
    finished, wanted
        Candidates that have ended, and those of the whole search.
    """

    candidates: Mapping[str, tuple[float, int]]
    growth: float
    finished: int
    wanted: int

    def expect_macs(self) -> int | None:
        """Multiply-adds of the final network for one image; None before a candidate is rated.

        The best so far is the winner as likely as its search is done; else the winner is one of
        the candidates that are still to come, which are as large as those so far.
        """
        if not self.candidates:
            return None
        sizes = [macs for _, macs in self.candidates.values()]
        _, best = max(self.candidates.values(), key=lambda one: one[0])
        share = min(self.finished / self.wanted, 1.0)
        return round(self.growth * (share * best + (1 - share) * fmean(sizes)))

    def at(self, ended: Collection[str]) -> "Winner":
        """What was known when these candidates had ended."""
        known = {name: one for name, one in self.candidates.items() if name in ended}
        return replace(self, candidates=known, finished=len(ended))


class Progress(NamedTuple):
    """How far an epoch was when it was noted.

    Attributes
    ----------
    step, steps
        Finished steps of the epoch, of how many.
    seconds
        How long they took [s].
    noted
        When [s since the epoch].
    each
        What one of the steps that are left takes [s]: the mean of those after the first one.
    """

    step: int
    steps: int
    seconds: float
    noted: float
    each: float


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
        Multiply-adds of its network for one image, where they are set.
    device, threads
        As configured.
    winner
        What they are expected from where they are not set; None without a candidate.
    progress
        Of the epoch after those that have ended; None before it was noted.
    """

    epochs: int
    ended: tuple[float, ...] = ()
    seconds: tuple[float, ...] = ()
    validations: tuple[float, ...] = ()
    images: int | None = None
    macs: int | None = None
    device: str = "cpu"
    threads: int = 1
    winner: Winner | None = None
    progress: Progress | None = None

    @property
    def expected_macs(self) -> int | None:
        """Multiply-adds of its network for one image; None if nothing is known of them."""
        return self.winner.expect_macs() if self.winner else self.macs

    def at(self, now: float, candidates: Collection[str]) -> "FinalTraining":
        """What was known at an earlier moment, when these candidates had ended."""
        n = sum(end <= now for end in self.ended)
        noted = self.progress is not None and self.progress.noted <= now
        return replace(
            self,
            ended=self.ended[:n],
            seconds=self.seconds[:n],
            validations=self.validations[:n],
            winner=self.winner and self.winner.at(candidates),
            progress=self.progress if noted else None,
        )


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
    place = folder.resolve().parents[1] / "final" / name
    ended, seconds, validations = load_epochs(place)
    config = find_config(note)
    section = config.get("final", {})
    same = config.get("premature", {}).get("data") == section.get("data")
    splits = [record["premature"] for record in records.values() if record["premature"]]
    entries = run.list_entries() if run is not None and splits else []
    wanted = note["generations"] * note["candidates"]
    macs, winner = _expect_size(entries, config, len(records), wanted)
    return FinalTraining(
        epochs=note["epochs"],
        ended=ended,
        seconds=seconds,
        validations=validations,
        images=splits[0]["n_train"] + splits[0]["n_held_back"] if same and splits else None,
        macs=macs,
        device=section.get("device", "auto"),
        threads=section.get("threads", 1),
        winner=winner,
        progress=load_progress(place, len(ended)),
    )


def load_progress(folder: Path, epoch: int) -> Progress | None:
    """How far the epoch after so many is; None where that was not noted.

    Parameters
    ----------
    folder
        ``results/final/<run>``.
    epoch
        Finished ones.
    """
    path = folder / "work" / "progress.json"
    try:
        noted, content = path.stat().st_mtime, read_json(path)
        if content["epoch"] != epoch or content["step"] < 1:
            return None
        step, seconds = content["step"], content["seconds"]
        each = content.get("each", seconds / step)  # older versions noted no such time
        return Progress(step, content["steps"], seconds, noted, each)
    except (OSError, UserError, KeyError, TypeError):
        return None


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


def _expect_size(
    entries: list[Entry], config: Mapping[str, Any], finished: int, wanted: int
) -> tuple[int | None, Winner | None]:
    """Multiply-adds of the final network where they are set, else what they are expected from."""
    best = find_best(entries)
    if best is None or not config:
        return None, None
    try:
        final = check_configuration(dict(config)).final
        if final.target is not None:
            return parse_macs(final.target.macs), None
        growth = calc_complexity(best.genotype, build_skeleton(final, CLASSES)).macs / best.macs
    except UserError:
        return None, None  # noted by a version with other keys
    rated = {entry.id: (get_reward(entry), entry.macs) for entry in list_rated(entries)}
    return None, Winner(rated, growth, finished, wanted)
