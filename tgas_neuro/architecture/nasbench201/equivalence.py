"""The unique string by which NAS-Bench-201 tells which topologies compute the same."""

from collections.abc import Sequence


def calc_unique_string(operations: Sequence[str]) -> str:
    """The unique string of a topology, for joining results with the benchmark's tables.

    Dong & Yang (2020, ICLR) count with it 6,466 different topologies among 15,625; it is
    ``CellStructure.to_unique_str(consider_zero=True)`` of their code. A node is told by the sorted
    sum of what enters it: "0" the cell's input, "(a)@op" an operation on a, a itself for
    skip_connect, "#" for none and for whatever is done to a node told by "#".

    Topologies of the same string compute the same function where the operations on equal inputs
    have equal weights. The reverse does not hold: the string keeps "#" in sums and sorts within
    nodes only, so that of its 6,466 classes some compute the same function (with both simplified
    4,930 are left). Tables use it as it is.

    Parameters
    ----------
    operations
        Names on the six edges, those that enter node 1, 2 and 3 in turn.
    """
    nodes = ["0"]
    edges = iter(operations)
    for n_before in (1, 2, 3):
        entering = [_tell(next(edges), nodes[start]) for start in range(n_before)]
        nodes.append("+".join(sorted(entering)))
    return nodes[-1]


def _tell(operation: str, node: str) -> str:
    if operation == "none" or node == "#":
        return "#"
    return node if operation == "skip_connect" else f"({node})@{operation}"
