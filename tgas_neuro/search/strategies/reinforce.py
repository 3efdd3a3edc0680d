"""REINFORCE: an LSTM controller that learns by policy gradient, replayed from the history."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.config.strategies import ReinforceOptions
from tgas_neuro.runtime.provenance import derive_seed
from tgas_neuro.search.history import Entry, is_member

if TYPE_CHECKING:
    from tgas_neuro.search.strategies.policy import Policy


class ReinforceStrategy:
    """Draws from a controller trained by policy gradient (Zoph & Le 2017; Zoph et al. 2018).

    The controller emits the choices of a genotype in the order of `Space.choices`. Every call
    trains it from the start: the seed gives its first weights, then each generation of the history
    is one update, with a moving average of the rewards as the baseline and a bonus for entropy
    (or PPO's clipped surrogate in several passes). Pending proposals have no reward and are
    ignored.

    A failed candidate counts as the worst reward seen until then. Without a gradient from
    failures, a controller that prefers networks beyond the limits would never leave them.
    Duplicates count: they are draws of the policy, and their reward is known. The choices of a
    candidate are those of its canonical genotype, so equal networks teach the same.

    Parameters
    ----------
    space
        The space that the genotypes come from.
    seed
        The search's; the controller's first weights are derived from it.
    options
        ``entropy`` is the weight of the bonus [1 / nat]. Rewards count in units of their deviation
        from the baseline so far (root mean square), which gives the weight the same meaning for
        all. ``clip`` is PPO's bound on the ratio of probabilities; more than one of ``passes``,
        the updates of a generation, needs it. See `ReinforceOptions` for the others.
    """

    def __init__(self, space: Space, seed: int, options: ReinforceOptions):
        self.space, self.seed, self.options = space, seed, options
        self._memory: tuple[list[list[Entry]], Policy] | None = None

    def propose(
        self,
        history: Sequence[Entry],
        pending: Sequence[Genotype],
        n: int,
        rng: np.random.Generator,
    ) -> list[Genotype]:
        """Propose `n` genotypes (see the contract)."""
        import torch  # the light rules start without it

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # sums in one order, whatever the caller uses
        try:
            drawn = self._train(history).controller.sample(n, rng)
        finally:
            torch.set_num_threads(threads)
        names = list(self.space.choices())
        return [
            self.space.from_choices(dict(zip(names, map(int, values), strict=True)))
            for values in drawn
        ]

    def _train(self, history: Sequence[Entry]) -> "Policy":
        """The policy after the history.

        The last one is remembered. If the history continues from there, as in redraws, so does
        the training. The result is the same as when it starts again.
        """
        from tgas_neuro.search.strategies.policy import Policy

        generations = list(self._list_generations(history))
        done, policy = self._memory or ([], None)
        if policy is None or generations[: len(done)] != done:
            sizes = list(self.space.choices().values())
            done = []
            policy = Policy(sizes, derive_seed(self.seed, "controller"), self.options)
        self._memory = None  # an interrupted update must not be remembered
        for entries in generations[len(done) :]:
            policy.update(self._read_choices(entries), [entry.reward for entry in entries])
        self._memory = (generations, policy)
        return policy

    def _list_generations(self, history: Sequence[Entry]) -> Iterator[list[Entry]]:
        """Members of the space by generation, which their ids ``g<generation>_c<..>`` name."""
        for _, entries in groupby(history, lambda entry: entry.id.rpartition("_c")[0]):
            members = [entry for entry in entries if is_member(self.space, entry.genotype)]
            if members:
                yield members

    def _read_choices(self, entries: Sequence[Entry]) -> np.ndarray:
        choices = [self.space.to_choices(entry.genotype.canonical()) for entry in entries]
        names = list(self.space.choices())
        return np.array([[values[name] for name in names] for values in choices], dtype=np.int64)
