"""`rerank`: rank the candidates of a run by another reward, without training.

Nothing is written. To continue the search under another guidance, set it in config.yaml and name
this run in search.reuse.
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tgas_neuro.commands.leaderboard import (
    build_full_rows,
    build_row,
    describe_nothing,
    list_columns,
)
from tgas_neuro.commands.terminal import (
    Answer,
    add_list,
    add_run,
    print_answer,
    show_lines,
    show_table,
)
from tgas_neuro.config.premature import FEWEST_PROBES
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.layers import LAYER_CHOICES
from tgas_neuro.search.guidance import GUIDANCES, SCALES
from tgas_neuro.search.history import Entry, rank_entries
from tgas_neuro.search.rewards import describe_basis
from tgas_neuro.search.runs import describe_choice, find_run, load_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_run(parser)
    parser.add_argument("--guidance", help=f"one of {', '.join(GUIDANCES)} (default: the run's)")
    parser.add_argument("--alpha", type=float, help="weight of TG (default: the run's)")
    parser.add_argument(
        "--layer-choice", help=f"one of {', '.join(LAYER_CHOICES)} (default: the run's)"
    )
    parser.add_argument("--scale", help=f"one of {', '.join(SCALES)} (default: the run's)")
    add_list(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print both ranks of the best candidates, how much the rankings agree, and the best."""
    folder = find_run(arguments.run)
    found = load_run(folder)
    wanted = {
        key: getattr(arguments, key)
        for key in ("guidance", "alpha", "layer_choice", "scale")
        if getattr(arguments, key) is not None
    }
    rating = replace(found.rating, **wanted)
    rated, basis = found.rate_with_basis(rating)
    if "regression" in basis and basis["regression"] is None:
        raise UserError(
            f"guidance: 'learned' needs {FEWEST_PROBES} probes, run {found.name} has fewer; let it "
            "continue, or search with premature.probes"
        )
    before, after = rank_entries(found.rate(found.rating), None), rank_entries(rated, None)
    agreement = calc_agreement(before, after)
    was = {entry.id: rank for rank, entry in enumerate(before, 1)}
    leaders = after[: arguments.n]
    short = [
        {"rank": k, "was": was.get(entry.id), "id": entry.id, "reward": entry.reward}
        for k, entry in enumerate(leaders, 1)
    ]
    content: dict[str, Any] = {
        "run": found.name,
        "before": found.rating.to_json(),
        "after": rating.to_json(),
    }
    content |= {**basis, "agreement": agreement, "leaderboard": short}

    def describe() -> str:
        head = show_lines(
            f"run {describe_choice(folder, arguments.run)}",
            f"ranked by {rating.describe()}; it was {found.rating.describe()}",
        )
        if not after:
            return f"{head}\n{show_lines(describe_nothing(found.list_entries()))}"
        best = f"best: {after[0].id}, reward {after[0].reward:.3f}; it was {before[0].id}"
        lines = [*([describe_basis(basis)] if basis else []), describe_agreement(agreement), best]
        return "\n".join([head, show_leaders(leaders, was), show_lines(*lines)])

    rows = build_full_rows(leaders, was)
    print_answer(arguments, Answer(rows, list_columns(rows), describe, content))


def show_leaders(leaders: Sequence[Entry], was: dict[str, int]) -> str:
    """The table of candidates with the rank that they had."""
    ranked = enumerate(leaders, 1)
    return show_table([{"rank": k, "was": was.get(one.id), **build_row(one)} for k, one in ranked])


def calc_agreement(before: Sequence[Entry], after: Sequence[Entry]) -> dict[str, Any]:
    """Rank correlations of two rewards of the same candidates.

    Returns
    -------
    agreement
        ``n`` candidates that have both; ``spearman``, ``kendall`` (tau-b, which allows for ties),
        both in [-1, 1]; None where they are not defined: below two candidates, or all equal.
    """
    from scipy.stats import kendalltau, spearmanr  # other commands start without it

    other = {entry.id: entry.reward for entry in after}
    pairs = [(entry.reward, other[entry.id]) for entry in before if entry.id in other]
    x, y = np.array(pairs, dtype=float).reshape(-1, 2).T
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return {"n": len(x), "spearman": None, "kendall": None}
    return {
        "n": len(x),
        "spearman": float(spearmanr(x, y).statistic),
        "kendall": float(kendalltau(x, y).statistic),
    }


def describe_agreement(agreement: dict[str, Any]) -> str:
    """Describe both rank correlations in one line."""
    if agreement["spearman"] is None:
        return f"agreement of the rankings: not defined for these {agreement['n']} candidates"
    return (
        f"agreement of the rankings of {agreement['n']} candidates: Spearman "
        f"{agreement['spearman']:.3f}, Kendall {agreement['kendall']:.3f}"
    )
