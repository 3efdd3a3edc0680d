"""The table of search spaces, and what is asked of a genotype of any of them."""

from typing import Any

from tgas_neuro.architecture.cell.space import CellSpace
from tgas_neuro.architecture.chain.space import ChainSpace
from tgas_neuro.architecture.nasbench201.space import NASBench201Space
from tgas_neuro.architecture.skeleton import Complexity, Skeleton
from tgas_neuro.architecture.space import STEM, Genotype, Layout, Space
from tgas_neuro.config.final import Final
from tgas_neuro.config.search import Search
from tgas_neuro.runtime.errors import UserError, check_choice, check_object

# A new space is a folder with its class, and one line here.
SPACES: dict[str, type[Space[Any]]] = {
    "cell": CellSpace,
    "chain": ChainSpace,
    "nasbench201": NASBench201Space,
}


def build_space(search: Search) -> Space[Any]:
    """The space of the section ``search`` of a configuration, with its options."""
    options = search.get_space_options()
    return SPACES[search.space](**(options.model_dump() if options else {}))


def read_genotype(content: Any, name: str = "genotype") -> Genotype:
    """The genotype that `Genotype.to_json` wrote.

    Parameters
    ----------
    content
        JSON content; its key ``space`` names the space that reads the other keys.
    name
        The file or key that it comes from, for messages.

    Raises
    ------
    UserError
        Names the field, its value and what is allowed.
    """
    check_object(content, name, ("space",))
    check_choice(f"{name}: space", content["space"], SPACES)
    return SPACES[content["space"]].read(content, name)


def build_layout(genotype: Genotype, skeleton: Skeleton) -> Layout:
    """Layout of a genotype's network at the size of a skeleton."""
    return SPACES[genotype.space].build_layout(genotype, skeleton)


def calc_complexity(genotype: Genotype, skeleton: Skeleton) -> Complexity:
    """Parameters and multiply-adds of a genotype's network, without building it."""
    return build_layout(genotype, skeleton).calc_cost()


def describe_genotype(genotype: Genotype) -> list[str]:
    """Describe a genotype completely, in lines of text."""
    return SPACES[genotype.space].describe(genotype)


def list_modules(genotype: Genotype, skeleton: Skeleton) -> list[str]:
    """The layers of a network from input to output, by the names of their modules."""
    stages = build_layout(genotype, skeleton).layer_stages
    names = [*SPACES[genotype.space].list_stem_layers(skeleton)]
    names += [name for stage in stages for name in stage]
    return [STEM, *(name_module(genotype, name) for name in names)]


def name_module(genotype: Genotype, layer: str) -> str:
    """Name of a layer's module within the network (as in ``named_modules``)."""
    return layer if layer == STEM else f"{SPACES[genotype.space].holder}.{layer}"


def check_regularisation(settings: Final, space: str, stages: int) -> None:
    """Raise `UserError` where drop path or an auxiliary head is asked for and has no place."""
    for key, reason in SPACES[space].no_place.items():
        if getattr(settings, key) > 0:
            raise UserError(
                f"final.{key}: {getattr(settings, key)}, but a network of space {space} {reason}; "
                "set it to 0"
            )
    if settings.auxiliary > 0 and stages < 2:
        raise UserError(
            f"final.auxiliary: {settings.auxiliary}, but the auxiliary head reads what the last "
            f"reduction reads, and final.network.stages is {stages}; set it to 0 or raise stages"
        )
