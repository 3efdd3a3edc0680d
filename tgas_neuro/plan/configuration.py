"""The whole configuration: the model with the options of every space, and how it is checked."""

from typing import Any, Literal

from pydantic import create_model

from tgas_neuro.architecture.cell.genotype import MAX_BLOCKS
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.config.checking import check_section
from tgas_neuro.config.configuration import Configuration
from tgas_neuro.config.search import Search
from tgas_neuro.config.section import Section, dump_section, key
from tgas_neuro.final.network.scaling import check_scaling
from tgas_neuro.final.training.order import check_batches
from tgas_neuro.runtime.errors import UserError


class CellOptions(Section):
    """Options of the space cell."""

    blocks: int = key(5, "Blocks of a cell.", decides=True, ge=1, le=MAX_BLOCKS)
    reduction: bool = key(
        False,
        "false: one cell for both strides, as in Progressive NAS; true: a normal and a reduction "
        "cell, as in NASNet.",
        decides=True,
    )


class ChainOptions(Section):
    """Options of the space chain."""

    layers: int = key(
        10, "Most layers of a chain; how many it has is a choice.", decides=True, ge=1, le=50
    )
    skips: bool = key(
        True,
        "Whether a layer may also read an earlier output than the one right before.",
        decides=True,
    )


OPTIONS: dict[str, type[Section]] = {"cell": CellOptions, "chain": ChainOptions}
DESCRIPTION = (
    "cell: cells of blocks, as in NASNet and Progressive NAS; chain: plain convolutional networks; "
    "nasbench201: the 15,625 cells of NAS-Bench-201."
)


def build_model() -> type[Configuration]:
    """The model of config.yaml: the fixed keys, and a section of options for each space."""
    options: dict[str, Any] = {
        name: (model, key(model(), f"{model.__doc__}", decides=True))
        for name, model in OPTIONS.items()
    }
    space = (Literal[tuple(SPACES)], key("cell", DESCRIPTION, decides=True))
    search = create_model("Search", __base__=Search, __doc__=Search.__doc__, space=space, **options)
    about = Configuration.model_fields["search"].description or ""
    return create_model(
        "Configuration",
        __base__=Configuration,
        __doc__=Configuration.__doc__,
        search=(search, key(search(), about, decides=True)),
    )


def check_configuration(config: Any, name: str = "config.yaml") -> Configuration:
    """Check a configuration, key by key and across keys.

    Parameters
    ----------
    config
        As parsed from YAML; not changed.
    name
        The file, for messages.

    Returns
    -------
    Configuration
        With all defaults filled in.

    Raises
    ------
    UserError
        One line that names the key, the value received, what is allowed and what to do.
    """
    checked = check_section(build_model(), config, name)
    final = dump_section(checked.final)
    check_scaling(final, checked.search.space, name)
    try:
        check_batches(checked.final)
        _check_network(checked)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    return checked


def _check_network(config: Configuration) -> None:
    """The candidates' network can be built; the final one is checked where its width is found."""
    size = {"n_classes": 1, "image_size": config.premature.image_size}
    try:
        Skeleton(**dump_section(config.premature.network), **size)
    except UserError as error:
        raise UserError(f"premature.network.{error}") from None
