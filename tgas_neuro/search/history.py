"""The history of a search: every candidate so far with its reward, and the best of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tgas_neuro.architecture.genotype import Genotype, read_genotype
from tgas_neuro.architecture.space import Space
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.guidance import Rating, list_rung_values, read_measures


@dataclass(frozen=True)
class Entry:
    """One finished candidate as strategies and leaderboards see it.

    Attributes
    ----------
    id
        ``g<generation>_c<candidate>``; of another run, whose history is reused, ``<run>/<id>``.
    genotype, hash
        The architecture and its canonical hash.
    state
        ``ok``, or how it failed, or ``duplicate`` (see DESIGN: a failure is a result).
    original
        Id of the candidate that a duplicate equals; else None.
    P, TG
        Premature accuracy in [0, 1] and teacher guidance; None unless trained to the end.
    regions
        Region to its similarity corrected for noise, or None.
    reward
        What the guidance makes of its measures (see `tgas_neuro.search.guidance`), or None for a
        failure.
    params, macs
        Of the network that was trained, or would have been.
    TG_untrained
        TG of the same network before its first training step; None where it was not measured.
    complete
        Whether the genotype is a member of the space; a partial one, which the progressive
        strategy trains on its way, teaches strategies and may not win.
    rungs
        Rung [epoch], as text, to the value there by which candidates are stopped early.
    """

    id: str
    genotype: Genotype
    hash: str
    state: str
    original: str | None
    P: float | None
    TG: float | None
    regions: dict[str, float] | None
    reward: float | None
    params: int
    macs: int
    TG_untrained: float | None = None
    complete: bool = True
    rungs: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON content."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return content | {"genotype": self.genotype.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Entry":
        """The entry of `to_json`."""
        return cls(**(content | {"genotype": read_genotype(content["genotype"])}))


def build_entry(record: Mapping[str, Any], rating: Rating, known: Mapping[str, Entry]) -> Entry:
    """Rate a candidate record.

    Parameters
    ----------
    record
        ``candidate_<k>.json``: it holds what was measured, never the reward.
    rating
        How candidates are ranked.
    known
        Finished entries by id: a duplicate takes the values of its original.
    """
    genotype = read_genotype(record["genotype"])
    if record["original"] is not None:
        changed = {"id": record["id"], "state": record["state"], "original": record["original"]}
        return replace(known[record["original"]], genotype=genotype, **changed)
    values = dict.fromkeys(("P", "TG", "regions", "reward", "TG_untrained"))
    if record["state"] == "ok":
        measures = read_measures(record, rating)
        values = {
            "P": measures.P,
            "TG": measures.TG,
            "regions": {
                name: region[rating.layer_choice]["corrected"]
                for name, region in record["teacher"]["regions"].items()
            },
            "reward": rating.rate(measures),
            "TG_untrained": measures.TG_untrained,
        }
    return Entry(
        id=record["id"],
        genotype=genotype,
        hash=record["hash"],
        state=record["state"],
        original=None,
        params=record["complexity"]["params"],
        macs=record["complexity"]["macs"],
        complete=record["complete"],
        rungs=list_rung_values(record, rating),
        **values,
    )


def is_member(space: Space, genotype: Genotype) -> bool:
    """Whether a genotype is a complete one of the space, so that it may win a search."""
    try:
        space.validate(genotype)
    except UserError:
        return False
    return True


def find_best(entries: Sequence[Entry]) -> Entry | None:
    """The complete entry with the highest reward, the earliest of equals; None without any."""
    rated = [entry for entry in entries if entry.reward is not None and entry.complete]
    return max(rated, key=lambda entry: entry.reward, default=None)


def rank_entries(entries: Sequence[Entry], most: int | None = 10) -> list[Entry]:
    """The best complete candidates without duplicates, highest reward first; None is all."""
    rated = [
        entry
        for entry in entries
        if entry.reward is not None and entry.complete and entry.original is None
    ]
    return sorted(rated, key=lambda entry: -entry.reward)[:most]


def count_states(entries: Sequence[Entry]) -> dict[str, int]:
    """How many candidates ended in each state, by name."""
    states = sorted(entry.state for entry in entries)
    return {state: states.count(state) for state in dict.fromkeys(states)}
