"""What the user sees of a running search: one line for each candidate, with the best so far."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tgas_neuro.files import read_json
from tgas_neuro.search.history import Entry, build_entry


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
    if record["state"] == "ok":
        entry = build_entry(record, search["alpha"], search["layer_choice"], {})
        regions = ", ".join(f"{name} {value:.3f}" for name, value in entry.regions.items())
        text = f"  P {entry.P:.3f}  TG {entry.TG:.3f} ({regions})  reward {entry.reward:.3f}"
    else:
        text = f" ({record['message']})"
    best = max(_list_rewards(folder, search), default=None)
    so_far = f"  best so far {best[0]:.3f} ({best[1]})" if best else ""
    return f"candidate {record['id']}: {record['state']}{text}{so_far}"


def _list_rewards(folder: Path, search: dict[str, Any]) -> Iterator[tuple[float, str]]:
    """Reward and id of finished candidates; of generations with a history, only of its best."""
    for generation in sorted(folder.glob("generation_*"), reverse=True):
        history = generation / "history.json"
        if history.is_file():
            best = read_json(history)["best"]
            if best:
                yield best["reward"], best["id"]
            return
        for path in generation.glob("candidate_*.json"):
            entry = _rate(read_json(path), search)
            if entry is not None:
                yield entry.reward, entry.id


def _rate(record: dict[str, Any], search: dict[str, Any]) -> Entry | None:
    if record["state"] != "ok":
        return None
    return build_entry(record, search["alpha"], search["layer_choice"], {})
