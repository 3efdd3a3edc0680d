"""Text for people: tables and lines that fit a terminal, and durations."""

import re
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSENT = "-"
WIDTH = 80  # columns of a terminal that does not say how many it has
GAP = "  "
LARGE = 100_000  # from here on whole numbers are shortened where there is little room
FEWEST = 24  # columns that a text is folded to at least


def get_width() -> int:
    """Columns of the terminal that standard output is shown on; `WIDTH` where it is none."""
    return shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH


def wrap_line(text: str, indent: int = 0, width: int = WIDTH) -> str:
    """Wrap a line, with so many spaces before all of its lines but the first.

    Words longer than a line, such as paths, are kept whole and where they are.
    """
    lines = [""]
    for gap, word in re.findall(r"( *)(\S+)", text):
        end = len(lines[-1]) + len(gap) + len(word)
        if not lines[-1] or end <= width or indent + len(word) > width:
            lines[-1] += gap + word
        else:
            lines.append(" " * indent + word)
    return "\n".join(lines)


def describe_seconds(seconds: float) -> str:
    """A duration to read: ``"42 s"``, ``"3 min 20 s"``, ``"5 h 02 min"``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def shorten_number(number: int) -> str:
    """A whole number in three digits: ``"154 k"``, ``"12.8 M"``, ``"1.50 G"``."""
    value, unit = float(number), ""
    for unit in ("", "k", "M", "G", "T"):
        if abs(value) < 999.5 or unit == "T":
            break
        value /= 1000
    digits = 0 if not unit or abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{digits}f} {unit}".strip()


@dataclass
class _Column:
    """A column of a table.

    Attributes
    ----------
    head, cells
        Lines of the head, and of each cell.
    values
        What the cells show.
    numeric
        Whether cells are aligned to the right.
    """

    name: str
    head: list[str]
    cells: list[list[str]]
    values: list[Any]
    numeric: bool

    @property
    def width(self) -> int:
        return max(len(line) for lines in [self.head, *self.cells] for line in lines)

    def fold(self, width: int) -> None:
        """Break texts into lines of so many characters."""
        self.cells = [textwrap.wrap(line, width) or [""] for (line,) in self.cells]

    def fold_head(self) -> None:
        """Break the head at its spaces, so that it is hardly wider than the cells."""
        words = self.name.split()
        widest = max(len(line) for lines in self.cells for line in lines)
        self.head = textwrap.wrap(self.name, max(widest, *map(len, words))) if words else [""]

    def shorten(self) -> None:
        """Write large whole numbers with three digits and a unit."""
        if any(isinstance(value, int) and abs(value) >= LARGE for value in self.values):
            self.cells = [
                [shorten_number(value)] if isinstance(value, int) else cell
                for value, cell in zip(self.values, self.cells, strict=True)
            ]


def format_table(
    rows: Sequence[Mapping[str, Any]], width: int | None = None, folding: bool = True
) -> str:
    """Format rows as a table, whose head is the keys of the first row.

    Numbers are aligned to the right: fractions have three digits, whole numbers have commas. None
    is a dash. A table that is too wide is narrowed: heads are folded, then large numbers shortened,
    then texts folded; then the last columns are left out, and a line below the table names them.

    Parameters
    ----------
    rows
        At least one; all have the keys of the first.
    width
        Characters of a line at most; None takes any number.
    folding
        Whether texts may be folded; otherwise each row has one line.
    """
    columns = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        numeric = any(isinstance(value, int | float) for value in values)
        cells = [[format_value(value)] for value in values]
        columns.append(_Column(name, [name], cells, values, numeric))
    left_out = [] if width is None else _narrow(columns, width, folding)
    lines = _draw_row([column.head for column in columns], columns)
    for number in range(len(rows)):
        lines += _draw_row([column.cells[number] for column in columns], columns)
    if left_out:
        lines.append(f"no room for: {', '.join(left_out)} (--csv has all columns)")
    return "\n".join(lines)


def _narrow(columns: list[_Column], width: int, folding: bool) -> list[str]:
    """Make a table at most so wide; the names of columns that had to be left out."""
    for action in (_Column.fold_head, _Column.shorten):
        if _measure(columns) > width:
            for column in columns:
                action(column)
    texts = [column for column in columns if not column.numeric and column.width > FEWEST]
    for column in sorted(texts if folding else [], key=lambda column: -column.width):
        excess = _measure(columns) - width
        if excess > 0:
            column.fold(max(column.width - excess, FEWEST))
    left_out: list[str] = []
    while len(columns) > 2 and _measure(columns) > width:
        left_out.insert(0, columns.pop().name)
    return left_out


def _measure(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + len(GAP) * (len(columns) - 1)


def _draw_row(cells: Sequence[list[str]], columns: Sequence[_Column]) -> list[str]:
    height = max(map(len, cells))
    filled = [cell + [""] * (height - len(cell)) for cell in cells]
    return [
        GAP.join(
            text[line].rjust(column.width) if column.numeric else text[line].ljust(column.width)
            for text, column in zip(filled, columns, strict=True)
        ).rstrip()
        for line in range(height)
    ]


def format_value(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
