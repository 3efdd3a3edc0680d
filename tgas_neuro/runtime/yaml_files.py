"""Values that users write: YAML files, and Snakemake's ``--config``.

YAML is read without surprises: a key given twice and a value with two meanings are refused. What
``--config`` gives arrives as text and becomes what its key takes.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml

from tgas_neuro.runtime.errors import UserError

MOST_NODES = 100_000  # values of a file, each counted as often as aliases repeat it

# Numbers of YAML 1.2's core schema; PyYAML reads YAML 1.1.
WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")


class _Doubt(yaml.constructor.ConstructorError):
    """A value that can mean two things."""


class _Loader(yaml.SafeLoader):
    """`yaml.SafeLoader` that refuses what may have been meant otherwise.

    A key given twice, where YAML would keep the last one; and a value without quotes that YAML 1.1
    and 1.2 read differently, such as 070, 1_000, 12:30, no and 1e3. Values that their tag or form
    does not fit are reported with line and column as well; PyYAML's constructors raise whatever
    Python raised.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        try:
            value = super().construct_object(node, deep)
        except (AttributeError, LookupError, ValueError):
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value!r} is no {kind}", node.start_mark
            ) from None
        if isinstance(node, yaml.ScalarNode) and node.style is None:
            plain_tag = self.resolve(yaml.ScalarNode, node.value, (True, False))
            doubt = find_doubt(node.value, value) if node.tag == plain_tag else ""
            if doubt:
                raise _Doubt(None, None, doubt, node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen: dict[str, int] = {}
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            line = key_node.start_mark.line + 1
            if key_node.value in seen and key_node.tag != "tag:yaml.org,2002:merge":
                problem = f"key {key_node.value!r} is given twice, first in line "
                problem += str(seen[key_node.value])
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen[key_node.value] = line
        return super().construct_mapping(node, deep)


def read_number(text: str) -> int | float | None:
    """The number that a text is in YAML 1.2, None where it is none; 1_000 and 12:30 are none."""
    if WHOLE.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text) if REAL.fullmatch(text) else None


def find_doubt(text: str, value: object) -> str:
    """What is wrong with a value without quotes that can mean two things, "" where it cannot.

    Parameters
    ----------
    text
        As the user wrote it.
    value
        As PyYAML reads it.
    """
    quoted = f"'{text}' in quotes if it is text"
    if isinstance(value, bool):
        if text.lower() in ("true", "false"):
            return ""
        return f"{text} is read as {str(value).lower()}; write {str(value).lower()}, or {quoted}"
    if not isinstance(value, str | int | float):
        return ""
    number = read_number(text)
    if isinstance(value, str):
        if number is None:
            return ""
        way_out = _write_number(number)
        return f"{text} is read as text; write {way_out} if it is a number, or {quoted}"
    if number is None:
        if not math.isfinite(value):
            return ""
        plain = text.replace("_", "")
        other = (
            f"{_write_number(read_number(plain))}, or " if read_number(plain) is not None else ""
        )
        return f"{text} is read as {value!r}; write {other}{quoted}"
    if LEADING_ZERO.fullmatch(text) or number != value:
        return f"{text} is read as {value!r}; write {_write_number(number)}, or {quoted}"
    return ""


def _write_number(number: int | float | None) -> str:
    """A number as YAML 1.1 and 1.2 both read it: 1e3 has a point and a sign, 1.0e+3."""
    text = repr(number)
    if "e" in text:
        mantissa, exponent = text.split("e")
        point = "" if "." in mantissa else ".0"
        sign = "" if exponent[0] in "+-" else "+"
        return f"{mantissa}{point}e{sign}{exponent}"
    return text


def load_yaml(path: str | Path, section: Sequence[str] = ()) -> object:
    """Load a YAML file, or only what lies at the keys `section`; None if nothing does.

    Raises
    ------
    UserError
        The file is not YAML (with line and column), a value can mean two things, it is nested too
        deeply, or its aliases expand to more than `MOST_NODES` values.
    """
    try:
        loader = _Loader(Path(path).read_text(encoding="utf-8-sig"))
        node = _find_node(loader.get_single_node(), section)
        content = None if node is None else loader.construct_document(node)
        nodes = _count_nodes(content, {})
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        if isinstance(error, _Doubt):
            raise UserError(f"{path}: {where}{error.problem}") from None
        raise UserError(f"{path}: {where}not valid YAML ({error.problem}); correct it") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply, or within itself; write it out") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: not a YAML text in UTF-8 ({error})") from None
    if nodes > MOST_NODES:
        raise UserError(f"{path}: holds {nodes} values, at most {MOST_NODES} are read; shorten it")
    return content


def load_configuration(path: str | Path) -> dict[str, Any]:
    """Load a YAML file whose top level has the keys of a configuration (see `load_yaml`)."""
    content = load_yaml(path)
    if not isinstance(content, dict):
        there = "is empty" if content is None else f"holds a {type(content).__name__}, no keys"
        raise UserError(
            f"{path}: {there}; write keys as recordings: and search: at the start of a line (see "
            "docs/configuration.md), or have an example written: tgas init FOLDER"
        )
    return content


def _find_node(node: yaml.Node | None, section: Sequence[str]) -> yaml.Node | None:
    """The node at these keys; its values are not constructed, nor are those beside it."""
    for name in section:
        pairs = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((value for key, value in pairs if key.value == name), None)
    return node


def _count_nodes(content: object, known: dict[int, int]) -> int:
    """Count the values in `content`; `known` holds the counts of parts that aliases share."""
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in known:
        parts = content.values() if isinstance(content, dict) else content
        known[id(content)] = 1 + sum(_count_nodes(part, known) for part in parts)
    return known[id(content)]


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
