"""Write docs/commands.md, every command with its arguments, from the parsers of the commands.

    python docs/tools/commands.py

writes the page; a test fails if it is older than the parsers.
"""

import argparse
import re
from pathlib import Path

from tgas_neuro.__main__ import build_parser

PAGE = Path(__file__).resolve().parents[1] / "commands.md"
HEAD = """# Commands

This page is generated from the commands by `python docs/tools/commands.py`; do not edit it.
`tgas COMMAND --help` prints the same. `python -m tgas_neuro COMMAND` is the same as `tgas COMMAND`.
Every command ends with exit code 0, with 1 after a mistake that it names in one line, and with 2
if an argument is not known.
"""


def build_page() -> str:
    """The text of the page."""
    (commands,) = (
        action
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    about = {action.dest: action.help for action in commands._choices_actions}
    lines = [*HEAD.splitlines(), "", "| command | |", "|---|---|"]
    lines += [f"| [`{name}`](#{name}) | {about[name]} |" for name in commands.choices]
    for name, parser in commands.choices.items():
        lines += ["", f"## `{name}`", "", *_describe(name, parser)]
    return "\n".join(lines) + "\n"


def _describe(name: str, parser: argparse.ArgumentParser) -> list[str]:
    summary, _, text = (parser.description or "").partition("\n")
    summary = summary.partition(": ")[2]
    lines = [summary[:1].upper() + summary[1:]]
    for line in text.strip().splitlines():
        indented = line.startswith("  ") and ": " not in line[:4]
        lines.append(f"    {line.strip()}" if indented else _escape(line))
    # a block of code begins after an empty line
    found = re.sub(r"(?m)^(\S.*)\n(    )", r"\1\n\n\2", "\n".join(lines))
    found = re.sub(r"(?m)^(    .*)\n(\S)", r"\1\n\n\2", found).strip().splitlines()
    arguments = [one for one in parser._actions if not isinstance(one, argparse._HelpAction)]
    if arguments:
        found += ["", "| argument | |", "|---|---|"]
        found += [f"| {_name(one)} | {_explain(one, parser)} |" for one in arguments]
    return found


def _name(action: argparse.Action) -> str:
    """The argument as it is written on a command line."""
    word = action.metavar or (None if action.choices else action.dest.upper())
    if word is None:
        word = "{" + ",".join(map(str, action.choices or ())) + "}"
    words = " ".join(word) if isinstance(word, tuple) else str(word)
    many = f"{words} ..." if action.nargs in ("*", "+") else words
    if not action.option_strings:
        many = many if action.metavar else many.replace(str(word), action.dest.upper())
        return f"`[{many}]`" if action.nargs in ("*", "?") else f"`{many}`"
    value = "" if action.nargs == 0 else f" {many}"
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


def _explain(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    text = (action.help or "") % {"default": action.default, "prog": parser.prog}
    required = " (required)" if action.option_strings and action.required else ""
    return _escape(" ".join(text.split())) + required


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
    print(PAGE)
