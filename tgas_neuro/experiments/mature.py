"""Mature accuracies of cells: the truth with which early measurements are compared.

Tables name cells in two ways. Published ones of NAS-Bench-201 have its strings. Trainings of one's
own can be of any space, and are named by the canonical hash that every record has.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.config.experiments import MatureTable
from tgas_neuro.runtime.errors import UserError, check_choice

NAMES = ("architecture", "hash")  # the columns that may name the cells


@dataclass(frozen=True)
class Mature:
    """Accuracies of cells after a whole training.

    Attributes
    ----------
    path, column
        The file and its column.
    accuracies
        Canonical hash to accuracy, in the unit of the file, share or percent.
    genotypes
        Canonical hash to genotype, in the order of the rows; empty where the file has hashes only.
    """

    path: str
    column: str
    accuracies: dict[str, float]
    genotypes: dict[str, NASBench201Genotype] = field(default_factory=dict)

    def join(self, genotypes: Sequence[Genotype]) -> list[float]:
        """The accuracy of each genotype.

        NAS-Bench-201 trained cells that compute the same function separately, so that each string
        has an accuracy of its own, and none stands for another.

        Raises
        ------
        UserError
            Some are not in the table; the message counts them and names the first.
        """
        missing = [one for one in genotypes if one.hash not in self.accuracies]
        if missing:
            raise UserError(
                f"{self.path}: {len(missing)} of {len(genotypes)} cells are not in the table; the "
                f"first is {self._describe_missing(missing[0])}; leave them out, or give a table "
                "that has them"
            )
        return [self.accuracies[one.hash] for one in genotypes]

    def _describe_missing(self, genotype: Genotype) -> str:
        if not self.genotypes:
            return f"that with hash {genotype.hash}"
        if not isinstance(genotype, NASBench201Genotype):
            return f"of space {genotype.space}, and the table names cells of nasbench201"
        alike = [
            one.to_string()
            for one in self.genotypes.values()
            if one.equivalence == genotype.equivalence
        ]
        other = f" (the table has {alike[0]}, which computes the same function)" if alike else ""
        return genotype.to_string() + other


def load_mature(mature: MatureTable) -> Mature:
    """Read a table of mature accuracies.

    Parameters
    ----------
    mature
        The section ``mature`` of an experiment.

    Raises
    ------
    UserError
        The file, the line and what is wrong there: a column that is missing or named twice, a cell
        that is no cell or is there twice, a value that is no accuracy in [0, 100].

    Examples
    --------
    >>> section = MatureTable(kind="table", path="cells.csv", column="cifar10")
    >>> table = load_mature(section)  # doctest: +SKIP
    >>> table.join(list(table.genotypes.values()))[:2]  # doctest: +SKIP
    [91.087, 92.507]
    """
    path, column = mature.path, mature.column
    accuracies: dict[str, float] = {}
    genotypes: dict[str, NASBench201Genotype] = {}
    lines: dict[str, int] = {}
    for line, row in _list_rows(path, column):
        where = f"{path}: line {line}"
        if "architecture" in row:
            genotype = NASBench201Genotype.from_string(row["architecture"], where)
            name = genotype.hash
            genotypes[name] = genotype
        else:
            name = row["hash"]
        if not name:
            raise UserError(f"{where}: the hash is empty; name the cell or remove the line")
        if name in lines:
            cell = row.get("architecture", name)
            raise UserError(f"{where}: {cell} is on line {lines[name]}, too; remove one of them")
        lines[name] = line
        accuracies[name] = _read_accuracy(row[column], f"{where}: column {column}")
    if not accuracies:
        raise UserError(f"{path}: has no row of a cell; give a table with some")
    return Mature(path, column, accuracies, genotypes)


def _list_rows(path: str, column: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and content of each row, after the header was checked."""
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"mature.path: {path}: cannot be read as text ({error})") from None
    reader = csv.reader(text.splitlines())
    header = next(reader, [])
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise UserError(f"{path}: column {twice[0]!r} is there twice; rename one of them")
    names = [name for name in NAMES if name in header]
    if len(names) != 1:
        raise UserError(
            f"{path}: expected a column {' or '.join(NAMES)}, one of them, that names the cells; "
            f"there are: {', '.join(header)}"
        )
    check_choice("mature.column", column, [name for name in header if name not in names])
    for cells in reader:
        if len(cells) != len(header):
            raise UserError(
                f"{path}: line {reader.line_num} has {len(cells)} values, the header "
                f"{len(header)}; correct the line"
            )
        yield reader.line_num, dict(zip(header, cells, strict=True))


def _read_accuracy(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise UserError(f"{where}: {text!r}; expected an accuracy in [0, 100], share or percent")
    return value
