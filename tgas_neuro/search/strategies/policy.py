"""Policy gradient: a controller, its moving baseline, and one update for each generation."""

import math
from collections.abc import Sequence

import numpy as np
import torch

from tgas_neuro.search.strategies.controller import Controller, calc_policy_loss


class Policy:
    """A controller in training; the same updates in the same order give the same controller.

    Parameters
    ----------
    sizes
        Number of values of each choice.
    seed
        Of the controller's first weights.
    hidden, learning_rate, entropy, baseline_decay, clip, passes
        See `ReinforceStrategy`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        seed: int,
        hidden: int,
        learning_rate: float,
        entropy: float,
        baseline_decay: float,
        clip: float | None,
        passes: int,
    ):
        self.controller = Controller(sizes, hidden, torch.Generator().manual_seed(seed))
        self.optimizer = torch.optim.Adam(self.controller.parameters(), lr=learning_rate)
        self.entropy, self.decay, self.clip, self.passes = entropy, baseline_decay, clip, passes
        self.baseline: float | None = None
        self.count, self.squares = 0, 0.0
        self.worst = math.inf

    def update(self, values: np.ndarray, rewards: Sequence[float | None]) -> None:
        """Learn from one generation.

        Parameters
        ----------
        values
            (sequence, step), int64: what the candidates had chosen.
        rewards
            One a candidate. None, a failure, stands at the worst reward so far; as long as
            there is none, nothing is learnt.
        """
        rated = [reward for reward in rewards if reward is not None]
        self.worst = min([self.worst, *rated])
        if math.isinf(self.worst):
            return
        filled = np.array([self.worst if reward is None else reward for reward in rewards])
        advantages = torch.from_numpy(self._calc_advantages(filled)).float()
        chosen = torch.from_numpy(values)
        old = None
        if self.clip is not None:
            with torch.no_grad():
                old, _ = self.controller.calc_log_probabilities(chosen)
        for _ in range(self.passes):
            found = self.controller.calc_log_probabilities(chosen)
            loss = calc_policy_loss(*found, advantages, self.entropy, old, self.clip)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def _calc_advantages(self, rewards: np.ndarray) -> np.ndarray:
        """Rewards less the moving baseline, in units of how much all rewards so far differed.

        The unit is not a moving one: where the policy has settled, rewards differ by little but
        noise, which must not be blown up.
        """
        if self.baseline is None:
            self.baseline = rewards.mean()
        differences = rewards - self.baseline
        self.baseline = self.decay * self.baseline + (1 - self.decay) * rewards.mean()
        self.count += len(differences)
        self.squares += float((differences**2).sum())
        scale = math.sqrt(self.squares / self.count)
        return differences / scale if scale > 0 else differences
