"""The canonical order of a cell's blocks: equal for two cells exactly if they are isomorphic."""

from collections.abc import Iterable, Iterator, Sequence

# A block's two branches: (index of the state that it reads, name of the operation).
Row = tuple[tuple[int, str], tuple[int, str]]
# The rows of a cell and the states that are concatenated.
Form = tuple[tuple[Row, ...], tuple[int, ...]]


def calc_canonical_form(rows: Sequence[Row], concat: Sequence[int]) -> Form:
    """The smallest encoding of the cell, over orders of its blocks.

    Blocks are coloured by depth and by whether they are concatenated; colours are refined by
    the colours of what a block reads and of who reads it (Weisfeiler and Leman) until they
    are stable. Refinement alone does not tell all graphs apart (one block read twice, two
    equal blocks read once each), so blocks that remain tied are told apart one after another
    in every way, and the smallest encoding is taken (individualisation and refinement, as in
    McKay and Piperno 2014, J. Symb. Comput. 60). Depth comes first, so that the order is
    topological.

    Parameters
    ----------
    rows
        One a block. States 0 and 1 are the cell's inputs, 2 + b is block b.
    concat
        The states that are concatenated.

    Returns
    -------
    rows, concat
        Of the same cell, in the new order.
    """
    depths: list[int] = []
    for row in rows:
        depths.append(1 + max(depths[state - 2] if state > 1 else 0 for state, _ in row))
    colours = _rank([(depth, 2 + b in concat) for b, depth in enumerate(depths)])
    return min(encode_cell(rows, concat, order) for order in _list_orders(rows, concat, colours))


def encode_cell(rows: Sequence[Row], concat: Sequence[int], order: Sequence[int]) -> Form:
    """Rows and concatenation with the blocks in another order, branches and concat sorted."""
    place = {0: 0, 1: 1} | {2 + old: 2 + new for new, old in enumerate(order)}
    moved = []
    for old in order:
        one, other = sorted((place[state], op) for state, op in rows[old])
        moved.append((one, other))
    return tuple(moved), tuple(sorted(place[state] for state in concat))


def _list_orders(
    rows: Sequence[Row], concat: Sequence[int], colours: list[int]
) -> Iterator[tuple[int, ...]]:
    colours = _refine(rows, colours)
    tied = [b for b, colour in enumerate(colours) if colours.count(colour) > 1]
    if not tied:
        yield tuple(sorted(range(len(rows)), key=colours.__getitem__))
        return
    colour = min(colours[b] for b in tied)
    tried: list[int] = []
    for block in (b for b in tied if colours[b] == colour):
        # Blocks that can change places without any other change lead to the same encodings.
        if any(_are_twins(rows, concat, block, other) for other in tried):
            continue
        tried.append(block)
        split = [2 * c + (c == colour and b != block) for b, c in enumerate(colours)]
        yield from _list_orders(rows, concat, split)


def _refine(rows: Sequence[Row], colours: list[int]) -> list[int]:
    while len(set(colours)) < len(colours):
        of_state = [-2, -1, *colours]
        readers: list[list[tuple[int, str]]] = [[] for _ in of_state]
        for b, row in enumerate(rows):
            for state, op in row:
                readers[state].append((colours[b], op))
        refined = _rank(
            [
                (colours[b], _sort((of_state[s], op) for s, op in row), _sort(readers[2 + b]))
                for b, row in enumerate(rows)
            ]
        )
        if len(set(refined)) == len(set(colours)):
            return refined
        colours = refined
    return colours


def _sort(pairs: Iterable[tuple[int, str]]) -> tuple[tuple[int, str], ...]:
    return tuple(sorted(pairs))


def _are_twins(rows: Sequence[Row], concat: Sequence[int], one: int, other: int) -> bool:
    swapped = list(range(len(rows)))
    swapped[one], swapped[other] = other, one
    return encode_cell(rows, concat, swapped) == encode_cell(rows, concat, range(len(rows)))


def _rank(keys: list) -> list[int]:
    places: dict = {}
    for key in sorted(keys):
        places.setdefault(key, len(places))
    return [places[key] for key in keys]
