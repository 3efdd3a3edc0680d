"""`python -m tgas_neuro <command>`."""

import argparse
import os
import sys

from tgas_neuro import __version__
from tgas_neuro.commands import (
    check,
    convert,
    evaluate,
    leaderboard,
    leftovers,
    rerank,
    rescore,
    show,
    status,
    summary,
    train,
    unlock,
)
from tgas_neuro.runtime.errors import UserError

COMMANDS = {
    "status": status,
    "leaderboard": leaderboard,
    "show": show,
    "rerank": rerank,
    "rescore": rescore,
    "summary": summary,
    "train": train,
    "unlock": unlock,
    "leftovers": leftovers,
    "check": check,
    "convert": convert,
    "evaluate": evaluate,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a user's mistake is one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m tgas_neuro", description=__doc__)
    parser.add_argument("--version", action="version", version=f"tgas-neuro {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        summary_line = module.__doc__.splitlines()[0].partition(": ")[2]
        module.add_arguments(
            commands.add_parser(name, help=summary_line, description=module.__doc__)
        )
    chosen = parser.parse_args(arguments)
    try:
        code = COMMANDS[chosen.command].run(chosen)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # who reads, head for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code or 0


if __name__ == "__main__":
    sys.exit(main())
