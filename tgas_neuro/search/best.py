"""The best candidate of a search, with its record and the leaderboard."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.errors import UserError
from tgas_neuro.files import read_json
from tgas_neuro.search.history import Entry, count_states, find_best, rank_entries

LEADERBOARD_KEYS = ("id", "hash", "state", "P", "TG", "regions", "reward", "params", "macs")


def make_best(history: Path, records: Sequence[Path], name: str) -> dict[str, Any]:
    """Make ``best.json`` of a search.

    Parameters
    ----------
    history
        The history of the last generation.
    records
        All candidate records.
    name
        The run.

    Raises
    ------
    UserError
        No candidate has a reward; the message counts the states and names the commonest reason.
    """
    content = read_json(history)
    entries = [Entry.from_json(entry) for entry in content["entries"]]
    best = find_best(entries)
    found = [read_json(path) for path in records]
    if best is None:
        raise _build_failure(entries, found)
    return {
        "run": name,
        "id": best.id,
        "hash": best.hash,
        "genotype": best.genotype.to_json(),
        "reward": best.reward,
        "record": next(record for record in found if record["id"] == best.id),
        "leaderboard": [
            {key: getattr(entry, key) for key in LEADERBOARD_KEYS}
            for entry in rank_entries(entries)
        ],
        "states": count_states(entries),
        "provenance": content["provenance"],
        "cost": content["cost"],
    }


def _build_failure(entries: Sequence[Entry], records: Sequence[dict[str, Any]]) -> UserError:
    states = ", ".join(f"{count} {state}" for state, count in count_states(entries).items())
    messages = [record["message"] for record in records if record["message"]]
    commonest = max(messages, key=messages.count, default="no message")
    return UserError(
        f"search: none of {len(entries)} candidates has a reward ({states}); the commonest reason: "
        f"{commonest}; relax search.limits or change premature"
    )
