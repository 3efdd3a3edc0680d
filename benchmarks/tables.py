"""Tables of benchmarks in Markdown, and whether the machine was busy."""

from collections.abc import Iterable, Sequence
from typing import Any


def format_table(columns: Sequence[str], lines: Iterable[str]) -> str:
    """Lines of cells, ``a | b | c``, below the columns' names, in Markdown."""
    head = [" | ".join(columns), " | ".join(["---"] * len(columns))]
    return "".join(f"| {line} |\n" for line in [*head, *lines])


def describe_others(rows: Iterable[dict[str, Any]]) -> str:
    """What to say below a table if the machine was busy with other things; else nothing."""
    busiest = max((row.get("others", 0) for row in rows), default=0)
    if not busiest > 0.1:
        return ""
    return f"\nThe machine was busy: other processes used up to {busiest:.1f} cores.\n"
