"""The line that each candidate reports when it has finished, with the best so far.

This is for display alone. What has finished at some moment depends on chance, so no result may
depend on it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, build_entry, find_best, get_reward
from tgas_neuro.search.records import CandidateRecord
from tgas_neuro.search.runs import load_run


def describe_record(record: CandidateRecord, rating: Rating, folder: Path) -> str:
    """One line about a candidate that has just finished: state, P, TG, reward, best so far.

    Parameters
    ----------
    record
        Its record.
    rating
        How candidates are ranked.
    folder
        Folder of the run, whose records are compared.
    """
    entries = load_run(folder).list_entries() if rating.compares else []
    if record["state"] == "ok":
        entry = find_entry(record, rating, entries)
        regions = ", ".join(f"{name} {value:.3f}" for name, value in (entry.regions or {}).items())
        reward = "none" if entry.reward is None else f"{entry.reward:.3f}"
        text = f"  P {entry.P:.3f}  TG {entry.TG:.3f} ({regions})  reward {reward}"
    else:
        text = f" ({record['message']})"
    best = find_best_so_far(folder, rating, entries)
    so_far = f"  best so far {best[0]:.3f} ({best[1]})" if best else ""
    again = f" {killed}" if (killed := describe_killed(record)) else ""
    return f"candidate {record['id']}: {record['state']}{again}{text}{so_far}"


def find_entry(record: CandidateRecord, rating: Rating, entries: Sequence[Entry]) -> Entry:
    """The entry of a record with its reward: of those that were rated together, if it is there."""
    entry = build_entry(record, rating, {})
    return next((one for one in entries if one.id == entry.id), entry)


def describe_killed(record: CandidateRecord) -> str:
    """How many processes of a candidate were killed before its last one; empty if none was."""
    killed = max(record["cost"]["attempts"] - 1, 0)
    return f"after {killed} killed process{'es' * (killed > 1)}" if killed else ""


def find_best_so_far(
    folder: Path, rating: Rating, entries: Sequence[Entry] = ()
) -> tuple[float, str] | None:
    """Reward and id of the best candidate whose record is in the folder of a run now.

    `entries` are all of them, where they have to be rated together.
    """
    if rating.compares:
        best = find_best(entries)
        return (get_reward(best), best.id) if best else None
    return max(_list_rewards(folder, rating), default=None)


def _list_rewards(folder: Path, rating: Rating) -> Iterator[tuple[float, str]]:
    """Reward and id of finished candidates; a generation with a history gives only its best."""
    for generation in sorted(folder.glob("generation_*"), reverse=True):
        for name in ("history.json", "proposals.json"):  # both name the best so far
            content = read_json(generation / name) if (generation / name).is_file() else {}
            if content.get("best"):
                yield content["best"]["reward"], content["best"]["id"]
            if name == "history.json" and content:
                return
        for path in generation.glob("candidate_*.json"):
            record: CandidateRecord = read_json(path)
            if record["state"] == "ok" and record["complete"]:
                entry = build_entry(record, rating, {})
                if entry.reward is not None:
                    yield entry.reward, entry.id
