"""The whole configuration: the model with the options of every space, and how it is checked."""

from typing import Any, Literal

from pydantic import create_model

from tgas_neuro.architecture.spaces import SPACES
from tgas_neuro.config.checking import check_section
from tgas_neuro.config.configuration import Configuration
from tgas_neuro.config.search import Search
from tgas_neuro.config.section import key
from tgas_neuro.final.network.scaling import check_scaling
from tgas_neuro.final.training.order import check_batches
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.search.candidate import build_skeleton


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
