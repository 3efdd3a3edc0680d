"""Runs as their folders show them at any moment: what was proposed, and what has finished."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, build_entry, load_reused
from tgas_neuro.search.records import CandidateRecord, History, Proposals, ProposedCandidate
from tgas_neuro.search.reward_records import RewardBasis
from tgas_neuro.search.rewards import describe_basis, rate_together
from tgas_neuro.search.runs.note import NOTE, load_name, name_run

if TYPE_CHECKING:
    import pandas as pd

SEARCHES = Path("results/search")
COLUMNS = ("id", "state", "original", "hash", "reward", "P", "TG", "TG_untrained")
COSTS = ("images_seen", "seconds")


@dataclass(frozen=True)
class Run:
    """The folder of a search, finished or not.

    Attributes
    ----------
    folder
        ``results/search/<run>``.
    proposals
        Every proposal by the id of its candidate, in order.
    records
        Paths of the records of candidates that have finished, by id, in order.
    rating
        How its candidates are ranked.
    """

    folder: Path
    proposals: dict[str, ProposedCandidate]
    records: dict[str, Path]
    rating: Rating

    @property
    def name(self) -> str:
        """Of its folder."""
        return self.folder.name

    @cached_property
    def reused(self) -> Path | None:
        """The file of older runs' candidates, if any are reused."""
        path = self.folder / "reused.json"
        return path if path.is_file() else None

    @cached_property
    def history(self) -> History | None:
        """Content of the newest history; None before the first generation has finished."""
        files = sorted(self.folder.glob("generation_*/history.json"))
        return read_json(files[-1]) if files else None

    def read_record(self, identifier: str) -> CandidateRecord:
        """The record of a candidate that has finished."""
        return read_json(self.records[identifier])

    def list_new_records(self) -> list[CandidateRecord]:
        """Records that are not in the newest history yet."""
        known = {entry["id"] for entry in self.history["entries"]} if self.history else set()
        return [self.read_record(name) for name in self.records if name not in known]

    def list_entries(self) -> list[Entry]:
        """Reused candidates, then all that have finished, ranked as the run does."""
        return self._list_rated()[0]

    def describe_basis(self) -> str:
        """What their rewards were calculated from, in words; empty if that is their own record."""
        return describe_basis(self._list_rated()[1])

    def _list_rated(self) -> tuple[list[Entry], RewardBasis]:
        entries = load_reused(self.reused, self.rating)
        if self.history:
            entries += [Entry.from_json(entry) for entry in self.history["entries"]]
        return _add_entries(entries, self.list_new_records(), self.rating)

    def rate(self, rating: Rating) -> list[Entry]:
        """The same candidates ranked in another way, from their records."""
        return self.rate_with_basis(rating)[0]

    def rate_with_basis(self, rating: Rating) -> tuple[list[Entry], RewardBasis]:
        """What `rate` gives, and what the rewards were calculated from (see `rate_together`)."""
        records = [self.read_record(name) for name in self.records]
        return _add_entries(load_reused(self.reused, rating), records, rating)


def _add_entries(
    entries: list[Entry], records: list[CandidateRecord], rating: Rating
) -> tuple[list[Entry], RewardBasis]:
    known = {entry.id: entry for entry in entries}
    for record in records:
        if record["original"] is None or record["original"] in known:
            known[record["id"]] = build_entry(record, rating, known)
    return rate_together(list(known.values()), rating)


def load_run(folder: Path) -> Run:
    """Look at the folder of a run as it is now.

    Raises
    ------
    UserError
        Nothing was proposed there yet.
    """
    files = sorted(folder.glob("generation_*/proposals.json"))
    if not files:
        raise UserError(f"{folder}: nothing has been proposed there yet; try again in a moment")
    contents: list[Proposals] = [read_json(path) for path in files]
    proposals = {
        proposal["id"]: proposal for content in contents for proposal in content["proposals"]
    }
    records = {
        name: path
        for name in proposals
        for path in [get_record_path(folder, name)]
        if path.is_file()
    }
    return Run(folder, proposals, records, Rating.read(contents[-1]))


def get_record_path(folder: Path, identifier: str) -> Path:
    """Where the record of a candidate, ``g<generation>_c<candidate>``, lies."""
    generation, _, candidate = identifier.removeprefix("g").partition("_c")
    return folder / f"generation_{generation}" / f"candidate_{candidate}.json"


