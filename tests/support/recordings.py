"""Read files as the recordings stage does, and damage copies of them."""

from pathlib import Path

import numpy as np

from tgas_neuro.config.configuration import check_section
from tgas_neuro.recordings.assembly import Recordings
from tgas_neuro.recordings.datasets.description import Description
from tgas_neuro.recordings.ingest import READERS
from tgas_neuro.runtime.files import reading_files


def describe(reader: str, options: dict | None = None, name: str = "mine", **keys) -> Description:
    """A checked description without files, unless `keys` has them."""
    content = {
        "name": name,
        "title": "A title",
        "source": "https://example.org",
        "license": "MIT",
        "citation": "Somebody (2020)",
        "provides": "responses",
        "reader": reader,
        "files": [],
        "options": options or {},
    }
    return check_section(Description, content | keys, f"{name}.yaml")


def read_recordings(
    reader: str, options: dict, files: dict[str, Path], name: str = "mine"
) -> Recordings:
    """Check the options and call the reader."""
    description = describe(reader, options, name)
    with reading_files(files.values()):
        return READERS[reader](name, description.read_options(), files)


def cut_or_replace(content: bytes, generator: np.random.Generator) -> bytes:
    """Cut a file off, or replace its first bytes or its second half by others.

    Libraries report such damage themselves. The guard against damage that they do not report is
    tested with readers that exit or sleep (recordings/formats/test_subprocess_probe.py).
    """
    kind, place = int(generator.integers(3)), int(generator.integers(0, len(content)))
    if kind == 0:
        return content[:place]
    if kind == 1:
        return generator.bytes(8) + content[8:]
    return content[: len(content) // 2] + b"<html>" * 100
