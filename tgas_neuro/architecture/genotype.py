"""Genotypes: what a network is made of, as frozen data; one class for each search space."""

from typing import Any, Protocol

from tgas_neuro.architecture.cell.genotype import CellGenotype
from tgas_neuro.architecture.chain.genotype import ChainGenotype
from tgas_neuro.architecture.json_fields import check_object
from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.runtime.errors import check_choice


class Genotype(Protocol):
    """What the classes of all spaces have in common; frozen, without torch.

    Attributes
    ----------
    space
        The search space that it belongs to, a key of `GENOTYPES`.
    hash
        16 hexadecimal digits, equal for the same network up to the order in which it is told.
    """

    space: str
    hash: str

    def canonical(self) -> "Genotype":
        """The same network told in the canonical order; networks are built from it."""
        ...

    def to_json(self) -> dict[str, Any]:
        """As what `read_genotype` reads: only dicts, lists, strings and integers."""
        ...


GENOTYPES = {
    "cell": CellGenotype,
    "chain": ChainGenotype,
    "nasbench201": NASBench201Genotype,
}


def read_genotype(content: Any, name: str = "genotype") -> Genotype:
    """The genotype that `to_json` wrote.

    Parameters
    ----------
    content
        JSON content; its key ``space`` says which class reads the others.
    name
        The file or key that it comes from, for messages.

    Raises
    ------
    UserError
        Naming the field, its value and what is allowed.
    """
    check_object(content, name, ("space",))
    check_choice(f"{name}: space", content["space"], GENOTYPES)
    return GENOTYPES[content["space"]].from_json(content, name)
