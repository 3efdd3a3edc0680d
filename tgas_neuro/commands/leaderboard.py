"""`leaderboard`: list the best candidates of a run so far.

Duplicates and the partial candidates of the progressive strategy are left out. The id of a reused
candidate starts with the name of its run.
"""

import argparse
from collections.abc import Sequence
from typing import Any

from tgas_neuro.commands.terminal import (
    Answer,
    add_list,
    add_run,
    print_answer,
    show_lines,
    show_table,
)
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

    def describe() -> str:
        head = f"run {describe_choice(folder, arguments.run)}, ranked by {found.rating.describe()}"
        lines = [head, *([found.describe_basis()] if found.rating.compares else [])]
        if not leaders:
            return show_lines(*lines, describe_nothing(entries))
        table = show_table([{"rank": k, **build_row(one)} for k, one in enumerate(leaders, 1)])
        return f"{show_lines(*lines)}\n{table}"

    content = {"run": found.name, **found.rating.to_json()}
    content |= {"leaderboard": build_leaderboard(leaders)}
    rows = build_full_rows(leaders)
    print_answer(arguments, Answer(rows, list_columns(rows), describe, content))


def build_full_rows(
    leaders: Sequence[Entry], was: dict[str, int] | None = None
) -> list[dict[str, Any]]:
    """Rows with everything that is known of the candidates of a leaderboard.

    Parameters
    ----------
    leaders
        In their order.
    was
        Id to another rank of a candidate, which gets a column of its own.
    """
    regions = list(dict.fromkeys(name for entry in leaders for name in entry.regions or {}))
    return [
        {
            "rank": rank,
            **({} if was is None else {"was": was.get(entry.id)}),
            "id": entry.id,
            "state": entry.state,
            "reward": entry.reward,
            "P": entry.P,
            "TG": entry.TG,
            **{f"TG_{name}": (entry.regions or {}).get(name) for name in regions},
            "TG_untrained": entry.TG_untrained,
            "params": entry.params,
            "macs": entry.macs,
            "hash": entry.hash,
        }
        for rank, entry in enumerate(leaders, 1)
    ]


def list_columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Columns of these rows, or those of a leaderboard without candidates."""
    none = ["rank", "id", "state", "reward", "P", "TG", "TG_untrained", "params", "macs", "hash"]
    return list(rows[0]) if rows else none


def build_row(entry: Entry) -> dict[str, Any]:
    """The columns of a leaderboard."""
    return {
        "candidate": entry.id,
        "reward": entry.reward,
        "P": entry.P,
        "TG": entry.TG,
        **(entry.regions or {}),
        "untrained": entry.TG_untrained,  # TG at epoch 0
        "params": entry.params,
        "macs": entry.macs,
        "hash": entry.hash[:8],
    }


def describe_nothing(entries: list[Entry]) -> str:
    """Say why there is no leaderboard yet."""
    if not entries:
        return "no candidate has finished yet"
    return f"no complete candidate has a reward yet ({describe_states(count_states(entries))})"
