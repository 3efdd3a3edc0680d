"""Teacher Guided Architecture Search: set up a folder, run the workflow there, look at results.

`tgas COMMAND --help` describes a command. `python -m tgas_neuro COMMAND` is the same.
"""

import argparse
import os
import sys
from pathlib import Path

from tgas_neuro import __version__
from tgas_neuro.commands import (
    check,
    convert,
    evaluate,
    export,
    init,
    leaderboard,
    leftovers,
    log,
    rerank,
    rescore,
    retry,
    run,
    score,
    show,
    status,
    summary,
    train,
    unlock,
    verify,
)
from tgas_neuro.runtime.errors import UserError

COMMANDS = {
    "init": init,
    "run": run,
    "status": status,
    "leaderboard": leaderboard,
    "show": show,
    "rerank": rerank,
    "rescore": rescore,
    "log": log,
    "summary": summary,
    "train": train,
    "retry": retry,
    "unlock": unlock,
    "leftovers": leftovers,
    "verify": verify,
    "check": check,
    "convert": convert,
    "evaluate": evaluate,
    "score": score,
    "export": export,
}
COMPLETION = """`completion`: print the shell completion of `tgas`.

For bash, in this terminal and in all later ones:
  eval "$(tgas completion bash)"
  tgas completion bash > ~/.local/share/bash-completion/completions/tgas
For zsh, a folder of $fpath:
  tgas completion zsh > ~/.zfunc/_tgas
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a mistake of the user is reported in one line, with exit code 1."""
    parser = build_parser()
    chosen, others = parser.parse_known_args(arguments)
    if chosen.command == "run":
        chosen.options = others  # of Snakemake
    elif others:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    try:
        code = chosen.function(chosen)
    except UserError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as head, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code or 0


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all commands."""
    called = Path(sys.argv[0]).name
    parser = argparse.ArgumentParser(
        prog="tgas" if called.startswith("tgas") else "python -m tgas_neuro",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tgas-neuro {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text.splitlines()[0].partition(": ")[2],
            description=text,
            allow_abbrev=name != "run",  # an abbreviation may be an option of Snakemake
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    for name, module in COMMANDS.items():
        subparser = add(name, module.__doc__ or "")
        module.add_arguments(subparser)
        subparser.set_defaults(function=module.run)
    completion = add("completion", COMPLETION)
    completion.add_argument("shell", choices=["bash", "zsh"])
    completion.set_defaults(function=print_completion)
    return parser


def print_completion(arguments: argparse.Namespace) -> None:
    """Print the completion of a shell, with file names where a path is expected."""
    import shtab

    parser = build_parser()
    parser.prog = "tgas"
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, subparser in action.choices.items():
                subparser.prog = f"tgas {name}"
                for argument in subparser._actions:
                    if argument.type is Path:
                        argument.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's
    print(shtab.complete(parser, arguments.shell))


if __name__ == "__main__":
    sys.exit(main())
