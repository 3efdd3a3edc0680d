"""Tables of plain text, in columns as wide as their longest value."""

from collections.abc import Mapping, Sequence
from typing import Any

ABSENT = "-"


def format_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as a table; the keys of the first are its head.

    Numbers stand on the right, fractions with three digits, whole ones with commas; None is a
    dash.
    """
    names = list(rows[0])
    texts = [[_format_value(row[name]) for name in names] for row in rows]
    numeric = [any(isinstance(row[name], int | float) for row in rows) for name in names]
    widths = [max(map(len, column)) for column in zip(names, *texts, strict=True)]
    lines = [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in [names, *texts]
    ]
    return "\n".join(lines)


def _format_value(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
