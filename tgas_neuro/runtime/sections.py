"""The configuration of a workflow that is a module of another: a section of that one's, or all.

Snakemake gives a module a part of the outer configuration, but not where that part lies. Messages
name the place, files are checked there alone, and ``--config`` is looked up there.
"""

from collections.abc import Mapping
from typing import Any


def locate_section(whole: Any, part: Any) -> tuple[str, ...] | None:
    """Keys that lead to `part` in `whole`; none if it is the whole, None if it is not inside.

    The same object is looked for, not an equal one: two modules may have equal sections.
    """
    if part is whole:
        return ()
    if not isinstance(whole, Mapping):
        return None
    for key, value in whole.items():
        found = locate_section(value, part)
        if found is not None:
            return (key, *found)
    return None


def get_section(whole: Any, keys: tuple[str, ...] | None) -> Any:
    """What lies at these keys; None if there is nothing, or if `keys` is None."""
    if keys is None:
        return None
    for key in keys:
        if not isinstance(whole, Mapping) or key not in whole:
            return None
        whole = whole[key]
    return whole
