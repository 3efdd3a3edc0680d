"""The whole configuration: the model with the options of every space, and how it is checked."""

from typing import Any, Literal

from pydantic import create_model

from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.spaces import (
    SPACES,
    calc_complexity,
    check_regularisation,
    read_genotype,
)
from tgas_neuro.config.configuration import Configuration, check_section
from tgas_neuro.config.final import Final, check_batches
from tgas_neuro.config.search import Search
from tgas_neuro.config.section import key
from tgas_neuro.final.network.scaling import SMALLEST, parse_macs
from tgas_neuro.runtime.errors import UserError


def build_search_model() -> type[Search]:
    """The model of the section ``search``: the fixed keys, and options for each space."""
    options: dict[str, Any] = {
        name: (space.options, key(space.options, f"{space.options.__doc__}", decides=True))
        for name, space in SPACES.items()
        if space.options is not None
    }
    about = "; ".join(f"{name}: {space.about}" for name, space in SPACES.items())
    names: Any = (Literal[tuple(SPACES)], key("cell", f"{about}.", decides=True))
    return create_model("Search", __base__=Search, __doc__=Search.__doc__, space=names, **options)


def build_model() -> type[Configuration]:
    """The model of config.yaml."""
    search = build_search_model()
    about = Configuration.model_fields["search"].description or ""
    return create_model(
        "Configuration",
        __base__=Configuration,
        __doc__=Configuration.__doc__,
        search=(search, key(search, about, decides=True)),
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
    check_scaling(checked.final, checked.search.space, name)
    try:
        check_batches(checked.final)
        _check_network(checked)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    return checked


def read_search(values: Any) -> Search:
    """The section ``search`` from the params of a rule, which are checked values of it."""
    return check_section(build_search_model(), values, "params", ["search"])


def _check_network(config: Configuration) -> None:
    """The candidates' network can be built; the final one is checked where its width is found."""
    try:
        build_skeleton(config.premature, n_classes=1)
    except UserError as error:
        raise UserError(f"premature.network.{error}") from None


def check_scaling(settings: Final, space: str, name: str) -> None:
    """Check the final network as far as possible before a search, without its genotype.

    Parameters
    ----------
    settings
        The section ``final``.
    space
        The space of the search.
    name
        The configuration's file, for messages.

    Raises
    ------
    UserError
        The target is no number, a stem cannot be made, or drop path or the auxiliary head has no
        place in networks of this space.
    """
    network, target = settings.network, settings.target
    try:
        check_regularisation(settings, space, network.stages)
        most = None if target is None else parse_macs(target.macs)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    filters = network.filters if target is None else SMALLEST[network.stem]
    try:
        skeleton = build_skeleton(settings, n_classes=1, filters=filters)
    except UserError as error:
        raise UserError(f"{name}: final.network.{error}") from None
    if target is not None and most is not None:
        macs = calc_complexity(read_genotype(SPACES[space].cheapest), skeleton).macs
        if macs > most:
            raise UserError(
                f"{name}: final.target.macs: {target.macs}; no network of space {space} with this "
                f"final.network and final.image_size has fewer than {macs:,} multiply-adds; raise "
                "it"
            )
    given = network.stem_filters
    if not SPACES[space].free_stem and network.stem == "cifar" and given not in (None, filters):
        raise UserError(
            f"{name}: final.network.stem_filters: {given}; the cifar stem of space {space} has as "
            "many channels as final.network.filters; remove the key"
        )
