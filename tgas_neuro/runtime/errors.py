"""The one error that a user can cause: its message is one line that says the way out."""

from collections.abc import Iterable


class UserError(Exception):
    """A mistake in a configuration, a data set or a file that the user can put right.

    The message names the key or file, the value received, what is allowed and what to do,
    in one line. Rules and commands print it without a traceback and exit with 1.
    """

    def __init__(self, message: str):
        super().__init__(" ".join(str(message).split()))


def check_choice(name: str, value: object, allowed: Iterable[object]) -> None:
    """Raise `UserError` unless `value` is one of `allowed`.

    Parameters
    ----------
    name
        The key, argument or field as the user knows it.
    value
        What was received.
    allowed
        What may be given, in the order in which it is to be listed.
    """
    allowed = list(allowed)
    if value not in allowed:
        listed = ", ".join(str(choice) for choice in allowed)
        raise UserError(f"{name}: {value!r} is not one of: {listed}")
