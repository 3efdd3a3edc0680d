"""The runs of a folder: what came out of each, and what differs in their configurations."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.ledger import load_entry
from tgas_neuro.search.history import Entry, count_states, find_best
from tgas_neuro.search.runs import Run, load_run
from tgas_neuro.search.runs.note import load_note

NAME = "search.name"  # shown by itself


@dataclass(frozen=True)
class Found:
    """A run, with one of its final trainings if it has any.

    Attributes
    ----------
    folder
        ``results/search/<run>``.
    name
        ``search.name``, or None.
    run
        The search; None before anything has been proposed.
    final
        Name of the final training's folder; None without one.
    metrics
        Of the final training, if it has finished.
    guidance
        Of the final network by the teacher, if it has been measured.
    config
        The configuration; empty if no file holds it, as for runs of earlier versions.
    total
        Candidates of the whole search; None if that was not noted.
    """

    folder: Path
    name: str | None
    run: Run | None
    final: str | None
    metrics: dict[str, Any] | None
    guidance: dict[str, Any] | None
    config: dict[str, Any]
    total: int | None

    @property
    def best(self) -> Entry | None:
        """The best candidate so far."""
        return find_best(self.run.list_entries()) if self.run else None

    @property
    def done(self) -> int:
        """Candidates that have finished."""
        return len(self.run.records) if self.run else 0

    @property
    def version(self) -> int | None:
        """Version of the results of its records; None without any."""
        return self._get_provenance().get("results_version")

    @property
    def digests(self) -> dict[str, str]:
        """Digests of its first record's provenance: teacher, images, ..."""
        found: dict[str, str] = self._get_provenance().get("digests", {})
        return found

    def _get_provenance(self) -> Mapping[str, Any]:
        if not self.run or not self.run.records:
            return {}
        return self.run.read_record(next(iter(self.run.records)))["provenance"]

    @property
    def state(self) -> str:
        """How far it has come, in a word or two."""
        if self.metrics is not None and self.guidance is not None:
            return "finished"
        if (self.folder / "best.json").is_file():
            return "searched"
        return "begun" if self.done else "planned"

    @property
    def changed(self) -> str:
        """Date of its newest file, local time."""
        files = [*self.folder.glob("generation_*/*.json"), self.folder / "best.json"]
        if self.final is not None:
            files.append(self.folder.parents[1] / "final" / self.final / "teacher_guidance.json")
        dates = [path.stat().st_mtime for path in files if path.is_file()]
        newest = datetime.datetime.fromtimestamp(max(dates, default=0.0))
        return newest.strftime("%Y-%m-%d %H:%M") if dates else ""


def find_all(folders: Iterable[Path]) -> list[Found]:
    """All of these runs, once for each final training."""
    return [found for folder in folders for found in find_finals(folder)]


def find_finals(folder: Path) -> list[Found]:
    """A run with each of its final trainings, the newest first; without one if it has none."""
    note = load_note(folder)
    results = folder.resolve().parents[1]
    finals: list[str | None] = [*list_finals(folder)]
    noted = note.get("finals", {}) if note else {}
    newest = note.get("final") if note else None
    if newest in noted and newest not in finals and not finals:
        finals = [str(newest)]
    begun = any(folder.glob("generation_*/proposals.json"))
    run = load_run(folder) if begun else None
    return [
        Found(
            folder,
            note.get("name") if note else None,
            run,
            final,
            _read(results / "final" / final / "metrics.json") if final else None,
            _read(results / "final" / final / "teacher_guidance.json") if final else None,
            (noted.get(final) if final else None) or _find_config(results, final),
            note["generations"] * note["candidates"] if note else None,
        )
        for final in (finals or [None])
    ]


def list_finals(folder: Path, skip_damaged: bool = True) -> list[str]:
    """Names of the final trainings of a search that have finished, the newest first.

    The ledger knows from which ``best.json`` each of them was made.

    Parameters
    ----------
    folder
        ``results/search/<run>``.
    skip_damaged
        Leave out those whose entry in the ledger is damaged; `verify` names it.

    Raises
    ------
    UserError
        An entry is damaged, and none is to be skipped.
    """
    results = folder.resolve().parents[1]
    best = f"results/search/{folder.name}/best.json"
    found = {}
    for path in (results / "final").glob("*/metrics.json"):
        try:
            inside = f"results/final/{path.parent.name}/metrics.json"
            entry = load_entry(inside, results.parent)
        except UserError:
            if skip_damaged:
                continue
            raise
        if entry is not None and best in entry.sources:
            found[path.parent.name] = path.stat().st_mtime
    return sorted(found, key=lambda name: -found[name])


def _find_config(results: Path, final: str | None) -> dict[str, Any]:
    """The configuration in ``best_cell.json``, if that is of this final training."""
    content = _read(results / "best_cell.json") or {}
    metrics = content.get("files", {}).get("metrics", "")
    config: dict[str, Any] = content.get("configuration", {})
    return config if final and Path(metrics).parent.name == final else {}


def _read(path: Path) -> dict[str, Any] | None:
    return read_json(path) if path.is_file() else None


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A configuration as one level of keys, ``search.limits.params``; lists are values."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def list_differences(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Keys that differ between configurations, with the value of each; "" where it has none.

    Empty configurations, which are not known, are not compared: their values are None. The name of
    a run is left out, and so is a key that has no value in some and is absent in the others.
    """
    flats = [flatten(config) for config in configs]
    known = [flat for flat in flats if flat]
    keys = dict.fromkeys(key for flat in known for key in flat if key != NAME)
    return {
        key: [flat.get(key, "") if flat else None for flat in flats]
        for key in keys
        if any(flat.get(key) != known[0].get(key) for flat in known)
    }


def build_row(found: Found) -> dict[str, Any]:
    """What is known of a run, one value a key."""
    best, metrics = found.best, found.metrics or {}
    states = count_states(_list_own(found))
    low, high = metrics.get("top1_interval", (None, None))
    return {
        "run": found.folder.name,
        "name": found.name,
        "final": found.final,
        "state": found.state,
        "done": found.done,
        "total": found.total,
        "ok": states.get("ok", 0),
        "ranked_by": found.run.rating.describe() if found.run else None,
        "best": best.id if best else None,
        "reward": best.reward if best else None,
        "P": best.P if best else None,
        "TG": best.TG if best else None,
        "top1": metrics.get("top1"),
        "top1_low": low,
        "top1_high": high,
        "date": found.changed,
    }


def _list_own(found: Found) -> list[Entry]:
    entries = found.run.list_entries() if found.run else []
    return [entry for entry in entries if found.run and entry.id in found.run.records]
