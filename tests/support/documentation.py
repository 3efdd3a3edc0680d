"""Rows of the tables of docs/your_own_recordings.md, which tests run."""

import re

import yaml
from soak.soak import PROJECT

PAGE = PROJECT / "docs/your_own_recordings.md"


def find_row(start):
    """Options of the row whose first cell begins so, and its reader."""
    row = re.search(
        rf"^\| {re.escape(start)}[^|]* \| `(\w+)` \| `(\{{.*?\}})`.* \|$", PAGE.read_text(), re.M
    )
    assert row, f"{start}: no such row of {PAGE}"
    return row.group(1), yaml.safe_load(row.group(2))
