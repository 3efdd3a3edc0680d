"""The measured cells of an experiment as what searches are replayed on."""

import math
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, cast

import numpy as np

from tgas_neuro.architecture.space import Genotype, Space
from tgas_neuro.config.experiments import Experiment
from tgas_neuro.experiments.cells import draw_from_space
from tgas_neuro.experiments.options import build_cell_space
from tgas_neuro.runtime.errors import UserError

MOST_LISTED = 50_000  # genotypes of a space that is listed as a whole
NOT_CHOSEN = -1  # a choice that a partial genotype has not made


class MeasuredSpace:
    """The space of the cells, as strategies see it when they are replayed on a table.

    A random genotype is one of the cells, all with the same probability. Growth has one stage, that
    of all cells, because partial genotypes were not measured. All else is that of the space, so
    that strategies may propose what was not measured (see `MeasuredCells.find_nearest`).

    Parameters
    ----------
    space
        Of the cells.
    genotypes
        The cells.
    """

    stages = 1

    def __init__(self, space: Space[Any], genotypes: Sequence[Genotype]):
        self._space, self._genotypes = space, genotypes

    def __getattr__(self, name: str) -> Any:
        """Whatever is not said here is that of the space."""
        return getattr(self._space, name)

    def sample(self, rng: np.random.Generator) -> Genotype:
        """One of the cells."""
        return self._genotypes[int(rng.integers(len(self._genotypes)))]

    def get_stage(self, genotype: Genotype) -> int:
        """All cells are of the only stage."""
        return 1

    def grow(self, genotype: Genotype | None) -> Iterator[Genotype]:
        """All cells at first, then none."""
        yield from self._genotypes if genotype is None else ()

    def neighbours(self, genotype: Genotype) -> Iterator[Genotype]:
        """None: `grow` has all cells."""
        yield from ()


class MeasuredCells:
    """Cells, and which of them is nearest to a genotype.

    Attributes
    ----------
    space
        What strategies propose from, see `MeasuredSpace`.
    genotypes
        The cells, canonical.

    Parameters
    ----------
    space
        Of the cells.
    genotypes
        The cells.
    """

    def __init__(self, space: Space[Any], genotypes: Sequence[Genotype]):
        self.genotypes = [genotype.canonical() for genotype in genotypes]
        self.space = cast(Space[Any], MeasuredSpace(space, self.genotypes))
        self._choices = list(space.choices())
        self._values = np.array([self._list_values(one) for one in self.genotypes])

    def find_nearest(self, genotype: Genotype, seen: np.ndarray, rng: np.random.Generator) -> int:
        """The cell that differs from a genotype in the fewest choices, of those not seen yet.

        Choices are those of canonical genotypes, such as the operation on each edge; those that a
        partial genotype has not made do not count.

        Parameters
        ----------
        genotype
            What was proposed.
        seen
            (cell,), bool; at least one is False.
        rng
            Draws one of equally near cells.

        Returns
        -------
        number
            Of the cell.
        """
        values = np.array(self._list_values(genotype.canonical()))
        different = (self._values != values) & (values != NOT_CHOSEN)
        distance = np.where(seen, len(values) + 1, different.sum(axis=1))
        nearest = np.flatnonzero(distance == distance.min())
        return int(nearest[rng.integers(len(nearest))] if len(nearest) > 1 else nearest[0])

    def _list_values(self, genotype: Genotype) -> list[int]:
        values = self.space.to_choices(genotype)
        return [values.get(name, NOT_CHOSEN) for name in self._choices]


def find_cells(hashes: Sequence[str], experiment: Experiment) -> MeasuredCells:
    """The cells of an experiment that a table names by their hashes, in the order of the hashes.

    Raises
    ------
    UserError
        Some are none of this experiment's.
    """
    space = build_cell_space(experiment)
    found = {genotype.hash: genotype for genotype in _list_genotypes(space, experiment)}
    missing = [name for name in hashes if name not in found]
    if missing:
        raise UserError(
            f"table: {len(missing)} of {len(hashes)} cells are not of this experiment, the first "
            f"that with hash {missing[0]}; correct space, options or cells, or remove the table to "
            "have it made"
        )
    return MeasuredCells(space, [found[name] for name in hashes])


def _list_genotypes(space: Space[Any], experiment: Experiment) -> Iterator[Genotype]:
    """All genotypes of a small space; of a large one those that the experiment draws."""
    sizes = space.choices()
    if math.prod(sizes.values()) > MOST_LISTED:
        yield from draw_from_space(experiment)
        return
    for values in product(*map(range, sizes.values())):
        yield space.from_choices(dict(zip(sizes, values, strict=True)))
