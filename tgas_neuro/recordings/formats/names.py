"""The order of names where it decides: programs sort the same names differently."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from tgas_neuro.recordings.formats.archives import ENDINGS, compose, read_image_files
from tgas_neuro.runtime.errors import UserError

Order = Literal["name", "natural"]
Key = Callable[[str], Any]


def sort_names(
    names: Iterable[str], order: Order | None, where: str, what: str, way_out: str
) -> list[str]:
    """Sort names whose order has a meaning.

    Parameters
    ----------
    names
        Each once.
    order
        ``name``: by their characters, as Python and MATLAB on Linux sort (A to Z before a to z,
        10 before 2). ``natural``: by the numbers in them and without regard to case, as Finder
        and Explorer show them. None: there must be no difference.
    where
        The folder or file that lists them, for messages.
    what, way_out
        What they name, and what to do where the order is not clear, for messages.

    Raises
    ------
    UserError
        Two names differ only in how Unicode composes their letters, or `order` is None and common
        programs sort the names differently.
    """
    listed = sorted(names)
    composed: dict[str, str] = {}
    for name in listed:
        other = composed.setdefault(compose(name), name)
        if other != name:
            raise UserError(
                f"{where}: {name!r} is there twice, with composed and with decomposed letters "
                "(Unicode NFC and NFD); rename or remove one"
            )
    if order is not None:
        return sorted(listed, key=ORDERS[order])
    for words, key in DIFFERING:
        other_order = sorted(listed, key=key)
        if listed != other_order:
            place = next(k for k, name in enumerate(listed) if name != other_order[k])
            raise UserError(
                f"{where}: the order of the {what} is not clear, {listed[place]} or "
                f"{other_order[place]} as number {place + 1} (by their characters, or {words}); "
                f"{way_out}"
            )
    return listed


def split_numbers(name: str) -> list[tuple[int, int | str]]:
    """Sort key that puts image2 before image10."""
    parts = re.split(r"([0-9]+)", name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts]


def _drop_ending(name: str) -> str:
    return re.sub(r"\.[A-Za-z]{2,5}$", "", name)


def _fold(name: str) -> str:
    return compose(name).casefold()


def _strip_marks(name: str) -> str:
    """Letters and digits alone, without accents, as a language's alphabet sorts them."""
    plain = unicodedata.normalize("NFKD", _drop_ending(name)).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


ORDERS: dict[Order, Key] = {
    "name": lambda name: name,
    "natural": lambda name: (split_numbers(_fold(_drop_ending(name))), name),
}
# What sorts the same names in other ways, each with the words of the message.
DIFFERING: tuple[tuple[str, Key], ...] = (
    ("by the numbers in them", lambda name: (split_numbers(name), name)),
    ("without regard to case", lambda name: (_fold(name), name)),
    ("in capital letters (as Windows sorts)", lambda name: (name.upper(), name)),
    ("without their endings", lambda name: (_drop_ending(name), name)),
    ("with composed letters", lambda name: (compose(name), name)),
    ("with decomposed letters", lambda name: (unicodedata.normalize("NFD", name), name)),
    ("by the alphabet", lambda name: (_strip_marks(name), name)),
    ("by numbers and without regard to case", ORDERS["natural"]),
)


def list_image_files(path: str | Path, order: Order | None = None) -> list[str]:
    """Names of the images in the order in which they are shown (see `sort_names`).

    Raises
    ------
    UserError
        There are none, or the order is ambiguous: common programs sort the names differently
        (image10.png comes before image2.png, Cat.png before apple.png), and `order` is None.
    """
    names = [name for name, _ in read_image_files(path)]
    if not names:
        raise UserError(f"{path}: no images; their names end in {', '.join(ENDINGS)}")
    way_out = (
        "set options.images.order: name or natural as the program sorted that made the responses, "
        "or give the file names in options.stimuli.filename"
    )
    return sort_names(names, order, str(path), "images", way_out)
