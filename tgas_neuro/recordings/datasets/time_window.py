"""A data set read in another time window than the one of its description."""

from collections.abc import Sequence

from tgas_neuro.recordings.readers.reader_options import OPTIONS
from tgas_neuro.runtime.errors import UserError


def take_window(description: dict, window: Sequence[float], key: str) -> tuple[str, dict]:
    """The description of a data set with its responses taken in `window`.

    A reader averages or adds the time bins of its source and keeps none, so that a window is
    chosen when a data set is read. Its result then has a folder of its own: two regions may take
    two windows of one data set.

    Parameters
    ----------
    description
        From `tgas_neuro.recordings.datasets.description.load_description`.
    window
        Start and stop [ms after onset].
    key
        The key of the configuration that asks for it, for messages.

    Returns
    -------
    folder, description
        ``<data set>@<start>to<stop>ms``, which is no data set's own name ("@" is not allowed
        there), and the description with ``options.window_ms``.

    Raises
    ------
    UserError
        The window is empty, or the reader has none to choose.
    """
    start, stop = window
    if not start < stop:
        raise UserError(f"{key}: {list(window)}: the window ends before it begins; exchange them")
    reader = description["reader"]
    able = [name for name, schema in OPTIONS.items() if "window_ms" in schema["properties"]]
    if reader not in able:
        raise UserError(
            f"{key}: {list(window)}: reader {reader!r} of data set {description['name']} has one "
            f"time window and no choice; remove the key (readers with a choice: {', '.join(able)})"
        )
    options = description["options"] | {"window_ms": [start, stop]}
    folder = f"{description['name']}@{start:g}to{stop:g}ms"
    return folder, description | {"options": options}
