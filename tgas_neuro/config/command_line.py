"""Values of Snakemake's ``--config``, which arrive as text and become what their key takes."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from tgas_neuro.runtime.yaml_files import read_number


class Argument(str):
    """Text from the command line, which may be meant as a number, true or false."""

    __slots__ = ()


def mark_arguments(config: Any, given: Any) -> Any:
    """A copy of a configuration in which the texts of the command line are `Argument`.

    The words null and ~ become None: they drop what a file below names.

    Parameters
    ----------
    config
        The whole, into which Snakemake has merged the command line.
    given
        What the command line gave, as Snakemake parsed it: numbers inside braces are text.
    """
    if isinstance(config, Mapping) and isinstance(given, Mapping):
        return {
            name: mark_arguments(value, given[name]) if name in given else value
            for name, value in config.items()
        }
    if isinstance(config, list) and config == given:
        return [mark_arguments(value, value) for value in config]
    if not isinstance(config, str) or config != given:
        return config
    return None if config in ("null", "~") else Argument(config)


def read_arguments(value: Any, annotation: Any, branches: Callable[[Any], list[Any]]) -> Any:
    """`value` with each `Argument` as its type wants it.

    Where text is allowed it stays text. Elsewhere a number, as YAML 1.2 writes it, becomes a
    number, and true and false become these; what is nothing of this stays for the check.

    Parameters
    ----------
    value
        As marked by `mark_arguments`; a section inside it is left to that section.
    annotation
        Type of the key.
    branches
        The alternatives of a type.
    """
    found = branches(annotation)
    if isinstance(value, list | dict):
        parts = [get_args(one)[-1] for one in found if get_origin(one) is type(value)]
        if not parts:
            return value
        if isinstance(value, list):
            return [read_arguments(item, parts[0], branches) for item in value]
        return {name: read_arguments(item, parts[0], branches) for name, item in value.items()}
    if not isinstance(value, Argument):
        return value
    text = str(value)
    literals = [choice for one in found if get_origin(one) is Literal for choice in get_args(one)]
    if str in found or text in literals:
        return text
    if bool in found and text in ("true", "false"):
        return text == "true"
    number = read_number(text)
    wanted = number is not None and ({int, float} & {*found} or number in literals)
    return number if wanted else text
