"""Genotypes as choices, by name: what spaces of any kind draw, change and encode alike."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np

from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.runtime.errors import UserError


class ChoiceSpace(ABC):
    """A space whose genotypes are told by choices (see `tgas_neuro.architecture.space.Space`)."""

    @abstractmethod
    def choices(self) -> dict[str, int]:
        """Every choice by name and its number of values."""

    @abstractmethod
    def from_choices(self, values: Mapping[str, int]) -> Genotype:
        """The complete genotype with these values."""

    @abstractmethod
    def to_choices(self, genotype: Genotype) -> dict[str, int]:
        """Values of the choices that give this genotype."""

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A genotype with every choice drawn uniformly and independently."""
        return self.from_choices(
            {name: int(rng.integers(n_values)) for name, n_values in self.choices().items()}
        )

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """The genotype with one choice changed, and another network for sure.

        The choice is drawn uniformly, so that all kinds change equally often (as in Real et al.
        2019, AAAI, section 3.3), then its new value. Changes that give the same network are
        passed over.
        """
        values = self.to_choices(genotype)
        choices = self.choices()
        for name in rng.permutation(list(choices)):
            for value in rng.permutation(choices[name]):
                mutant = self.from_choices(values | {str(name): int(value)})
                if mutant.hash != genotype.hash:
                    return mutant
        raise AssertionError("unreachable: every space has more than one network")

    def neighbours(self, genotype: Genotype) -> Iterator[Genotype]:
        """All other networks that one changed choice leads to, each once, in order of choices."""
        values = self.to_choices(genotype)
        known = {genotype.hash}
        for name, n_values in self.choices().items():
            for value in range(n_values):
                neighbour = self.from_choices(values | {name: value})
                if neighbour.hash not in known:
                    known.add(neighbour.hash)
                    yield neighbour

    def encode(self, genotype: Genotype) -> np.ndarray:
        """The canonical genotype's choices in one-hot code (see `encode_values`)."""
        return encode_values(self, self.to_choices(genotype.canonical()))


def encode_values(space: ChoiceSpace, values: Mapping[str, int]) -> np.ndarray:
    """Values of choices in one-hot code, for surrogates.

    Returns
    -------
    np.ndarray
        (value,), float32: for every choice as many numbers as it has values; a choice that is
        not among `values`, since a partial genotype has not made it, is zero throughout.
    """
    code = []
    for name, n_values in space.choices().items():
        one_hot = np.zeros(n_values, dtype=np.float32)
        if name in values:
            one_hot[values[name]] = 1.0
        code.append(one_hot)
    return np.concatenate(code)


def check_choices(space: ChoiceSpace, values: Mapping[str, int]) -> dict[str, int]:
    """The values as plain integers; `UserError` unless there is one allowed for each choice."""
    choices = space.choices()
    checked = {}
    for name, n_values in choices.items():
        if name not in values:
            raise UserError(f"{name}: missing among the choices; give it 0 to {n_values - 1}")
        value = values[name]
        if not 0 <= value < n_values or value != int(value):
            raise UserError(f"{name}: {value!r} is not one of 0 to {n_values - 1}")
        checked[name] = int(value)
    for name in values:
        if name not in choices:
            raise UserError(f"{name}: no such choice in {space!r}; there are {', '.join(choices)}")
    return checked
