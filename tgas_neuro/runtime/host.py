"""The machine that a run was started on: from another one nobody sees whether it is alive."""

import json
import socket
from pathlib import Path

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json

NOTE = Path(".snakemake/started_on.json")


def note_host(folder: Path) -> None:
    """Note in a working directory that Snakemake is started there, and on which machine."""
    write_json(folder / NOTE, {"host": socket.gethostname()})


def check_host(folder: Path, vouched: str | None) -> None:
    """Raise `UserError` if the last run was started on another machine.

    Parameters
    ----------
    folder
        Working directory of the run.
    vouched
        The machine of which the user says that no Snakemake works there.
    """
    try:
        host = json.loads((folder / NOTE).read_text())["host"]
    except (OSError, ValueError, LookupError, TypeError):
        return  # nothing is known of it
    if host not in (socket.gethostname(), vouched):
        raise UserError(
            f"{folder.resolve()}: the last run was started on {host}, where Snakemake may still "
            f"be running; do this there, or say --host {host} if you know that it is not"
        )
