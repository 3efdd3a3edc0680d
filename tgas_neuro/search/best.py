"""The best candidate of a search, and the leaderboard."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import (
    Entry,
    build_entry,
    count_states,
    describe_states,
    find_best,
    get_reward,
    load_records,
    load_reused,
    rank_entries,
)
from tgas_neuro.search.records import (
    Best,
    CandidateRecord,
    History,
    LeaderboardRow,
)
from tgas_neuro.search.rewards import rate_together


def make_best(
    history: Path, records: Sequence[Path], name: str, reused: Path | None = None
) -> Best:
    """Make ``best.json`` of a search.

    Parameters
    ----------
    history
        The history of the last generation.
    records
        All candidate records.
    name
        The run.
    reused
        Candidates of older runs (see `tgas_neuro.search.runs.reuse`), which may win as well.

    Raises
    ------
    UserError
        No candidate has a reward; the message counts the states and names the commonest reason.
        Or the history holds something else than the records.
    """
    content: History = read_json(history)
    rating = Rating.read(content)
    own = [Entry.from_json(entry) for entry in content["entries"]]
    older_entries = load_reused(reused, rating)
    entries, basis = rate_together([*older_entries, *own], rating)
    best = find_best(entries)
    found = load_records(records)
    _check_entries(history, own, found, rating, older_entries)
    if best is None:
        raise _build_failure(own, found)
    older: list[CandidateRecord] = read_json(reused)["records"] if reused else []
    return {
        "run": name,
        "id": best.id,
        "hash": best.hash,
        "genotype": best.genotype.to_json(),
        "reward": get_reward(best),
        **rating.to_json(),
        **basis,
        "record": next(record for record in [*older, *found] if record["id"] == best.id),
        "leaderboard": build_leaderboard(rank_entries(entries)),
        "states": count_states(own),
        "provenance": content["provenance"],
        "cost": content["cost"],
    }


def _check_entries(
    history: Path,
    entries: Sequence[Entry],
    records: Sequence[CandidateRecord],
    rating: Rating,
    older: Sequence[Entry],
) -> None:
    """Raise `UserError` unless the history's entries are what its records give, each once."""
    known = {entry.id: entry for entry in older}
    for record in records:
        known[record["id"]] = build_entry(record, rating, known)
    rated, _ = rate_together(list(known.values()), rating)
    expected = rated[len(older) :]
    pairs = zip(entries, expected, strict=False)
    wrong = [entry.id for entry, one in pairs if not _is_same(entry, one)]
    if wrong or len(entries) != len(expected):
        what = f"entry {wrong[0]} is" if wrong else f"{len(entries)} entries are"
        raise UserError(
            f"{history}: {what} not what the {len(expected)} records of the candidates give; to "
            f"have it made again: rm '{history}'"
        )


def _is_same(entry: Entry, other: Entry) -> bool:
    """Whether entries are equal; another processor may round a learned reward otherwise."""
    if entry.reward is None or other.reward is None:
        return entry == other
    close = math.isclose(entry.reward, other.reward, rel_tol=1e-9, abs_tol=1e-9)
    return close and replace(entry, reward=other.reward) == other


def build_leaderboard(entries: Sequence[Entry]) -> list[LeaderboardRow]:
    """Entries as rows of a leaderboard, in their order."""
    return [
        {
            "id": entry.id,
            "hash": entry.hash,
            "state": entry.state,
            "P": entry.P,
            "TG": entry.TG,
            "TG_untrained": entry.TG_untrained,
            "regions": entry.regions,
            "reward": entry.reward,
            "params": entry.params,
            "macs": entry.macs,
        }
        for entry in entries
    ]


def _build_failure(entries: Sequence[Entry], records: Sequence[CandidateRecord]) -> UserError:
    partial = sum(not entry.complete and entry.reward is not None for entry in entries)
    if partial:
        return UserError(
            f"search: none of {len(entries)} candidates is complete ({partial} partial ones have a "
            "reward); raise search.generations until the strategy reaches full size"
        )
    messages = [record["message"] for record in records if record["message"]]
    commonest = max(messages, key=messages.count, default="no message")
    return UserError(
        f"search: none of {len(entries)} candidates has a reward "
        f"({describe_states(count_states(entries))}); the commonest reason: {commonest}; relax "
        "search.limits or change premature"
    )
