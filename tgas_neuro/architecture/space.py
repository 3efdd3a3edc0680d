"""The contract of a search space: its genotypes, its choices, and all that is particular to it."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np

from tgas_neuro.architecture.skeleton import Complexity, Skeleton
from tgas_neuro.config.section import Section
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:  # light rules start without torch and matplotlib
    from matplotlib.figure import Figure

    from tgas_neuro.architecture.network import GenotypeNetwork

STEM = "stem"


class Genotype(Protocol):
    """The description of a network as frozen data, without torch; each space has its own class."""

    @property
    def space(self) -> str:
        """Name of the search space."""
        ...

    @property
    def hash(self) -> str:
        """16 hexadecimal digits, equal for descriptions of the same network."""
        ...

    def __hash__(self) -> int:
        """Genotypes are keys of dicts; equal ones are the same description."""
        ...

    def canonical(self) -> Self:
        """Describe the same network in canonical order; networks are built from it."""
        ...

    def to_json(self) -> dict[str, Any]:
        """JSON content with only dicts, lists, strings, integers and null (see `read_genotype`)."""
        ...


class Layout(Protocol):
    """The layers of a network with their channels and sizes, without torch."""

    @property
    def path_depths(self) -> tuple[float, ...]:
        """Relative depth in (0, 1] of every operation that drop path may drop."""
        ...

    @property
    def layer_stages(self) -> tuple[tuple[str, ...], ...]:
        """Names of the layers after the stem, grouped by stage."""
        ...

    @property
    def last_before_reduction(self) -> tuple[str, int, int] | None:
        """Name, channels and size [px] of the output that the last reduction reads, or None."""
        ...

    def calc_cost(self) -> Complexity:
        """Parameters and multiply-adds of the whole network."""
        ...


G = TypeVar("G", bound=Genotype)


class Space(ABC, Generic[G]):
    """A search space: one class in a folder of its own, registered in `SPACES`.

    The class itself knows what is the same for all genotypes of the space: how they are read,
    built, described, drawn and scaled up. An instance, made with the options of the configuration,
    is a set of genotypes. A genotype is encoded as named integer choices; different encodings may
    describe the same network (`Genotype.hash`).

    Spaces also grow: genotypes of stage 1 are the smallest, those of the last stage cannot grow.
    Genotypes of every stage are networks, which the progressive strategy trains. Only complete
    genotypes are members (`validate`) and can win a search. In some spaces only those of the last
    stage are complete, in others all are.

    Attributes
    ----------
    name
        The value of ``search.space``, and of the key ``space`` of genotypes.
    about
        What is searched, in a few words, for the reference of the configuration.
    options
        Section of the configuration, ``search.<name>``, with the arguments of the class; or None.
    cheapest
        JSON content of a genotype with the fewest multiply-adds.
    holder
        Attribute of the network whose children are its layers; the stem is outside.
    free_stem
        Whether the cifar stem may have another number of channels than ``filters``.
    no_place
        Key of the final training, ``drop_path`` or ``auxiliary``, to the reason why networks of
        this space cannot have it.
    """

    name: ClassVar[str]
    about: ClassVar[str]
    options: ClassVar[type[Section] | None] = None
    cheapest: ClassVar[Mapping[str, Any]]
    holder: ClassVar[str]
    free_stem: ClassVar[bool] = False
    no_place: ClassVar[Mapping[str, str]] = {}

    @property
    @abstractmethod
    def stages(self) -> int:
        """Number of stages of growth, at least 1."""

    # What is the same for all genotypes of the space

    @staticmethod
    @abstractmethod
    def read(content: Any, name: str) -> Genotype:
        """Read a genotype from JSON content.

        Raises
        ------
        UserError
            Names the field (after `name`), its value and what is allowed.
        """

    @staticmethod
    @abstractmethod
    def build_layout(genotype: Any, skeleton: Skeleton) -> Layout:
        """Layout of a genotype's network at the size of a skeleton."""

    @staticmethod
    @abstractmethod
    def build_module(genotype: Any, skeleton: Skeleton) -> "GenotypeNetwork":
        """The network as a module whose weights are not initialised (see `build_network`)."""

    @staticmethod
    @abstractmethod
    def describe(genotype: Any) -> list[str]:
        """Describe a genotype completely, in lines of text."""

    @staticmethod
    @abstractmethod
    def calc_drawing_size(genotype: Any) -> tuple[float, float]:
        """Width and height [inch] at which the drawing of a genotype is readable."""

    @staticmethod
    @abstractmethod
    def draw(genotype: Any, figure: "Figure", title: str) -> None:
        """Draw a genotype into a figure of `calc_drawing_size`."""

    @classmethod
    def list_stem_layers(cls, skeleton: Skeleton) -> tuple[str, ...]:
        """Names of layers between the stem and those of `Layout.layer_stages`."""
        return ()

    # The choices of an instance

    @abstractmethod
    def choices(self) -> dict[str, int]:
        """Number of values of every choice by name, in the order in which choices are made."""

    @abstractmethod
    def from_choices(self, values: Mapping[str, int]) -> G:
        """The complete genotype with these values; `UserError` for values that are not allowed."""

    @abstractmethod
    def to_choices(self, genotype: G) -> dict[str, int]:
        """Values that give this genotype; of a partial genotype only those of choices it made."""

    @abstractmethod
    def validate(self, genotype: Genotype) -> G:
        """Return a complete genotype of this space, or raise `UserError`."""

    @abstractmethod
    def get_stage(self, genotype: Genotype) -> int | None:
        """Stage of growth, from 1 to `stages`; None for a genotype of another space."""

    @abstractmethod
    def grow(self, genotype: G | None) -> Iterator[G]:
        """All genotypes of the next stage that extend this one, each once.

        None starts the growth; genotypes of the last stage do not grow. Every genotype of a stage
        is reached from a genotype of the stage before, and belongs to that stage only.
        """

    def sample(self, rng: np.random.Generator) -> G:
        """A complete genotype with every choice drawn uniformly and independently."""
        return self.from_choices(
            {name: int(rng.integers(n_values)) for name, n_values in self.choices().items()}
        )

    def mutate(self, genotype: G, rng: np.random.Generator) -> G:
        """Change one choice of a complete genotype, and get another network.

        The choice is drawn uniformly, so all kinds change equally often (as in Real et al. 2019,
        AAAI, section 3.3), then its new value. Changes that give the same network are skipped.
        """
        values = self.to_choices(genotype)
        choices = self.choices()
        mutants = (
            self.from_choices(values | {str(name): int(value)})
            for name in rng.permutation(list(choices))
            for value in rng.permutation(choices[name])
        )
        return next(mutant for mutant in mutants if mutant.hash != genotype.hash)

    def neighbours(self, genotype: G) -> Iterator[G]:
        """All networks that differ in one choice from a complete genotype, each once."""
        values = self.to_choices(genotype)
        known = {genotype.hash}
        for name, n_values in self.choices().items():
            for value in range(n_values):
                neighbour = self.from_choices(values | {name: value})
                if neighbour.hash not in known:
                    known.add(neighbour.hash)
                    yield neighbour

    def encode(self, genotype: G) -> np.ndarray:
        """A vector of fixed length, float32, equal for equal hashes; also for partial genotypes.

        By default the choices of the canonical genotype in one-hot code (see `encode_values`).
        """
        return encode_values(self, self.to_choices(genotype.canonical()))


def encode_values(space: Space[Any], values: Mapping[str, int]) -> np.ndarray:
    """One-hot code of the values of choices, for surrogates.

    Returns
    -------
    np.ndarray
        (value,), float32, with one number for each value of each choice. A choice that is not in
        `values`, because a partial genotype has not made it, is zero throughout.
    """
    code = []
    for name, n_values in space.choices().items():
        one_hot = np.zeros(n_values, dtype=np.float32)
        if name in values:
            one_hot[values[name]] = 1.0
        code.append(one_hot)
    return np.concatenate(code)


def check_choices(space: Space[Any], values: Mapping[str, int]) -> dict[str, int]:
    """The values as plain integers; `UserError` unless there is an allowed one for each choice."""
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
