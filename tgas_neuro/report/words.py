"""Numbers in words, as the page writes them."""

from collections.abc import Sequence


def format_value(value: float | None) -> str:
    """Three digits; ``none`` where there is no value."""
    return "none" if value is None else f"{value:.3f}"


def format_percent(value: float) -> str:
    """A share as a percentage with one digit."""
    return f"{value:.1%}".replace("%", " %")


def format_time(seconds: float | None) -> str:
    """A time in the unit that is easy to read."""
    if seconds is None:
        return "a time that was not noted"
    if seconds < 90:
        return f"{seconds:.1f} s"
    if seconds < 5400:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"


def count_words(number: float, noun: str) -> str:
    """A number with its noun: ``1 epoch``, ``24 candidates``."""
    return (
        f"{number:,g} {noun}{'' if number == 1 else 's'}"
        if number < 1e6
        else f"{number:,.0f} {noun}s"
    )


def join_words(words: Sequence[str]) -> str:
    """Words as a list in a sentence: ``a, b and c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
