"""Searches without training: histories by hand, and hidden rewards that can be learnt."""

from dataclasses import dataclass

import numpy as np

from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.config.search import Search
from tgas_neuro.search.generation import propose_generation
from tgas_neuro.search.history import Entry, find_best, is_member
from tgas_neuro.search.strategies import STRATEGIES

SEARCHED = {
    **{name: space() for name, space in SPACES.items()},
    "cell_with_reduction": SPACES["cell"](blocks=3, reduction=True),
}
FAILURES = ("diverged", "oversized", "out_of_memory", "timeout", "crashed", "stopped")


def build_entry(number, genotype, reward, state="ok", original=None, generation=0, complete=True):
    return Entry(
        id=f"g{generation:03d}_c{number:02d}",
        genotype=genotype,
        hash=genotype.hash,
        state=state,
        original=original,
        P=reward,
        TG=None if reward is None else 0.0,
        regions=None if reward is None else {"IT": 0.0},
        reward=reward,
        params=1,
        macs=1,
        complete=complete,
    )


def draw_history(space, n, seed=0, failures=True):
    """Random candidates, ten a generation; every fourth one failed, every seventh a duplicate."""
    rng = np.random.default_rng(seed)
    entries = []
    for number in range(n):
        place = {"number": number % 10, "generation": number // 10}
        if failures and number % 7 == 6:
            first = next(entry for entry in entries if entry.reward is not None)
            state = {"state": "duplicate", "original": first.id}
            entries.append(
                build_entry(genotype=first.genotype, reward=first.reward, **state, **place)
            )
        elif failures and number % 4 == 3:
            state = FAILURES[number // 4 % len(FAILURES)]
            entries.append(
                build_entry(genotype=space.sample(rng), reward=None, state=state, **place)
            )
        else:
            reward = float(rng.random())
            entries.append(build_entry(genotype=space.sample(rng), reward=reward, **place))
    return entries


def build(name, space, seed=0, **options):
    """A strategy by its name."""
    search = Search(strategy=name, seed=seed, **({name: options} if options else {}))
    return STRATEGIES[name](space, search)


def propose_everywhere():
    """Hashes of what every strategy proposes in every space for the same arguments."""
    found = {}
    for name in STRATEGIES:
        for where, space in SEARCHED.items():
            pending = [space.sample(np.random.default_rng(5))]
            rng = np.random.default_rng(3)
            proposed = build(name, space).propose(draw_history(space, 40), pending, 4, rng)
            found[f"{name} {where}"] = [genotype.hash for genotype in proposed]
    return found


@dataclass(frozen=True)
class HiddenReward:
    """A reward that is the sum of one weight for every choice of the canonical genotype.

    Choices are the operations and the edges of a network. A partial one has fewer summands.
    """

    space: object
    weights: dict[str, np.ndarray]

    @classmethod
    def draw(cls, space, rng):
        return cls(space, {name: rng.normal(size=size) for name, size in space.choices().items()})

    def __call__(self, genotype):
        choices = self.space.to_choices(genotype.canonical())
        return float(sum(self.weights[name][value] for name, value in choices.items()))


def run_search(name, space, seed, evaluations, noise=0.5, n=10, **options):
    """Noise-free reward of the pick after so many noisy evaluations, and the history."""
    reward = HiddenReward.draw(space, np.random.default_rng([seed, 0]))
    noises = np.random.default_rng([seed, 1])
    strategy = build(name, space, seed, **options)
    history, known = [], {}
    for generation in range(evaluations // n):
        rng = np.random.default_rng([seed, 2, generation])
        for number, proposal in enumerate(propose_generation(strategy, history, [], n, rng)):
            original = known.get(proposal.original)
            genotype = proposal.genotype
            value = original.reward if original else reward(genotype) + noise * noises.normal()
            state = {"state": "duplicate", "original": original.id} if original else {}
            complete = is_member(space, genotype)
            place = {"generation": generation, "complete": complete}
            entry = build_entry(number, genotype, float(value), **state, **place)
            known[entry.id] = entry
            history.append(entry)
    return reward(find_best(history).genotype), history
