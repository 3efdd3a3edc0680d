"""What the user sees of a running search: one line for each candidate, with the best so far."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import build_entry


def describe_record(record: dict[str, Any], search: dict[str, Any], folder: Path) -> str:
    """One line about a candidate that has just finished: state, P, TG, reward, best so far.

    Parameters
    ----------
    record
        Its record.
    search
        The section ``search`` of the configuration.
    folder
        Folder of the run. The best of the records that lie there now is for display alone: which
        candidates have finished depends on chance, so nothing else may follow from it.
    """
    rating = Rating.read(search)
    if record["state"] == "ok":
        entry = build_entry(record, rating, {})
        regions = ", ".join(f"{name} {value:.3f}" for name, value in entry.regions.items())
        reward = "none" if entry.reward is None else f"{entry.reward:.3f}"
        text = f"  P {entry.P:.3f}  TG {entry.TG:.3f} ({regions})  reward {reward}"
    else:
        text = f" ({record['message']})"
    best = find_best_so_far(folder, rating)
    so_far = f"  best so far {best[0]:.3f} ({best[1]})" if best else ""
    return f"candidate {record['id']}: {record['state']}{text}{so_far}"


def find_best_so_far(folder: Path, rating: Rating) -> tuple[float, str] | None:
    """Reward and id of the best candidate whose record lies in the folder of a run now."""
    return max(_list_rewards(folder, rating), default=None)


def _list_rewards(folder: Path, rating: Rating) -> Iterator[tuple[float, str]]:
    """Reward and id of finished candidates; of generations with a history, only of its best."""
    for generation in sorted(folder.glob("generation_*"), reverse=True):
        for name in ("history.json", "proposals.json"):  # both name the best that they knew
            content = read_json(generation / name) if (generation / name).is_file() else {}
            if content.get("best"):
                yield content["best"]["reward"], content["best"]["id"]
            if name == "history.json" and content:
                return
        for path in generation.glob("candidate_*.json"):
            record = read_json(path)
            if record["state"] == "ok" and record["complete"]:
                entry = build_entry(record, rating, {})
                if entry.reward is not None:
                    yield entry.reward, entry.id
