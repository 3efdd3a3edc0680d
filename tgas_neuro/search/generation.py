"""One generation: what is proposed, and the history once its candidates have finished."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np

from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Search
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.provenance import build_provenance, derive_generator
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import (
    Entry,
    build_entry,
    count_states,
    describe_best,
    describe_states,
    load_history,
    load_records,
    load_reused,
)
from tgas_neuro.search.records import History, Proposals, SearchCost
from tgas_neuro.search.rewards import describe_basis, rate_together
from tgas_neuro.search.rungs import list_thresholds
from tgas_neuro.search.strategies import Strategy, build_strategy

# Each round asks for twice as many replacements, because a strategy replays the history every time:
# up to 63 draws for one proposal. A small space may have nothing else left.
ROUNDS = 6


@dataclass(frozen=True)
class Proposal:
    """One proposed genotype.

    Attributes
    ----------
    genotype
        The canonical one: equal hashes are equal networks.
    original
        Id of the finished candidate that it equals, whose record is reused; else None.
    redraws
        Draws in its place that were discarded because they equalled a proposal in flight or a
        finished candidate.
    """

    genotype: Genotype
    original: str | None
    redraws: int


def propose_generation(
    strategy: Strategy,
    history: Sequence[Entry],
    pending: Sequence[Genotype],
    n: int,
    rng: np.random.Generator,
) -> list[Proposal]:
    """Propose the candidates of one generation.

    Parameters
    ----------
    strategy
        See `Strategy`.
    history
        Finished candidates that the generation may know.
    pending
        Proposals of earlier generations that are still in flight.
    n
        Candidates of the generation.
    rng
        The only source of randomness.

    Returns
    -------
    proposals
        `n` of them. A draw that equals a finished candidate or a proposal in flight is discarded
        and drawn again, in at most `ROUNDS` rounds. If nothing new was found by then, a finished
        candidate is proposed and named as the original; nothing is trained. Only if all draws
        equalled proposals in flight is one of these proposed twice.
    """
    originals: dict[str, str] = {}
    for entry in history:
        originals.setdefault(entry.hash, entry.original or entry.id)
    in_flight = {genotype.hash: genotype for genotype in pending}
    accepted: dict[int, Genotype] = {}
    redraws = [0] * n
    finished: dict[str, Genotype] = {}
    missing = deque(range(n))
    for round_ in range(ROUNDS):
        if not missing:
            break
        taken = [*pending, *(accepted[place] for place in sorted(accepted))]
        for genotype in strategy.propose(history, taken, 2**round_ * len(missing), rng):
            place = missing.popleft()
            if genotype.hash not in originals and genotype.hash not in in_flight:
                in_flight[genotype.hash] = accepted[place] = genotype.canonical()
                if not missing:
                    break
                continue
            redraws[place] += 1
            missing.append(place)
            if genotype.hash in originals:
                finished.setdefault(genotype.hash, genotype.canonical())
    spare = cycle((finished or in_flight).values())
    accepted |= {place: next(spare) for place in sorted(missing)}
    return [
        Proposal(accepted[place], originals.get(accepted[place].hash), redraws[place])
        for place in range(n)
    ]


def name_candidate(generation: int, candidate: int) -> str:
    """Id of a candidate: ``g<generation>_c<candidate>``."""
    return f"g{generation:03d}_c{candidate:02d}"


def make_proposals(
    generation: int,
    history: Path | None,
    in_flight: Sequence[Path],
    search: Search,
    digests: dict[str, str],
    premature: Premature | None = None,
    reused: Path | None = None,
) -> Proposals:
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
        That section of the configuration; None stops nobody early.
    reused
        Candidates of older runs (see `tgas_neuro.search.runs.reuse`); they come before the history.
    """
    rating = Rating.from_search(search)
    known = [*load_reused(reused, rating), *(load_history(history) if history else [])]
    entries, basis = rate_together(known, rating)
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
        search.candidates,
        derive_generator(search.seed, "propose", generation),
    )
    return {
        "generation": generation,
        "strategy": search.strategy,
        **rating.to_json(),
        **basis,
        "history_seen": len(entries),
        "best": describe_best(entries),
        "rungs": list_thresholds(entries, premature, rating) if premature else [],
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
        "provenance": build_provenance(search.seed, **digests),
    }


def make_history(
    generation: int,
    previous: Path | None,
    records: Sequence[Path],
    search: Search,
    digests: dict[str, str],
    reused: Path | None = None,
) -> History:
    """Make the history up to and including one generation; rewards are calculated here.

    Parameters
    ----------
    generation
        From 0.
    previous
        History file of the generation before, or None for the first.
    records
        Candidate records of this generation, in order.
    search
        The section ``search`` of the configuration.
    digests
        Digests of the configuration, for provenance.
    reused
        Candidates of older runs (see `tgas_neuro.search.runs.reuse`). They are not entries of the
        history; duplicates take their values, and one of them may be the ``best``.
    """
    rating = Rating.from_search(search)
    before: SearchCost = {"images_seen": 0, "seconds": 0.0}
    if previous:
        before = read_json(previous)["cost"]
    older = load_reused(reused, rating)
    entries = load_history(previous) if previous else []
    known = {entry.id: entry for entry in [*older, *entries]}
    contents = load_records(records)
    entries += [build_entry(content, rating, known) for content in contents]
    together, basis = rate_together([*older, *entries], rating)
    entries = together[len(older) :]
    costs = [content["cost"] for content in contents]
    return {
        "generation": generation,
        **rating.to_json(),
        **basis,
        "reused": len(older),
        "entries": [entry.to_json() for entry in entries],
        "best": describe_best(together),
        "states": count_states(entries),
        "provenance": build_provenance(search.seed, **digests),
        "cost": {
            "images_seen": before["images_seen"] + sum(cost["images_seen"] for cost in costs),
            "seconds": round(before["seconds"] + sum(cost["seconds"] for cost in costs), 3),
        },
    }


def describe_history(history: History) -> str:
    """One line for the user: states of the candidates so far, and the best."""
    best = history["best"]
    found = f"best {best['id']}, reward {best['reward']:.3f}" if best else "none has a reward"
    basis = describe_basis(history)
    return f"generation {history['generation']}: {describe_states(history['states'])}; {found}" + (
        f"; {basis}" if basis else ""
    )
