"""Descriptions of data sets: one YAML file each, found by name and checked before any work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, model_validator

from tgas_neuro.config.configuration import check_section
from tgas_neuro.config.messages import suggest
from tgas_neuro.config.section import Matching, Section, SectionError, Text, dump_decisive, key
from tgas_neuro.recordings.formats.names import split_numbers
from tgas_neuro.recordings.readers.options import OPTIONS
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.runtime.yaml_files import load_yaml

TEMPLATE = "template"  # a description to copy; it is no data set and is not listed

FileName = Annotated[
    str,
    Matching(
        r"^(?!.*\.part$)[A-Za-z0-9_][A-Za-z0-9_. +-]*$",
        "a plain file name without folders, which does not end in .part",
    ),
]
Sha256 = Annotated[
    str, Matching("^[0-9a-fA-F]{64}$", "64 hexadecimal digits"), AfterValidator(str.lower)
]
Sha1 = Annotated[
    str, Matching("^[0-9a-fA-F]{40}$", "40 hexadecimal digits"), AfterValidator(str.lower)
]
NAME = "Plain file name by which the reader knows it; a download is kept under it."
fact, note = partial(key, decides=True), partial(key, ..., decides=False)


class Download(Section):
    """A file that is downloaded, or copied from the mirror."""

    name: FileName = fact(..., NAME)
    url: Annotated[
        str,
        Matching(r"^https?://[^/\s]+\S*$", "an address beginning with https:// or http://"),
    ] = note("Address from which it is downloaded; or give path, to a file of your own.")
    sha256: Sha256 = fact(..., "SHA-256 of the file, by which it is checked.")
    size: int | None = key(
        None,
        "Size, for the progress bar where the server does not say it.",
        decides=False,
        unit="bytes",
        ge=1,
    )


class LocalFile(Section):
    """A file or folder of the user's own, which is read where it lies."""

    name: FileName = fact(..., NAME)
    path: Annotated[
        str,
        Matching(
            r"^[^\x00-\x1f{}]*[^\x00-\x1f{}\s]$",
            "a path without control characters and without { }",
        ),
    ] = fact(
        ...,
        "Where it lies, absolute or relative to the working directory, ~ is the home; or give url "
        "and sha256, to have it downloaded. With * or ? it stands for all files that match: for "
        "reader arrays a site each, for others a session each, which are pooled as data sets are.",
    )
    sha256: Sha256 | None = fact(None, "SHA-256 of the file, checked before the file is read.")
    sha1: Sha1 | None = fact(None, "SHA-1 of the file, as BrainIO's catalogues have it.")

    def list_unused(self) -> set[str]:
        """The path, where a digest says which file it is."""
        return {"path"} if self.get_digests() else set()

    @property
    def is_pattern(self) -> bool:
        """Whether the path stands for all files that match it."""
        return "*" in self.path or "?" in self.path

    @model_validator(mode="after")
    def _check_pattern(self) -> LocalFile:
        if self.is_pattern and self.get_digests():
            raise SectionError("path", f"{self.path!r} stands for many files; leave the digest out")
        return self

    def get_digests(self) -> dict[str, str]:
        """The digests that are given, by their kind."""
        given = {"sha256": self.sha256, "sha1": self.sha1}
        return {kind: digest for kind, digest in given.items() if digest is not None}


class Description(Section):
    """A file of neural_data, which describes a data set of recordings."""

    name: Annotated[
        str,
        Matching(
            "^[A-Za-z0-9][A-Za-z0-9_.-]*$",
            "letters, digits, '_', '-' and '.', beginning with a letter or digit",
        ),
    ] = fact(..., "Name of the data set, the same as the file's without .yaml.")
    title: Text = note("One line that says what was recorded; shown to the user.")
    source: Text = note("Where the data come from, the address of the page or repository.")
    license: Text = note("Licence of the data.")
    citation: Text = note("What to cite when the data are used.")
    provides: Literal["responses", "rdm"] = fact(
        ..., "responses (an assembly of trials) or rdm (only a published RDM)."
    )
    reader: Literal[
        "arrays",
        "brainio",
        "brainscore",
        "kriegeskorte2008_it",
        "netcdf",
        "lab_hdf5",
        "nwb",
        "simulated",
    ] = fact(..., "Which reader turns the files into recordings.")
    files: list[Download | LocalFile] = fact(
        ...,
        "The data set's files: each is downloaded (url) or is the user's own (path); an empty list "
        "where the reader makes or fetches the data itself.",
    )
    options: dict[str, Any] = fact({}, "Options of the reader; each reader has its own.")

    def read_options(self, where: str | None = None) -> Any:
        """Check the options and return them as the reader's model (see `OPTIONS`)."""
        where = where or f"{self.name}.yaml"
        return check_section(OPTIONS[self.reader], self.options, where, at=["options"])

    def change_options(self, **options: Any) -> Description:
        """A copy with other values of these options."""
        return self.model_copy(update={"options": self.options | options})

    def dump(self) -> dict[str, Any]:
        """The description as JSON holds it; `Description.model_validate` reads it."""
        return self.model_dump(mode="json", exclude_none=True)


