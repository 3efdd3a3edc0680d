"""Policy gradient for `reinforce`: an LSTM controller, its moving baseline, and its updates.

This file imports torch; `reinforce` loads it when it proposes.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from tgas_neuro.config.strategies import ReinforceOptions

SPREAD = 0.1  # first weights are uniform within it (Zoph & Le 2017, ICLR, appendix A: 0.08)
IMPOSSIBLE = -1e9  # logit of a value that a choice does not have; with -inf, 0 * log 0 is nan


class Controller(nn.Module):
    """A distribution over sequences of choices, one LSTM step for each (Zoph & Le 2017, ICLR).

    A step reads the embedding of the previous value and has its own softmax over the values of its
    choice.

    Parameters
    ----------
    sizes
        Number of values of each choice, in the order in which they are made.
    hidden
        Units of the LSTM and of the embeddings.
    generator
        Draws the first weights.
    """

    def __init__(self, sizes: Sequence[int], hidden: int, generator: torch.Generator):
        super().__init__()
        steps, most = len(sizes), max(sizes)
        # A module on "meta" draws nothing from torch's global generator.
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True, device="meta").to_empty(device="cpu")
        self.embedding = nn.Parameter(torch.empty(steps, most, hidden))
        self.weight = nn.Parameter(torch.empty(steps, most, hidden))
        self.bias = nn.Parameter(torch.empty(steps, most))
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-SPREAD, SPREAD, generator=generator)
        self.allowed: torch.Tensor  # (step, value)
        self.register_buffer("allowed", torch.arange(most) < torch.tensor(sizes)[:, None])

    def calc_log_probabilities(self, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-probabilities of sequences, and the entropies of their steps.

        Parameters
        ----------
        values
            (sequence, step), int64: the value of every choice.

        Returns
        -------
        log_probabilities
            (sequence,): of the whole sequence [nat].
        entropies
            (sequence,): sum over the steps' distributions, each given the earlier values [nat].
        """
        steps = torch.arange(values.shape[1])
        before = self.embedding[steps[:-1], values[:, :-1]]  # (sequence, step - 1, unit)
        inputs = torch.cat([before.new_zeros(len(values), 1, before.shape[2]), before], dim=1)
        outputs, _ = self.lstm(inputs)
        logits = torch.einsum("nsh,svh->nsv", outputs, self.weight) + self.bias
        logs = torch.log_softmax(logits.masked_fill(~self.allowed, IMPOSSIBLE), dim=2)
        chosen = logs.gather(2, values[:, :, None])[:, :, 0]
        entropies = -(logs.exp() * logs).sum(dim=2)
        return chosen.sum(dim=1), entropies.sum(dim=1)

    @torch.no_grad()
    def sample(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` sequences: (sequence, step), int64."""
        uniform = torch.from_numpy(rng.random((n, *self.bias.shape[:1])))
        values = torch.zeros(n, self.bias.shape[0], dtype=torch.int64)
        inputs = self.weight.new_zeros(n, 1, self.weight.shape[2])
        state = None
        for step, allowed in enumerate(self.allowed):
            output, state = self.lstm(inputs, state)
            logits = output[:, 0] @ self.weight[step].T + self.bias[step]
            probabilities = torch.softmax(logits.masked_fill(~allowed, IMPOSSIBLE), dim=1)
            below = probabilities.double().cumsum(dim=1) < uniform[:, step, None]
            # Rounding may leave the sum a little under 1.
            values[:, step] = below.sum(dim=1).clamp(max=int(allowed.sum()) - 1)
            inputs = self.embedding[step, values[:, step]][:, None]
        return values.numpy()


def calc_policy_loss(
    log_probabilities: torch.Tensor,
    entropies: torch.Tensor,
    advantages: torch.Tensor,
    entropy_weight: float,
    old: torch.Tensor | None = None,
    clip: float | None = None,
) -> torch.Tensor:
    """The loss whose gradient is minus the policy gradient, with a bonus for entropy.

    Without `old` and `clip` it is the mean of ``-advantage * log p - weight * entropy`` (Williams
    1992; Zoph & Le 2017, section 3.2). With them, PPO's clipped surrogate (Schulman et al. 2017,
    equation 7) replaces the first term: ``-min(ratio * advantage, clip(ratio, 1 - clip, 1 + clip)
    * advantage)``, ratio = p / p_old.

    Parameters
    ----------
    log_probabilities, entropies
        (sequence,): of `Controller.calc_log_probabilities`.
    advantages
        (sequence,): reward less baseline; a constant.
    entropy_weight
        0 for none.
    old
        (sequence,): log-probabilities under the policy that proposed.
    clip
        Bound of the ratio's distance from 1, between 0 and 1.
    """
    if old is None or clip is None:
        gains = advantages * log_probabilities
    else:
        ratios = (log_probabilities - old).exp()
        bounded = ratios.clamp(1 - clip, 1 + clip)
        gains = torch.minimum(ratios * advantages, bounded * advantages)
    return -(gains + entropy_weight * entropies).mean()


class Policy:
    """A controller in training; the same updates in the same order give the same controller.

    Parameters
    ----------
    sizes
        Number of values of each choice.
    seed
        Of the controller's first weights.
    options
        See `ReinforceStrategy`.
    """

    def __init__(self, sizes: Sequence[int], seed: int, options: ReinforceOptions):
        self.options = options
        self.controller = Controller(sizes, options.hidden, torch.Generator().manual_seed(seed))
        self.optimizer = torch.optim.Adam(self.controller.parameters(), lr=options.learning_rate)
        self.baseline: float | None = None
        self.count, self.squares = 0, 0.0
        self.worst = math.inf

    def update(self, values: np.ndarray, rewards: Sequence[float | None]) -> None:
        """Learn from one generation.

        Parameters
        ----------
        values
            (sequence, step), int64: the choices of the candidates.
        rewards
            One for each candidate. None, a failure, counts as the worst reward so far; while
            there is no reward at all, nothing is learnt.
        """
        rated = [reward for reward in rewards if reward is not None]
        self.worst = min([self.worst, *rated])
        if math.isinf(self.worst):
            return
        filled = np.array([self.worst if reward is None else reward for reward in rewards])
        advantages = torch.from_numpy(self._calc_advantages(filled)).float()
        chosen = torch.from_numpy(values)
        old = None
        if self.options.clip is not None:
            with torch.no_grad():
                old, _ = self.controller.calc_log_probabilities(chosen)
        for _ in range(self.options.passes):
            found = self.controller.calc_log_probabilities(chosen)
            loss = calc_policy_loss(
                *found, advantages, self.options.entropy, old, self.options.clip
            )
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()

    def _calc_advantages(self, rewards: np.ndarray) -> np.ndarray:
        """Rewards less the moving baseline, divided by the deviation of all rewards so far from it.

        The deviation is not a moving one. Once the policy has settled, rewards differ by little
        more than noise, which must not be amplified.
        """
        if self.baseline is None:
            self.baseline = rewards.mean()
        differences = rewards - self.baseline
        decay = self.options.baseline_decay
        self.baseline = decay * self.baseline + (1 - decay) * rewards.mean()
        self.count += len(differences)
        self.squares += float((differences**2).sum())
        scale = math.sqrt(self.squares / self.count)
        return differences / scale if scale > 0 else differences
