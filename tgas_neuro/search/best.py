"""The best candidate of a search, with its record and the leaderboard."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, count_states, find_best, rank_entries
from tgas_neuro.search.runs.reuse import load_reused

LEADERBOARD_KEYS = (
    "id",
    "hash",
    "state",
    "P",
    "TG",
    "TG_untrained",
    "regions",
    "reward",
    "params",
    "macs",
)


def make_best(
    history: Path, records: Sequence[Path], name: str, reused: Path | None = None
) -> dict[str, Any]:
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
    """
    content = read_json(history)
    rating = Rating.read(content)
    own = [Entry.from_json(entry) for entry in content["entries"]]
    entries = [*load_reused(reused, rating), *own]
    best = find_best(entries)
    found = [read_json(path) for path in records]
    if best is None:
        raise _build_failure(own, found)
    older = read_json(reused)["records"] if reused else []
    return {
        "run": name,
        "id": best.id,
        "hash": best.hash,
        "genotype": best.genotype.to_json(),
        "reward": best.reward,
        **rating.to_json(),
        "record": next(record for record in [*older, *found] if record["id"] == best.id),
        "leaderboard": [
            {key: getattr(entry, key) for key in LEADERBOARD_KEYS}
            for entry in rank_entries(entries)
        ],
        "states": count_states(own),
        "provenance": content["provenance"],
        "cost": content["cost"],
    }


def _build_failure(entries: Sequence[Entry], records: Sequence[dict[str, Any]]) -> UserError:
    states = ", ".join(f"{count} {state}" for state, count in count_states(entries).items())
    partial = sum(not entry.complete and entry.reward is not None for entry in entries)
    if partial:
        return UserError(
            f"search: none of {len(entries)} candidates is complete ({partial} partial ones have a "
            "reward); raise search.generations, so that the strategy grows to full size"
        )
    messages = [record["message"] for record in records if record["message"]]
    commonest = max(messages, key=messages.count, default="no message")
    return UserError(
        f"search: none of {len(entries)} candidates has a reward ({states}); the commonest reason: "
        f"{commonest}; relax search.limits or change premature"
    )
