"""`leaderboard`: list the best candidates of a run so far.

Duplicates and the partial candidates of the progressive strategy are left out. The id of a reused
candidate starts with the name of its run.
"""

import argparse
import json
from typing import Any

from tgas_neuro.commands.terminal import add_list, add_run, format_table
from tgas_neuro.search.best import build_leaderboard
from tgas_neuro.search.history import Entry, count_states, describe_states, rank_entries
from tgas_neuro.search.runs import describe_choice, find_run, load_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run(parser)
    add_list(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the leaderboard."""
    folder = find_run(arguments.run)
    found = load_run(folder)
    entries = found.list_entries()
    leaders = rank_entries(entries, arguments.n)
    if arguments.json:
        rows = build_leaderboard(leaders)
        content = {"run": found.name, **found.rating.to_json(), "leaderboard": rows}
        print(json.dumps(content, indent=2))
        return
    print(f"run {describe_choice(folder, arguments.run)}, ranked by {found.rating.describe()}")
    if found.rating.compares:
        print(found.describe_basis())
    if not leaders:
        print(describe_nothing(entries))
        return
    print(format_table([{"rank": k, **build_row(entry)} for k, entry in enumerate(leaders, 1)]))


def build_row(entry: Entry) -> dict[str, Any]:
    """The columns of a leaderboard."""
    return {
        "candidate": entry.id,
        "reward": entry.reward,
        "P": entry.P,
        "TG": entry.TG,
        **(entry.regions or {}),
        "TG at epoch 0": entry.TG_untrained,
        "params": entry.params,
        "macs": entry.macs,
        "hash": entry.hash[:8],
    }


def describe_nothing(entries: list[Entry]) -> str:
    """Say why there is no leaderboard yet."""
    if not entries:
        return "no candidate has finished yet"
    return f"no complete candidate has a reward yet ({describe_states(count_states(entries))})"
