"""The history of a search: every candidate so far with its reward, and the best of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tgas_neuro.architecture.genotype import Genotype, read_genotype

# the key of a region's score that each layer choice takes
LAYER_CHOICES = {"crossed": "crossed", "paper": "plain"}


@dataclass(frozen=True)
class Entry:
    """One finished candidate as strategies and leaderboards see it.

    Attributes
    ----------
    id
        ``g<generation>_c<candidate>``.
    genotype, hash
        The architecture and its canonical hash.
    state
        ``ok``, or how it failed, or ``duplicate`` (see DESIGN: a failure is a result).
    original
        Id of the candidate that a duplicate equals; else None.
    P, TG
        Premature accuracy in [0, 1] and teacher guidance; None unless trained.
    regions
        Region to its similarity corrected for noise, or None.
    reward
        P + alpha * TG, or None for a failure.
    params, macs
        Of the network that was trained, or would have been.
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

    def to_json(self) -> dict[str, Any]:
        """The entry as JSON content."""
        content = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return content | {"genotype": self.genotype.to_json()}

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Entry":
        """The entry of `to_json`."""
        return cls(**(content | {"genotype": read_genotype(content["genotype"])}))


def calc_reward(P: float, TG: float, alpha: float) -> float:
    """Reward = P + alpha * TG (Bashivan, Tensen & DiCarlo 2019, section 3)."""
    return P + alpha * TG


def build_entry(
    record: dict[str, Any], alpha: float, layer_choice: str, known: dict[str, Entry]
) -> Entry:
    """Rate a candidate record.

    Parameters
    ----------
    record
        ``candidate_<k>.json``: it holds P and TG, never the reward.
    alpha
        Weight of the teacher, at least 0.
    layer_choice
        Which TG of the record counts, ``crossed`` or ``paper``.
    known
        Finished entries by id: a duplicate takes the values of its original.
    """
    genotype = read_genotype(record["genotype"])
    if record["original"] is not None:
        changed = {"id": record["id"], "state": record["state"], "original": record["original"]}
        return replace(known[record["original"]], genotype=genotype, **changed)
    complexity = record["complexity"]
    values = dict.fromkeys(("P", "TG", "regions", "reward"))
    if record["state"] == "ok":
        key = LAYER_CHOICES[layer_choice]
        P, TG = record["premature"]["accuracy"], record["teacher"]["TG"][layer_choice]
        regions = {
            name: region[key]["corrected"] for name, region in record["teacher"]["regions"].items()
        }
        values = {"P": P, "TG": TG, "regions": regions, "reward": calc_reward(P, TG, alpha)}
    return Entry(
        id=record["id"],
        genotype=genotype,
        hash=record["hash"],
        state=record["state"],
        original=None,
        params=complexity["params"],
        macs=complexity["macs"],
        **values,
    )


def find_best(entries: Sequence[Entry]) -> Entry | None:
    """The entry with the highest reward, the earliest of equals; None when all failed."""
    rated = [entry for entry in entries if entry.reward is not None]
    return max(rated, key=lambda entry: entry.reward, default=None)


def rank_entries(entries: Sequence[Entry], most: int = 10) -> list[Entry]:
    """The best candidates without duplicates, highest reward first."""
    rated = [entry for entry in entries if entry.reward is not None and entry.original is None]
    return sorted(rated, key=lambda entry: -entry.reward)[:most]


def count_states(entries: Sequence[Entry]) -> dict[str, int]:
    """How many candidates ended in each state, by name."""
    states = sorted(entry.state for entry in entries)
    return {state: states.count(state) for state in dict.fromkeys(states)}
