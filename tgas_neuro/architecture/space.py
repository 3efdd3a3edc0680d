"""Search spaces: what may be proposed."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from tgas_neuro.architecture.cell.space import CellSpace
from tgas_neuro.architecture.chain.space import ChainSpace
from tgas_neuro.architecture.genotype import Genotype
from tgas_neuro.architecture.nasbench201.space import NASBench201Space


class Space(Protocol):
    """A set of genotypes; frozen, without torch.

    Every genotype is told by choices with names, each a number from 0; several ways to choose may
    be the same network (`Genotype.hash`). Spaces also grow: a genotype of stage 1 is the smallest,
    one of the last stage cannot grow any more. Genotypes of every stage are networks, which the
    progressive strategy trains; only complete ones are members (`validate`) and may win a search.
    In `cell` those of the last stage are complete, and the others partial; in `chain` and
    `nasbench201`, where the small ones are networks of full standing, all are complete.

    Attributes
    ----------
    stages
        Stages of growth, at least 1.
    """

    stages: int

    def choices(self) -> dict[str, int]:
        """Every choice by name and its number of values, in the order in which they are made."""
        ...

    def from_choices(self, values: Mapping[str, int]) -> Genotype:
        """The complete genotype with these values; `UserError` for others than `choices` allows."""
        ...

    def to_choices(self, genotype: Genotype) -> dict[str, int]:
        """Values that give this genotype; of a partial one only of the choices it has made."""
        ...

    def sample(self, rng: np.random.Generator) -> Genotype:
        """A complete genotype, every choice drawn uniformly and independently."""
        ...

    def mutate(self, genotype: Genotype, rng: np.random.Generator) -> Genotype:
        """Another network that differs from a complete genotype in one choice."""
        ...

    def neighbours(self, genotype: Genotype) -> Iterator[Genotype]:
        """All networks that differ from a complete genotype in one choice, each once."""
        ...

    def encode(self, genotype: Genotype) -> np.ndarray:
        """A vector of fixed length, float32, equal for equal hashes; also for partial genotypes."""
        ...

    def validate(self, genotype: Genotype) -> Genotype:
        """Return a complete genotype of this space, or raise `UserError` with what is wrong."""
        ...

    def get_stage(self, genotype: Genotype) -> int | None:
        """Its stage of growth, 1 to `stages`; None for a genotype that is not of this space."""
        ...

    def grow(self, genotype: Genotype | None) -> Iterator[Genotype]:
        """All genotypes of the next stage that extend this one, each once.

        None begins; nothing grows from the last stage. Every genotype of a stage is reached from
        one of the stage before, and is of that stage alone.
        """
        ...


def build_space(search: dict[str, Any]) -> Space:
    """The space of the section ``search`` of a configuration, with the options of its kind."""
    return SPACES[search["space"]](**search.get(search["space"], {}))


SPACES = {"cell": CellSpace, "chain": ChainSpace, "nasbench201": NASBench201Space}
