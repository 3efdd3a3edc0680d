"""Strategies: each proposes genotypes from the history. Most have a file of their own.

None imports torch, optuna or scikit-learn before it proposes: the light rules start fast.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.architecture.spaces import build_space
from tgas_neuro.config.search import Search
from tgas_neuro.config.strategies import EvolutionOptions
from tgas_neuro.search.history import Entry, get_reward, is_member, select_members
from tgas_neuro.search.strategies.progressive import ProgressiveStrategy
from tgas_neuro.search.strategies.reinforce import ReinforceStrategy
from tgas_neuro.search.strategies.tpe import TPEStrategy


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


class Strategy(Protocol):
    """Proposes genotypes; it is built for each generation and replayed from the history.

    A strategy has no state that could change a proposal, so nothing hidden has to survive a crash.
    When it is asked, some earlier generations may still be in flight (`pending`).
    """

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes, a pure function of its arguments.

        They may equal one another, or one that is known: `propose_generation` draws again.

        Parameters
        ----------
        history
            All finished candidates that may be known, in order; empty at first. The reward of a
            failed one is None, and `history` may hold nothing but failures. It may also hold
            partial genotypes and those of other spaces (from reused runs); a strategy skips what
            it cannot use.
        pending
            Proposals whose candidates are not in `history` yet.
        n
            How many, at least 1.
        rng
            The only source of randomness.
        """
        ...


class RandomStrategy:
    """Independent uniform draws from the space, the baseline that guided strategies must beat."""

    def __init__(self, space: Space):
        self.space = space

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes; history and pending ones have no effect."""
        return [self.space.sample(rng) for _ in range(n)]


def build_strategy(search: Search, space: Space | None = None) -> Strategy:
    """The strategy of a search, with its options.

    Parameters
    ----------
    search
        The section ``search`` of a configuration.
    space
        What is searched; by default the space of the section.
    """
    return STRATEGIES[search.strategy](space or build_space(search), search)


def check_search(search: Search) -> None:
    """Check, before any work, that a search can find something.

    Raises
    ------
    UserError
        The search is too short for the progressive strategy to reach a complete genotype.
    """
    strategy = build_strategy(search)
    if isinstance(strategy, ProgressiveStrategy):
        strategy.check_budget(search.generations * search.candidates)


STRATEGIES: dict[str, Callable[[Space, Search], Strategy]] = {
    "random": lambda space, search: RandomStrategy(space),
    "tpe": lambda space, search: TPEStrategy(space),
    "reinforce": lambda space, search: ReinforceStrategy(space, search.seed, search.reinforce),
    "evolution": lambda space, search: EvolutionStrategy(space, search.evolution),
    "progressive": lambda space, search: ProgressiveStrategy(space, search.progressive),
}