def load_description(dataset: str, folders: Sequence[str | Path]) -> Description:
    """Find, load and check the description of a data set.

    Parameters
    ----------
    dataset
        Its name; the file is ``<dataset>.yaml``.
    folders
        Where to look; the first folder that has the file wins (usually ``neural_data``).

    Returns
    -------
    Description
        With the defaults of all keys, also of the reader's ``options``; digests in lower case.

    Raises
    ------
    UserError
        There is no such data set, or its description has a mistake: one line naming the key.
    """
    path = _find_description(dataset, folders)
    description = check_section(Description, load_yaml(path), str(path))
    if description.name != dataset:
        raise UserError(
            f"{path}: name: {description.name!r} differs from the file's name; "
            f"write {dataset!r} or rename the file"
        )
    names = [file.name for file in description.files]
    doubled = [name for index, name in enumerate(names) if name in names[:index]]
    if doubled:
        raise UserError(f"{path}: files: name {doubled[0]!r} appears twice; names must differ")
    options = description.read_options(str(path)).model_dump(mode="json", exclude_none=True)
    return description.model_copy(update={"options": options})


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


def calc_description_digest(description: Description) -> str:
    """SHA-256 over the keys that decide the data: name, kind, reader, options, the files' digests.

    A file of the user's own without a digest counts by its path: its content is not known before
    it is read, and the workflow sees by its date that it was changed.
    """
    content = dump_decisive(description)
    files = [dump_decisive(file) for file in description.files]
    return calc_digest(content | {"files": sorted(files, key=lambda file: str(file["name"]))})


def expand_patterns(description: Description) -> dict[str, Description]:
    """The descriptions for which one with a pattern of files stands, by their folders.

    For reader ``arrays`` every matching file is listed in the place of the pattern, as
    ``<name>.<path without folders>``. For other readers each is a session with a description and
    a folder of its own, ``<data set>+<file>``. Without a pattern there is the one description.

    Raises
    ------
    UserError
        No file matches, or there are two patterns.
    """
    patterns = [one for one in description.files if isinstance(one, LocalFile) and one.is_pattern]
    if not patterns:
        return {description.name: description}
    pattern = patterns[0]
    where = f"{description.name}.yaml: {pattern.name}: path: {pattern.path!r}"
    if len(patterns) > 1:
        raise UserError(f"{where}: and {patterns[1].path!r}: one pattern is allowed; give one")
    parts = Path(pattern.path).expanduser().parts
    fixed = next(k for k, part in enumerate(parts) if "*" in part or "?" in part)
    start = Path(*parts[:fixed])
    found = sorted(map(str, start.glob("/".join(parts[fixed:]))), key=split_numbers)
    if not found:
        raise UserError(f"{where}: no file matches; it is relative to {Path.cwd()}")
    names = [re.sub(r"[^A-Za-z0-9_.-]", "_", str(Path(path).relative_to(start))) for path in found]
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{where}: two of the files would be called {doubled!r}; rename one")
    if description.reader == "arrays":
        each = [
            LocalFile(name=f"{pattern.name}.{name}", path=path)
            for name, path in zip(names, found, strict=True)
        ]
        place = description.files.index(pattern)
        files = [*description.files[:place], *each, *description.files[place + 1 :]]
        return {description.name: description.model_copy(update={"files": files})}
    sessions = {}
    for name, path in zip(names, found, strict=True):
        own = LocalFile(name=pattern.name, path=path)
        files = [own if one is pattern else one for one in description.files]
        folder = f"{description.name}+{name.rsplit('.', 1)[0]}"
        sessions[folder] = description.model_copy(update={"files": files})
    return sessions


def take_window(
    description: Description, window: Sequence[float], key: str
) -> tuple[str, Description]:
    """The description of a data set with its responses taken in another time window.

    Readers keep no time bins, so the window is chosen when a data set is read, and each window has
    a folder of its own. `window` is start and stop [ms after onset], and `key` the key of the
    configuration that asks for it, for messages.

    Returns
    -------
    folder, description
        ``<data set>@<start>to<stop>ms``, which is no data set's own name ("@" is not allowed
        there), and the description with ``options.window_ms``.

    Raises
    ------
    UserError
        The reader has no window to choose.
    """
    start, stop = window
    shown = f"[{start:g}, {stop:g}]"
    able = [name for name, options in OPTIONS.items() if "window_ms" in options.model_fields]
    if description.reader not in able:
        raise UserError(
            f"{key}: {shown}: reader {description.reader!r} of data set {description.name} has one "
            f"time window and no choice; remove the key (readers with a choice: {', '.join(able)})"
        )
    folder = f"{description.name}@{start:g}to{stop:g}ms"
    return folder, description.change_options(window_ms=[start, stop])
