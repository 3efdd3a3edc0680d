"""Options of strategies, checked where a strategy is built: one line says what is allowed."""

from tgas_neuro.runtime.errors import UserError


def check_integer(name: str, value: object, least: int = 1) -> int:
    """Return an integer of at least `least`, or raise `UserError` naming the option."""
    if type(value) is not int or value < least:
        raise UserError(f"{name}: {value!r} is not an integer of at least {least}")
    return value


def check_number(
    name: str, value: object, low: float, below: float | None = None, above_low: bool = False
) -> float:
    """Return a number from `low` to below `below`, or raise `UserError` naming the option.

    Parameters
    ----------
    name, value
        The option as the user knows it, and what was received.
    low, below
        The bounds; None is none.
    above_low
        Whether `low` itself is refused.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_high_enough = is_number and (value > low if above_low else value >= low)
    if not is_high_enough or (below is not None and not value < below):
        allowed = f"{'above' if above_low else 'of at least'} {low:g}"
        allowed += "" if below is None else f" and below {below:g}"
        raise UserError(f"{name}: {value!r} is not a number {allowed}")
    return float(value)
