"""What every script of a rule needs: a log, errors in one line, and an end with the workflow."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.processes import die_with_workflow, exit_on_sigterm


@contextmanager
def running_rule(log: str | Path) -> Iterator[Callable[[str], None]]:
    """Run the body of a rule's script.

    Parameters
    ----------
    log
        The rule's log file; every reported line goes to it and to the terminal.

    Yields
    ------
    report
        Call it with one line for the user.
    """
    exit_on_sigterm()
    die_with_workflow()
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    with Path(log).open("w", encoding="utf-8") as file:

        def report(line: str) -> None:
            print(line, file=sys.stderr, flush=True)
            print(line, file=file, flush=True)

        try:
            yield report
        except UserError as error:
            report(f"Error: {error}")
            sys.exit(1)
        except Exception:
            file.write(traceback.format_exc())
            raise
