"""The history of a search: every candidate so far with its reward, and the best of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.scoring.layers import Score, get_similarity
from tgas_neuro.search.guidance import Measures, Rating
from tgas_neuro.search.measures import list_rung_measures, list_rung_values, read_measures
from tgas_neuro.search.records import (
    BestSoFar,
    CandidateRecord,
    ReachedRung,
    RungMeasures,
    State,
)

# Fields that only some ratings need; files leave them out where they are empty.
SPECIAL = ("rung_measures", "regions_untrained", "probe_accuracy")


@dataclass(frozen=True)
class Entry:
    """One finished candidate as strategies and leaderboards see it.

    Attributes
    ----------
    id
        ``g<generation>_c<candidate>``; a candidate of a reused run has ``<run>/`` before it.
    genotype, hash
        The architecture and its canonical hash.
    state
        ``ok``, or how it failed, or ``duplicate``.
    original
        Id of the candidate that a duplicate equals; else None.
    P, TG
        Premature accuracy in [0, 1] and teacher guidance; None unless trained to the end.
    regions
        Region to its similarity corrected for noise, or None.
    reward
        What the guidance makes of the measures (see `tgas_neuro.search.guidance`); None for a
        failure.
    params, macs
        Size of the network, whether or not it was trained.
    TG_untrained
        TG of the same network before its first training step; None where it was not measured.
    complete
        Whether the genotype is a member of the space. A partial one, which the progressive
        strategy trains on its way, teaches strategies and cannot win.
    rungs
        Rung [epoch], as text, to the value there by which candidates are stopped early.
    rung_measures
        Rung to P and TG there, where the rating makes z-scores of them.
    regions_untrained
        Region to its similarity before the training, where the rating learns from it.
    probe_accuracy
        Accuracy after the longer training of a probe, where the rating learns from it.
    """

    id: str
    genotype: Genotype
    hash: str
    state: State
    original: str | None
    P: float | None
    TG: float | None
    regions: dict[str, float] | None
    reward: float | None
    params: int
    macs: int
    TG_untrained: float | None = None
    complete: bool = True
    rungs: dict[str, float] = field(default_factory=dict)
    rung_measures: dict[str, RungMeasures] = field(default_factory=dict)
    regions_untrained: dict[str, float] | None = None
    probe_accuracy: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON content."""
        content = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in SPECIAL or getattr(self, name) not in (None, {})
        }
        return content | {"genotype": self.genotype.to_json()}

    @property
    def measures(self) -> Measures | None:
        """What it can be ranked by; None unless it was trained to the end."""
        if self.P is None:
            return None
        return Measures(self.P, self.TG, self.TG_untrained, self.params, self.macs)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Entry":
        """The entry of `to_json`."""
        return cls(**(content | {"genotype": read_genotype(content["genotype"])}))


def load_records(paths: Sequence[Path]) -> list[CandidateRecord]:
    """Load records of candidates.

    Raises
    ------
    UserError
        A record is that of another candidate than its file's name says, its hash is not that of its
        genotype, or another version of the results wrote it; the message names the file.
    """
    records: list[CandidateRecord] = [read_json(path) for path in paths]
    for path, record in zip(paths, records, strict=True):
        way_out = f"to have it made again: rm '{path}'"
        named = re.search(r"generation_(\d+)/candidate_(\d+)\.json$", path.as_posix())
        if named and record["id"] != f"g{named[1]}_c{named[2]}":
            raise UserError(f"{path}: holds the record of {record['id']}; {way_out}")
        found = read_genotype(record["genotype"], str(path)).hash
        if found != record["hash"]:
            raise UserError(
                f"{path}: its hash is {record['hash']}, that of its genotype is {found}; {way_out}"
            )
        version = record["provenance"]["results_version"]
        if version != RESULTS_VERSION:
            raise UserError(
                f"{path}: of version {version} of the results, this is {RESULTS_VERSION}; {way_out}"
            )
    return records


