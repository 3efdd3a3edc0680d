"""The files of one generation: what was proposed, and the history once it has finished."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.space import build_space
from tgas_neuro.files import read_json
from tgas_neuro.provenance import build_provenance
from tgas_neuro.search.history import (
    Entry,
    build_entry,
    count_states,
    find_best,
)
from tgas_neuro.search.proposals import propose_generation
from tgas_neuro.search.strategies import STRATEGIES
from tgas_neuro.seeds import derive_generator


def name_candidate(generation: int, candidate: int) -> str:
    """Id of a candidate: ``g<generation>_c<candidate>``."""
    return f"g{generation:03d}_c{candidate:02d}"


def make_proposals(
    generation: int,
    history: Path | None,
    in_flight: Sequence[Path],
    search: dict[str, Any],
    digests: dict[str, str],
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

    Returns
    -------
    proposals
        JSON content: ``proposals`` (``id``, ``genotype``, ``hash``, ``original``, ``redraws``),
        ``best`` of the history that was seen, and provenance.
    """
    entries = load_entries(history) if history else []
    pending = [
        read_genotype(proposal["genotype"])
        for path in in_flight
        for proposal in read_json(path)["proposals"]
        if proposal["original"] is None
    ]
    proposals = propose_generation(
        STRATEGIES[search["strategy"]](build_space(search)),
        entries,
        pending,
        search["candidates"],
        derive_generator(search["seed"], "propose", generation),
    )
    best = find_best(entries)
    return {
        "generation": generation,
        "strategy": search["strategy"],
        "history_seen": len(entries),
        "best": {"id": best.id, "reward": best.reward} if best else None,
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
    search, digests
        As for `make_proposals`.
    """
    before = read_json(previous) if previous else {"entries": [], "cost": {}}
    entries = [Entry.from_json(entry) for entry in before["entries"]]
    known = {entry.id: entry for entry in entries}
    contents = [read_json(path) for path in records]
    for content in contents:
        entries.append(build_entry(content, search["alpha"], search["layer_choice"], known))
    best = find_best(entries)
    costs = [content["cost"] for content in contents]
    return {
        "generation": generation,
        "alpha": search["alpha"],
        "layer_choice": search["layer_choice"],
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
