"""Regularized evolution: a population in which the oldest die, not the worst."""

from collections.abc import Sequence

import numpy as np

from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.config.search import EvolutionOptions
from tgas_neuro.search.history import Entry, get_reward, is_member, select_members


class EvolutionStrategy:
    """Mutates the winners of tournaments among the youngest (Real et al. 2019, AAAI, algorithm 1).

    The population holds the latest rated candidates of the history, so one lucky evaluation does
    not stay for ever. Proposals are random until the population is full. A failed candidate never
    enters it: it has no reward, and a streak of failures must not age out the others. A duplicate
    does not enter it either: its reward is a copy, which would give a lucky network the second
    life that ageing denies it.

    Parameters
    ----------
    space
        What is searched.
    options
        ``population``, the number of networks alive; Real et al. had 20 to 100. ``sample``,
        candidates of a tournament, drawn with replacement; 1 is a random walk.
    """

    def __init__(self, space: Space, options: EvolutionOptions):
        self.space, self.options = space, options

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes: mutations of winners, random ones before there is a population."""
        rated = [e for e in select_members(self.space, history) if e.reward is not None]
        born = len(rated) + sum(is_member(self.space, genotype) for genotype in pending)
        alive = rated[-self.options.population :]
        return [
            self.space.mutate(self.choose_parent(alive, rng).genotype, rng)
            if alive and born + number >= self.options.population
            else self.space.sample(rng)
            for number in range(n)
        ]

    def choose_parent(self, alive: Sequence[Entry], rng: np.random.Generator) -> Entry:
        """The winner of one tournament, the older of equals."""
        drawn = sorted(rng.integers(len(alive), size=self.options.sample))
        return max((alive[number] for number in drawn), key=get_reward)
