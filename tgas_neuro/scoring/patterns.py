"""Layers by patterns of their names, in which ``*`` stands for any text and nothing else does."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from tgas_neuro.runtime.errors import UserError


def choose_names(
    names: Iterable[str],
    patterns: Sequence[str],
    words: Mapping[str, Callable[[], Sequence[str]]],
    explain: Callable[[str], str],
) -> list[str]:
    """Choose names by patterns.

    Parameters
    ----------
    names
        All names.
    patterns
        Names, in which ``*`` stands for any text, also for dots and for none. Every other
        character stands for itself, also ``?`` and brackets.
    words
        Patterns of another meaning, ``auto`` and ``all``, to a function that lists what they take.
    explain
        From a pattern that takes nothing, what is wrong and which names there are.

    Returns
    -------
    chosen
        Each name once, in the order of `names`.

    Raises
    ------
    UserError
        There is no pattern, one takes nothing, or one has two meanings: it is a name and takes
        other names as well.

    Examples
    --------
    >>> choose_names(["a.0", "a[0]", "b"], ["a[*"], {}, str)
    ['a[0]']
    """
    names = list(names)
    if not patterns:
        raise UserError("layers: no name is given; name layers, or leave it out")
    chosen: set[str] = set()
    for pattern in patterns:
        found = words[pattern]() if pattern in words else _match(pattern, names)
        others = [name for name in found if name != pattern]
        if pattern in names and others:
            raise UserError(
                f"layers: {pattern!r} is the name of a layer, and also stands for {len(others)} "
                f"others, as {others[0]!r}; give the layer another name, or use another pattern"
            )
        if not found:
            hint = "; only * stands for other text" if set("?[") & set(pattern) else ""
            raise UserError(f"layers: {explain(pattern)}{hint}")
        chosen.update(found)
    return [name for name in names if name in chosen]


def _match(pattern: str, names: Sequence[str]) -> list[str]:
    text = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    return [name for name in names if text.fullmatch(name)]
