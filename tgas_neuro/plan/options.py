"""Options of spaces and strategies: a section each, of which a run uses two at most."""

from typing import Any

SPACE_SECTIONS = ("cell", "chain")
STRATEGY_SECTIONS = ("reinforce", "evolution", "progressive")


def drop_unused_sections(search: dict[str, Any]) -> dict[str, Any]:
    """The section ``search`` without the options of other spaces and strategies than its own.

    They determine nothing, so that neither the names of results nor a rerun may depend on them.
    """
    used = (search["space"], search["strategy"])
    unused = {name for name in (*SPACE_SECTIONS, *STRATEGY_SECTIONS) if name not in used}
    return {key: value for key, value in search.items() if key not in unused}