def build_entry(record: CandidateRecord, rating: Rating, known: Mapping[str, Entry]) -> Entry:
    """Rate a candidate record by itself.

    Where the rating depends on other candidates, `tgas_neuro.search.rewards.rate_together` makes
    the reward that counts.

    Parameters
    ----------
    record
        What was measured of the candidate.
    rating
        How candidates are ranked.
    known
        Finished entries by id: a duplicate takes the values of its original.
    """
    genotype = read_genotype(record["genotype"])
    if record["original"] is not None:
        return replace(
            known[record["original"]],
            genotype=genotype,
            id=record["id"],
            state=record["state"],
            original=record["original"],
        )
    entry = Entry(
        id=record["id"],
        genotype=genotype,
        hash=record["hash"],
        state=record["state"],
        original=None,
        P=None,
        TG=None,
        regions=None,
        reward=None,
        **record["complexity"],
        complete=record["complete"],
        rungs=list_rung_values(record, rating),
        rung_measures=list_rung_measures(record, rating),
    )
    if record["state"] != "ok":
        return entry
    measures = read_measures(record, rating)
    entry = replace(
        entry,
        P=measures.P,
        TG=measures.TG,
        regions=_list_regions(record["teacher"], rating),
        reward=rating.rate(measures),
        TG_untrained=measures.TG_untrained,
    )
    if rating.guidance != "learned":
        return entry
    probe = record.get("probe")
    return replace(
        entry,
        regions_untrained=_list_regions(record["teacher_untrained"], rating) or None,
        probe_accuracy=probe["accuracy"] if probe else None,
    )


def _list_regions(score: Score | None, rating: Rating) -> dict[str, float]:
    """Region to its similarity corrected for noise; without those that have none."""
    chosen = {
        name: get_similarity(region, rating.layer_choice)
        for name, region in (score["regions"] if score else {}).items()
    }
    return {name: choice["corrected"] for name, choice in chosen.items() if choice}


def load_history(path: Path) -> list[Entry]:
    """The entries of a history file."""
    return [Entry.from_json(entry) for entry in read_json(path)["entries"]]


def load_reused(path: Path | None, rating: Rating) -> list[Entry]:
    """The entries of a ``reused.json`` under this run's rating; none without the file."""
    if path is None:
        return []
    return [build_entry(record, rating, {}) for record in read_json(path)["records"]]


def is_member(space: Space, genotype: Genotype) -> bool:
    """Whether a genotype is a complete one of the space, which may win a search."""
    try:
        space.validate(genotype)
    except UserError:
        return False
    return True


def select_members(space: Space, history: Sequence[Entry]) -> list[Entry]:
    """The entries with complete genotypes of the space, in order, without duplicates.

    A duplicate repeats the record of its original and adds no information.
    """
    return [
        entry for entry in history if entry.original is None and is_member(space, entry.genotype)
    ]


def get_reward(entry: Entry) -> float:
    """The reward of an entry that has one."""
    if entry.reward is None:
        raise ValueError(f"candidate {entry.id} has no reward")
    return entry.reward


def list_rated(entries: Sequence[Entry]) -> list[Entry]:
    """The complete entries with a reward."""
    return [entry for entry in entries if entry.reward is not None and entry.complete]


def find_best(entries: Sequence[Entry]) -> Entry | None:
    """The complete entry with the highest reward, the earliest of equals; None without any."""
    return max(list_rated(entries), key=get_reward, default=None)


def describe_best(entries: Sequence[Entry]) -> BestSoFar | None:
    """The best entry by its id and reward, as files name it."""
    best = find_best(entries)
    return {"id": best.id, "reward": get_reward(best)} if best else None


def rank_entries(entries: Sequence[Entry], most: int | None = 10) -> list[Entry]:
    """The best complete candidates without duplicates, highest reward first; None is all."""
    rated = [entry for entry in list_rated(entries) if entry.original is None]
    return sorted(rated, key=lambda entry: -get_reward(entry))[:most]


def count_states(entries: Sequence[Entry]) -> dict[str, int]:
    """How many candidates ended in each state, by name."""
    states = sorted(entry.state for entry in entries)
    return {state: states.count(state) for state in dict.fromkeys(states)}


def describe_states(states: Mapping[str, int]) -> str:
    """The states and their numbers in words: ``1 diverged, 4 ok``."""
    return ", ".join(f"{count} {state}" for state, count in states.items())


def describe_stop(rungs: Sequence[ReachedRung]) -> str:
    """Why a candidate was stopped at the last of the rungs in its record."""
    last = rungs[-1]
    value = "no value" if last["value"] is None else f"{last['value']:.3f}"
    return (
        f"{value} after {last['epoch']:g} epochs, {last['threshold']:.3f} was needed there to be "
        f"among the best of {last['of']} candidates (premature.keep_fraction)"
    )
