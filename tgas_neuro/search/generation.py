"""The files of one generation: what was proposed, and the history once it has finished."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.runtime.seeds import derive_generator
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import (
    Entry,
    build_entry,
    count_states,
    find_best,
)
from tgas_neuro.search.proposals import propose_generation
from tgas_neuro.search.rungs import list_thresholds
from tgas_neuro.search.runs.reuse import load_reused
from tgas_neuro.search.strategies import build_strategy


def name_candidate(generation: int, candidate: int) -> str:
    """Id of a candidate: ``g<generation>_c<candidate>``."""
    return f"g{generation:03d}_c{candidate:02d}"


def make_proposals(
    generation: int,
    history: Path | None,
    in_flight: Sequence[Path],
    search: dict[str, Any],
    digests: dict[str, str],
    premature: dict[str, Any] | None = None,
    reused: Path | None = None,
) -> dict[str, Any]:
    """Make the proposals of one generation.

    Parameters
    ----------
    generation
        From 0.
    history
        History file of the generation `lag` before; None when there is none yet.
    in_flight
        Proposals files of the generations between that one and this.
    search
        The section ``search`` of the configuration.
    digests
        Digests of the configuration, for provenance.
    premature
        ``rungs`` and ``keep_fraction`` of the section ``premature``; None stops nobody early.
    reused
        Candidates of older runs (see `tgas_neuro.search.runs.reuse`); they come before the history.

    Returns
    -------
    proposals
        JSON content: ``proposals`` (``id``, ``genotype``, ``hash``, ``original``, ``redraws``),
        ``rungs`` (see `list_thresholds`), ``best`` of the history that was seen, and provenance.
    """
    rating = Rating.read(search)
    entries = [*load_reused(reused, rating), *(load_entries(history) if history else [])]
    pending = [
        read_genotype(proposal["genotype"])
        for path in in_flight
        for proposal in read_json(path)["proposals"]
        if proposal["original"] is None
    ]
    proposals = propose_generation(
        build_strategy(search),
        entries,
        pending,
        search["candidates"],
        derive_generator(search["seed"], "propose", generation),
    )
    best = find_best(entries)
    return {
        "generation": generation,
        "strategy": search["strategy"],
        **rating.to_json(),
        "history_seen": len(entries),
        "best": {"id": best.id, "reward": best.reward} if best else None,
        "rungs": list_thresholds(entries, premature) if premature else [],
        "proposals": [
            {
                "id": name_candidate(generation, number),
                "genotype": proposal.genotype.to_json(),
                "hash": proposal.genotype.hash,
                "original": proposal.original,
                "redraws": proposal.redraws,
            }
            for number, proposal in enumerate(proposals)
        ],
        "provenance": build_provenance(search["seed"], **digests),
    }


def make_history(
    generation: int,
    previous: Path | None,
    records: Sequence[Path],
    search: dict[str, Any],
    digests: dict[str, str],
    reused: Path | None = None,
) -> dict[str, Any]:
    """Make the history up to and with one generation; rewards are calculated here.

    Parameters
    ----------
    generation
        From 0.
    previous
        History file of the generation before, or None for the first.
    records
        Candidate records of this generation, in order.
    search, digests, reused
        As for `make_proposals`. Reused candidates are no entries of the history; duplicates take
        their values, and one of them may be the ``best``.
    """
    rating = Rating.read(search)
    before = read_json(previous) if previous else {"entries": [], "cost": {}}
    older = load_reused(reused, rating)
    entries = [Entry.from_json(entry) for entry in before["entries"]]
    known = {entry.id: entry for entry in [*older, *entries]}
    contents = [read_json(path) for path in records]
    entries += [build_entry(content, rating, known) for content in contents]
    best = find_best([*older, *entries])
    costs = [content["cost"] for content in contents]
    return {
        "generation": generation,
        **rating.to_json(),
        "reused": len(older),
        "entries": [entry.to_json() for entry in entries],
        "best": {"id": best.id, "reward": best.reward} if best else None,
        "states": count_states(entries),
        "provenance": build_provenance(search["seed"], **digests),
        "cost": {
            "images_seen": before["cost"].get("images_seen", 0)
            + sum(cost["images_seen"] for cost in costs),
            "seconds": round(
                before["cost"].get("seconds", 0.0) + sum(cost["seconds"] for cost in costs), 3
            ),
        },
    }


def load_entries(path: Path) -> list[Entry]:
    """The entries of a history file."""
    return [Entry.from_json(entry) for entry in read_json(path)["entries"]]


def describe_generation(history: dict[str, Any]) -> str:
    """One line for the user: how the generation's search stands."""
    states = ", ".join(f"{count} {state}" for state, count in history["states"].items())
    best = history["best"]
    found = f"best {best['id']}, reward {best['reward']:.3f}" if best else "none has a reward"
    return f"generation {history['generation']}: {states}; {found}"
