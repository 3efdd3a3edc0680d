"""Progressive search: networks grow stage by stage; a surrogate ranks all ways to grow."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.config.strategies import ProgressiveOptions
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.history import Entry, is_member


@dataclass(frozen=True)
class Seen:
    """A proposed network: its stage, and its reward unless it failed or is in flight."""

    genotype: Genotype
    stage: int
    reward: float | None


class ProgressiveStrategy:
    """Progressive neural architecture search (Liu et al. 2018, ECCV, algorithm 1).

    The first candidates are of stage 1: cells of one block. When enough of a stage have been
    proposed, the best of them are grown in every way. A surrogate fitted to all rewards so far
    ranks the results, and the best are the candidates of the next stage. PNAS ends with the last
    stage. This search stays there and ranks the remaining expansions together with the neighbours
    of the best complete networks.

    Stages advance by numbers of proposals, never by the length of the search: a longer search
    begins with the shorter one. Proposals in flight count but cannot guide; in a generation larger
    than a stage, the later ones grow from networks without a reward. Without any reward,
    candidates are drawn at random. Failures count as proposals of their stage and teach nothing;
    they are grown only while no other of their stage has a reward.

    Parameters
    ----------
    space
        What is searched.
    options
        ``beam``, networks of a stage that are grown. ``candidates_per_stage``, for every stage but
        the last; PNAS had 256, and the search must reach the last stage (`check_budget`).
        ``expansions``, networks that are ranked for a stage; if there are more, a random subset.
    """

    def __init__(self, space: Space, options: ProgressiveOptions):
        self.space, self.options = space, options
        self.quota = options.candidates_per_stage
        # Cached from one call to the next.
        self._grow = cache(lambda genotype: tuple(space.grow(genotype)))
        self._list_neighbours = cache(lambda genotype: tuple(space.neighbours(genotype)))
        self._encode = cache(space.encode)

    def check_budget(self, n_candidates: int) -> None:
        """Raise `UserError` unless a search of this many candidates reaches complete ones."""
        first = list(self.space.grow(None))
        if is_member(self.space, first[0]):
            return
        needed = min(self.quota, len(first)) + self.quota * (self.space.stages - 2) + 1
        if n_candidates < needed:
            raise UserError(
                f"search.progressive: {n_candidates} candidates (generations x candidates) all "
                f"stay partial, as {self.quota} go to each of {self.space.stages - 1} stages "
                f"before the last; give at least {needed}, or lower candidates_per_stage"
            )

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes, none of them known while there are others.

        Partial genotypes may be among them.
        """
        seen = self._look(history, pending)
        counts = Counter(one.stage for one in seen.values())
        proposals: list[Genotype] = []
        for stage in range(1, self.space.stages + 1):
            room = n - len(proposals)
            if stage < self.space.stages:
                room = min(room, self.quota - counts[stage])
            if room > 0:
                candidates = self._list_candidates(stage, seen, rng)
                chosen = self._choose(candidates, room, seen)
                seen |= {genotype.hash: Seen(genotype, stage, None) for genotype in chosen}
                proposals += chosen
        # The rest, if the space is exhausted, or nearly so.
        return proposals + [self.space.sample(rng) for _ in range(n - len(proposals))]

    def _look(self, history: Sequence[Entry], pending: Sequence[Genotype]) -> dict[str, Seen]:
        """All networks of the space, by hash; foreign genotypes have no stage."""
        seen: dict[str, Seen] = {}
        rewards = [(entry.genotype, entry.reward) for entry in history]
        for genotype, reward in [*rewards, *((genotype, None) for genotype in pending)]:
            stage = self.space.get_stage(genotype)
            if stage is not None and genotype.hash not in seen:
                seen[genotype.hash] = Seen(genotype, stage, reward)
        return seen

    def _list_candidates(
        self, stage: int, seen: dict[str, Seen], rng: np.random.Generator
    ) -> list[Genotype]:
        """Networks of a stage that may be proposed, in random order, none of them known."""
        found: dict[str, Genotype] = {}
        for genotype in self._list_grown(stage, seen, rng):
            if genotype.hash not in seen:
                found[genotype.hash] = genotype
        candidates = list(found.values())
        return [candidates[i] for i in rng.permutation(len(candidates))[: self.options.expansions]]

    def _list_grown(
        self, stage: int, seen: dict[str, Seen], rng: np.random.Generator
    ) -> Iterator[Genotype]:
        if stage == 1:
            yield from self._grow(None)
        else:
            parents = [one for one in seen.values() if one.stage == stage - 1]
            for parent in self._select_beam(parents, rng):
                yield from self._grow(parent)
        if stage == self.space.stages:
            members = [one for one in seen.values() if is_member(self.space, one.genotype)]
            for member in self._select_beam(members, rng):
                yield from self._list_neighbours(member)

    def _select_beam(self, seen: Sequence[Seen], rng: np.random.Generator) -> list[Genotype]:
        """The best by reward; while none has one, random ones stand in."""
        rated = sorted(_list_rated(seen), key=lambda pair: -pair[1])
        chosen = [genotype for genotype, _ in rated]
        if not chosen:
            chosen = [seen[i].genotype for i in rng.permutation(len(seen))]
        return chosen[: self.options.beam]

    def _choose(
        self, candidates: Sequence[Genotype], most: int, seen: dict[str, Seen]
    ) -> list[Genotype]:
        """The candidates with the highest predicted rewards; the first ones without any reward."""
        rated = _list_rated(seen.values())
        if not rated or not candidates:
            return list(candidates[:most])
        order = rank_candidates(
            np.stack([self._encode(genotype) for genotype, _ in rated]),
            [reward for _, reward in rated],
            np.stack([self._encode(candidate) for candidate in candidates]),
        )
        return [candidates[i] for i in order[:most]]


def _list_rated(seen: Iterable[Seen]) -> list[tuple[Genotype, float]]:
    """Genotypes that have a reward, with it."""
    return [(one.genotype, one.reward) for one in seen if one.reward is not None]


def rank_candidates(
    codes: np.ndarray, rewards: Sequence[float], candidates: np.ndarray
) -> np.ndarray:
    """The surrogate: rank candidates by the rewards of trained networks, the best first.

    Bayesian ridge regression (MacKay 1992, Neural Comput. 4) predicts the rewards; it finds the
    strength of its regularisation from the data. PNAS has an ensemble of LSTMs or MLPs. Both were
    compared on 30, 100, 300 cells, chains and NAS-Bench-201 topologies with noisy rewards
    (additive, with interactions, log MACs). Ridge regression ranked new networks as well as an
    ensemble of five MLPs or better (within 0.01 of Spearman's correlation), mostly better than
    random forests and boosted trees, and took a tenth of the time. The exception is NAS-Bench-201
    with interactions: from 300 rewards it reached 0.76, boosted trees 0.83, MLPs 0.87.

    Parameters
    ----------
    codes
        (network, value): `Space.encode` of the trained networks, at least one.
    rewards
        One for each network.
    candidates
        (candidate, value): codes of networks that may be proposed.

    Returns
    -------
    np.ndarray
        (candidate,): their positions, the highest prediction first, equal ones in order.
    """
    # The light rules start without scikit-learn.
    from sklearn.linear_model import BayesianRidge
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # sums in one order, however many threads there are
        surrogate = BayesianRidge().fit(codes.astype(np.float64), np.asarray(rewards))
        predicted = surrogate.predict(candidates.astype(np.float64))
    return np.argsort(-predicted, kind="stable")
