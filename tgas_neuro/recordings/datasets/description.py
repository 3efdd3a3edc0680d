"""Descriptions of data sets: one YAML file each, found by name and checked before any work."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from tgas_neuro.config.schema_errors import check_schema, suggest
from tgas_neuro.recordings.readers.options import OPTIONS
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest

SCHEMA = Path(__file__).parents[3] / "workflow" / "schemas" / "neural_data.schema.yaml"


TEMPLATE = "template"  # a description to copy; it is no data set and is not listed
DIGESTS = ("sha256", "sha1")  # that an entry of files may have
MOST_NODES = 100_000  # values of a YAML file, each counted as often as aliases repeat it


class _UniqueKeyLoader(yaml.SafeLoader):
    """`yaml.SafeLoader` that refuses a key given twice, where YAML would keep the last one.

    What a tag or its look says it is and is not (``!!timestamp x``, ``2020-13-45``) has a line and
    a column too; PyYAML's constructors end with whatever Python raised.
    """

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        try:
            return super().construct_object(node, deep)
        except (AttributeError, LookupError, ValueError):
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value!r} is no {kind}", node.start_mark
            ) from None

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            if key_node.value in seen and key_node.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key_node.value!r} is given twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def load_yaml(path: str | Path) -> object:
    """Content of a YAML file; one that is not YAML is a `UserError` with line and column.

    So is one that is nested too deeply, or that grows beyond `MOST_NODES` by its aliases.
    """
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8-sig"), Loader=_UniqueKeyLoader)
        nodes = _count_nodes(content, {})
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UserError(f"{path}: {where}not valid YAML ({error.problem}); correct it") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply, or within itself; write it out") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: not a YAML text in UTF-8 ({error})") from None
    if nodes > MOST_NODES:
        raise UserError(f"{path}: holds {nodes} values, at most {MOST_NODES} are read; shorten it")
    return content


def _count_nodes(content: object, known: dict[int, int]) -> int:
    """Values in `content`; `known` holds those of the parts that aliases share."""
    if not isinstance(content, dict | list):
        return 1
    if id(content) not in known:
        parts = content.values() if isinstance(content, dict) else content
        known[id(content)] = 1 + sum(_count_nodes(part, known) for part in parts)
    return known[id(content)]


def load_description(dataset: str, folders: Sequence[str | Path]) -> dict:
    """Find, load and check the description of a data set.

    Parameters
    ----------
    dataset
        Its name; the file is ``<dataset>.yaml``.
    folders
        Where to look, the first folder that has the file wins (usually ``neural_data``).

    Returns
    -------
    dict
        The keys of ``workflow/schemas/neural_data.schema.yaml``, with defaults filled in, also
        those of the reader's ``options``; digests in lower case.

    Raises
    ------
    UserError
        There is no such data set, or its description has a mistake: one line naming the key.
    """
    path = _find_description(dataset, folders)
    description = check_schema(load_yaml(path), SCHEMA, str(path))
    if description["name"] != dataset:
        raise UserError(
            f"{path}: name: {description['name']!r} differs from the file's name; "
            f"write {dataset!r} or rename the file"
        )
    reader = description["reader"]
    if reader not in OPTIONS:
        raise UserError(
            f"{path}: reader: {reader!r} is not one of: {', '.join(OPTIONS)}"
            f"{suggest(reader, OPTIONS)}"
        )
    names = [file["name"] for file in description["files"]]
    doubled = [name for index, name in enumerate(names) if name in names[:index]]
    if doubled:
        raise UserError(f"{path}: files: name {doubled[0]!r} appears twice; names must differ")
    for file in description["files"]:
        file |= {kind: file[kind].lower() for kind in DIGESTS if kind in file}
    description["options"] = check_options(description, reader, str(path))
    return description


def check_options(description: dict, reader: str, name: str | None = None) -> dict:
    """Check the options of a description for a reader; returns them with defaults filled in."""
    name = name or f"{description.get('name', reader)}.yaml"
    return check_schema(description.get("options", {}), OPTIONS[reader], name, at=["options"])


def _find_description(dataset: str, folders: Sequence[str | Path]) -> Path:
    places = [Path(folder) for folder in folders]
    known = sorted({path.stem for folder in places for path in folder.glob("*.yaml")})
    for folder in places:
        # a name such as "../x" must not reach outside; glob names are plain
        if dataset in known and (folder / f"{dataset}.yaml").is_file():
            return folder / f"{dataset}.yaml"
    listed = [name for name in known if name != TEMPLATE]
    raise UserError(
        f"data set {dataset!r}: no {dataset}.yaml in {', '.join(map(str, places))}"
        f"{suggest(dataset, listed)}; there are: {', '.join(listed) or 'none'}"
    )


def calc_description_digest(description: dict) -> str:
    """SHA-256 over what determines the data: name, kind, reader, options, the files' digests.

    Title, citation, licence, source and the files' addresses and sizes may change without it. A
    file of the user's without a digest counts by its path: its content is not known before it is
    read, and that it was changed the workflow sees by its date.
    """
    content = {key: description[key] for key in ("name", "provides", "reader", "options")}
    content["files"] = {
        file["name"]: next((file[kind] for kind in DIGESTS if kind in file), None)
        or f"path {file['path']}"
        for file in description["files"]
    }
    return calc_digest(content)


def take_window(description: dict, window: Sequence[float], key: str) -> tuple[str, dict]:
    """The description of a data set with its responses taken in `window`.

    A reader averages or adds the time bins of its source and keeps none, so that a window is
    chosen when a data set is read. Its result then has a folder of its own: two regions may take
    two windows of one data set.

    Parameters
    ----------
    description
        From `tgas_neuro.recordings.datasets.description.load_description`.
    window
        Start and stop [ms after onset].
    key
        The key of the configuration that asks for it, for messages.

    Returns
    -------
    folder, description
        ``<data set>@<start>to<stop>ms``, which is no data set's own name ("@" is not allowed
        there), and the description with ``options.window_ms``.

    Raises
    ------
    UserError
        The window is empty, or the reader has none to choose.
    """
    start, stop = window
    if not start < stop:
        raise UserError(f"{key}: {list(window)}: the window ends before it begins; exchange them")
    reader = description["reader"]
    able = [name for name, schema in OPTIONS.items() if "window_ms" in schema["properties"]]
    if reader not in able:
        raise UserError(
            f"{key}: {list(window)}: reader {reader!r} of data set {description['name']} has one "
            f"time window and no choice; remove the key (readers with a choice: {', '.join(able)})"
        )
    options = description["options"] | {"window_ms": [start, stop]}
    folder = f"{description['name']}@{start:g}to{stop:g}ms"
    return folder, description | {"options": options}
