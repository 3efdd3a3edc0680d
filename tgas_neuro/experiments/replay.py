"""Searches with the strategies of the project, replayed on cells whose measurements are known.

Strategies, rewards and probes are those of a search. Only the training is replaced: what a
candidate would measure is looked up. A proposal that was not measured is replaced by the nearest
cell that the search has not seen (`MeasuredCells.find_nearest`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tgas_neuro.config.premature import Probes
from tgas_neuro.config.search import Search
from tgas_neuro.experiments.measured import MeasuredCells
from tgas_neuro.runtime.provenance import derive_generator
from tgas_neuro.search.generation import name_candidate, propose_generation
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, find_best
from tgas_neuro.search.rewards import rate_together
from tgas_neuro.search.strategies import build_strategy


@dataclass(frozen=True)
class Guided:
    """What searches with one guidance find out of the cells.

    Attributes
    ----------
    rating
        How candidates are ranked.
    entries
        Each cell as a candidate of a history, without probe.
    images
        Training images of a candidate.
    probes
        Which candidates are trained on; None for none.
    later
        (cell,), accuracy as a probe; NaN of one that diverged.
    images_of_probe
        Training images of a probe, after those of a candidate.
    """

    rating: Rating
    entries: Sequence[Entry]
    images: int
    probes: Probes | None = None
    later: np.ndarray | None = None
    images_of_probe: int = 0

    def rate_by(self, rating: Rating) -> "Guided":
        """The same cells, ranked otherwise, by the same layer choice."""
        entries = [
            replace(entry, reward=rating.rate(entry.measures)) if entry.measures else entry
            for entry in self.entries
        ]
        return replace(self, rating=rating, entries=entries)

    def evaluate(self, number: int, name: str, seed: int) -> tuple[Entry, int]:
        """A cell as a candidate of a search with this seed, and the images that it costs."""
        # is_probed stands beside the training, which loads torch
        from tgas_neuro.search.candidate.probe import is_probed

        entry = replace(self.entries[number], id=name)
        if self.probes is None or self.later is None or entry.state != "ok":
            return entry, self.images
        if not is_probed(self.probes, seed, entry.hash):
            return entry, self.images
        accuracy = float(self.later[number])
        known = None if np.isnan(accuracy) else accuracy
        return replace(entry, probe_accuracy=known), self.images + self.images_of_probe


def replay_search(
    cells: MeasuredCells, guided: Guided, search: Search, budgets: Sequence[int]
) -> list[int]:
    """Replay one search.

    Parameters
    ----------
    cells
        What can be seen; a search ends when it has seen all of them.
    guided
        What is seen of them.
    search
        Its strategy, seed and number of candidates in a generation count.
    budgets
        Numbers of training images, ascending.

    Returns
    -------
    picks
        For each budget the cell that would be returned: of the candidates that it is enough for,
        the one with the highest reward, once all of them are known. The first candidate where none
        has a reward.
    """
    strategy = build_strategy(search, cells.space)
    history: list[Entry] = []
    drawn: list[int] = []
    spent: list[int] = []
    seen = np.zeros(len(cells.genotypes), bool)
    generation = 0
    while not seen.all() and (not spent or spent[-1] < budgets[-1]):
        rng = derive_generator(search.seed, "propose", generation)
        entries, _ = rate_together(history, guided.rating)
        left = int(np.sum(~seen))
        proposals = propose_generation(strategy, entries, [], search.candidates, rng)
        for place, proposal in enumerate(proposals[:left]):
            number = cells.find_nearest(proposal.genotype, seen, rng)
            seen[number] = True
            name = name_candidate(generation, place)
            entry, images = guided.evaluate(number, name, search.seed)
            history.append(entry)
            drawn.append(number)
            spent.append((spent[-1] if spent else 0) + images)
        generation += 1
    return [_pick(history, drawn, spent, guided.rating, budget) for budget in budgets]


def _pick(
    history: Sequence[Entry],
    drawn: Sequence[int],
    spent: Sequence[int],
    rating: Rating,
    budget: int,
) -> int:
    known = int(np.searchsorted(spent, budget, side="right"))
    entries, _ = rate_together(history[: max(known, 1)], rating)
    best = find_best(entries)
    numbers = {entry.id: number for entry, number in zip(history, drawn, strict=True)}
    return drawn[0] if best is None else numbers[best.id]


def list_entries(
    cells: MeasuredCells, rows: pd.DataFrame, untrained: pd.DataFrame, rating: Rating
) -> list[Entry]:
    """The cells as candidates of a history.

    Parameters
    ----------
    cells
        In the order of the entries.
    rows
        Of one teacher and repetition, after the steps of a candidate, for each region.
    untrained
        The same before the training; may be empty.
    rating
        Which TG counts.
    """
    now, before = (_list_regions(part, rating) for part in (rows, untrained))
    sizes = rows.groupby("hash")[["P", "params", "macs"]].first()
    found = []
    for genotype in cells.genotypes:
        P, params, macs = sizes.loc[genotype.hash]
        entry = Entry(
            id="",
            genotype=genotype,
            hash=genotype.hash,
            state="diverged" if np.isnan(P) else "ok",
            original=None,
            P=None,
            TG=None,
            regions=None,
            reward=None,
            params=int(params),
            macs=int(macs),
        )
        if entry.state == "ok":
            regions, first = now[genotype.hash], before.get(genotype.hash, {})
            entry = replace(
                entry,
                P=float(P),
                TG=_average(regions),
                TG_untrained=_average(first),
                regions=_drop_missing(regions),
                regions_untrained=_drop_missing(first) or None,
            )
            if entry.measures is not None:
                entry = replace(entry, reward=rating.rate(entry.measures))
        found.append(entry)
    return found


def _list_regions(rows: pd.DataFrame, rating: Rating) -> dict[str, dict[str, float]]:
    """Hash to region to its similarity, NaN where it is not defined."""
    found: dict[str, dict[str, float]] = {}
    for name, region, value in zip(
        rows["hash"], rows["region"], rows[rating.layer_choice], strict=True
    ):
        found.setdefault(name, {})[region] = float(value)
    return found


def _average(regions: dict[str, float]) -> float | None:
    """TG: the mean over regions; None where one of them is not defined."""
    values = list(regions.values())
    return None if not values or np.isnan(values).any() else float(np.mean(values))


def _drop_missing(regions: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in regions.items() if not np.isnan(value)}
