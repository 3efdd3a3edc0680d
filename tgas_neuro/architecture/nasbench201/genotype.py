"""A NAS-Bench-201 cell: one operation on each of its six edges, as the benchmark's own string."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tgas_neuro.runtime.errors import UserError, check_choice, check_keys
from tgas_neuro.runtime.files import calc_digest

# In the order of the benchmark (Dong & Yang 2020, ICLR, section 2.1, and its code).
OPERATION_NAMES = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
# (from, to), in the order in which the string names them; node 0 is the input, 3 the output.
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
EXAMPLE = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|skip_connect~1|avg_pool_3x3~2|"


@dataclass(frozen=True)
class NASBench201Genotype:
    """A network of NAS-Bench-201 up to its size (the size is the `Skeleton`'s).

    Attributes
    ----------
    space
        The search space that it belongs to: "nasbench201".
    operations
        One of `OPERATION_NAMES` for each of `EDGES`; a node is the sum of what enters it.

    Raises
    ------
    UserError
        Another number of operations, or one that does not exist.
    """

    space: str
    operations: tuple[str, ...]

    def __post_init__(self):
        check_choice("genotype: space", self.space, ["nasbench201"])
        if len(self.operations) != len(EDGES):
            raise UserError(
                f"genotype: operations: {len(self.operations)} of them; the cell has {len(EDGES)} "
                "edges"
            )
        for (start, end), operation in zip(EDGES, self.operations, strict=True):
            where = f"genotype: operation from node {start} to node {end}"
            check_choice(where, operation, OPERATION_NAMES)

    def canonical(self) -> "NASBench201Genotype":
        """Itself: there is one way to tell a topology."""
        return self

    @cached_property
    def hash(self) -> str:
        """16 hexadecimal digits, different for each of the 15,625 topologies."""
        return calc_digest(self.to_json())[:16]

    @cached_property
    def equivalence(self) -> str:
        """The benchmark's unique string, one of 6,466 (see `calc_unique_string`)."""
        return calc_unique_string(self.operations)

    def to_string(self) -> str:
        """The benchmark's string, by which its tables name the topology, such as `EXAMPLE`."""
        parts: list[list[str]] = [[], [], []]
        for (start, end), operation in zip(EDGES, self.operations, strict=True):
            parts[end - 1].append(f"{operation}~{start}")
        return "+".join(f"|{'|'.join(part)}|" for part in parts)

    @classmethod
    def from_string(cls, text: str, name: str = "architecture") -> "NASBench201Genotype":
        """The topology that the benchmark names by this string.

        Parameters
        ----------
        text
            For example `EXAMPLE`.
        name
            The file or key that it comes from, for messages.

        Raises
        ------
        UserError
            It is not such a string.
        """
        found = re.fullmatch(PATTERN, text) if isinstance(text, str) else None
        if found is None:
            raise UserError(f"{name}: {text!r} is not a NAS-Bench-201 cell such as {EXAMPLE}")
        for (start, end), operation in zip(EDGES, found.groups(), strict=True):
            check_choice(f"{name}: from node {start} to node {end}", operation, OPERATION_NAMES)
        return cls("nasbench201", found.groups())

    def to_json(self) -> dict[str, Any]:
        """As what `from_json` reads: the name of the space and the benchmark's string."""
        return {"space": self.space, "architecture": self.to_string()}

    @classmethod
    def from_json(cls, content: Any, name: str = "genotype") -> "NASBench201Genotype":
        """The genotype that `to_json` wrote.

        Parameters
        ----------
        content
            ``{"space": "nasbench201", "architecture": "|...~0|+|...~0|...~1|+|...|"}``.
        name
            The file or key that it comes from, for messages.

        Raises
        ------
        UserError
            Naming the field, its value and what is allowed.
        """
        check_keys(content, name, ("space", "architecture"))
        check_choice(f"{name}: space", content["space"], ["nasbench201"])
        return cls.from_string(content["architecture"], f"{name}: architecture")


def calc_unique_string(operations: Sequence[str]) -> str:
    """The unique string of a topology, for joining results with the benchmark's tables.

    Dong & Yang (2020, ICLR) count 6,466 different strings among 15,625 topologies; it is
    ``CellStructure.to_unique_str(consider_zero=True)`` of their code. A node is named by the sorted
    sum of what enters it: "0" is the input of the cell, "(a)@op" an operation on a, a itself
    stands for skip_connect, and "#" for none and for every operation on a node named "#".

    Topologies with the same string compute the same function only if operations on equal inputs
    have equal weights. Two networks with separate initial weights do not, and their parameters may
    differ in number as well. A search therefore treats them as different candidates: `hash`
    distinguishes all 15,625 topologies, and a topology whose string is known is trained and not
    recorded as a duplicate. The string keeps "#" in sums and sorts within nodes only, so some of
    its 6,466 classes compute the same function (4,930 are left if both are simplified). The
    benchmark's tables use it as it is.

    Parameters
    ----------
    operations
        Names on the six edges, those that enter node 1, 2 and 3 in turn.
    """
    nodes = ["0"]
    edges = iter(operations)
    for n_before in (1, 2, 3):
        entering = [_name_input(next(edges), nodes[start]) for start in range(n_before)]
        nodes.append("+".join(sorted(entering)))
    return nodes[-1]


def _name_input(operation: str, node: str) -> str:
    if operation == "none" or node == "#":
        return "#"
    return node if operation == "skip_connect" else f"({node})@{operation}"


PATTERN = r"\|(\w+)~0\|\+\|(\w+)~0\|(\w+)~1\|\+\|(\w+)~0\|(\w+)~1\|(\w+)~2\|"