def find_run(name: str | None, searches: Path = SEARCHES, planned: bool = False) -> Path:
    """The folder of a run: by its folder's name or ``search.name``, by its path, or the newest.

    Parameters
    ----------
    name
        None is the newest.
    searches
        Folder of the runs.
    planned
        Whether a run counts whose workflow has begun, and its search not yet.

    Raises
    ------
    UserError
        There is no such run, none at all, or several of this name.
    """
    folders = list_runs(searches, planned)
    if name is None:
        if not folders:
            raise UserError(
                f"{searches}: no search has begun here; start with: snakemake --cores 2"
            )
        return folders[0]
    for folder in (searches / name, Path(name)):
        if any(folder.glob("generation_*")) or (planned and (folder / NOTE).is_file()):
            return folder
    called = [folder for folder in folders if load_name(folder) == name]
    if len(called) > 1:
        there = ", ".join(folder.name for folder in called)
        raise UserError(f"run {name!r}: {len(called)} runs are called so: {there}; name one folder")
    if called:
        return called[0]
    names = [one for folder in folders for one in (folder.name, load_name(folder)) if one]
    near = difflib.get_close_matches(name, names, 3, 0.4)
    there = ", ".join(near or [folder.name for folder in folders[:3]])
    raise UserError(
        f"run {name!r}: no such folder in {searches}"
        + (f"; did you mean {there}" if there else ", where no search has begun")
    )


def list_runs(searches: Path = SEARCHES, planned: bool = False) -> list[Path]:
    """Folders of all runs, the one with the newest file first; for `planned` see `find_run`."""
    newest: dict[Path, float] = {}
    for folder in searches.glob("*"):
        files = [*folder.glob("generation_*/*.json")]
        if planned and (folder / NOTE).is_file():
            files.append(folder / NOTE)
        times = [path.stat().st_mtime for path in files]
        if times:
            newest[folder] = max(times)
    return sorted(newest, key=lambda folder: (-newest[folder], folder.name))


def describe_choice(folder: Path, name: str | None, searches: Path = SEARCHES) -> str:
    """The name of a run; if none of several was named, it also says that this is the newest."""
    number = len(list_runs(searches)) if name is None else 1
    return name_run(folder) + (f" (the newest of {number} runs)" if number > 1 else "")


def find_candidate(run: Run, identifier: str) -> CandidateRecord | ProposedCandidate:
    """The record of a candidate, or its proposal while it has not finished.

    Parameters
    ----------
    run
        See `load_run`.
    identifier
        ``g<generation>_c<candidate>``, or ``<older run>/<id>`` for one that was reused.

    Raises
    ------
    UserError
        No such candidate; the message names the nearest ones.
    """
    if identifier in run.records:
        return run.read_record(identifier)
    if identifier in run.proposals:
        return run.proposals[identifier]
    reused: list[CandidateRecord] = read_json(run.reused)["records"] if run.reused else []
    older = {record["id"]: record for record in reused}
    if identifier in older:
        return older[identifier]
    names = [*run.proposals, *older]
    near = difflib.get_close_matches(identifier, names, 3, 0.4) or names[:3]
    raise UserError(
        f"candidate {identifier!r}: not in run {run.name}; the nearest ids: {', '.join(near)}"
    )


def list_rows(
    entries: Iterable[Entry], records: Mapping[str, CandidateRecord] | None = None
) -> "pd.DataFrame":
    """A row for each candidate.

    Parameters
    ----------
    entries
        In the order of the rows.
    records
        Id to the record of a candidate, for what it cost.

    Returns
    -------
    frame
        Columns ``id``, ``state``, ``original`` (of a duplicate), ``hash``, ``reward``, ``P``,
        ``TG``, ``TG_untrained``, ``TG_<region>`` for each region, ``params``, ``macs``,
        ``complete``, and with records ``images_seen`` and ``seconds``. What was not measured is
        missing.
    """
    import pandas as pd

    rows = []
    for entry in entries:
        row: dict[str, Any] = {name: getattr(entry, name) for name in COLUMNS}
        row |= {f"TG_{name}": value for name, value in (entry.regions or {}).items()}
        row |= {"params": entry.params, "macs": entry.macs, "complete": entry.complete}
        if records is not None:
            cost: Mapping[str, Any] = records[entry.id]["cost"] if entry.id in records else {}
            row |= {name: cost.get(name) for name in COSTS}
        rows.append(row)
    frame = pd.DataFrame(rows)
    order = [*COLUMNS, *(name for name in frame if str(name).startswith("TG_"))]
    order = list(dict.fromkeys([*order, "params", "macs", "complete", *frame]))
    numbers = {
        name: float for name in order if str(name).startswith("TG") or name in ("reward", "P")
    }
    return frame.reindex(columns=order).astype(numbers)
