"""`rescore`: score the candidates of a run against another teacher, without training.

Needs a run with search.keep_weights. Each finished candidate is compared with the teacher as in the
search; P does not change. The scores are written to `rescored_<teacher>.json` in the folder of the
run after every candidate, and an interrupted rescoring continues. The table ranks by
P + alpha * TG, or by their z-scores where the run does.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.commands.leaderboard import build_full_rows, describe_nothing, list_columns
from tgas_neuro.commands.rerank import calc_agreement, describe_agreement, show_leaders
from tgas_neuro.commands.terminal import Answer, add_list, print_answer, report, show_lines
from tgas_neuro.plan.plan import Plan, build_plan
from tgas_neuro.recordings.datasets.data_set import DESCRIPTIONS
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.yaml_files import load_yaml
from tgas_neuro.scoring.layers import LAYER_CHOICES
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import build_entry, rank_entries
from tgas_neuro.search.rewards import rate_together
from tgas_neuro.search.runs import describe_choice, find_run, load_run

CONFIG = "config.yaml"
TEACHERS = Path("results/teacher")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--run", help="name or folder of a run (default: the newest)")
    parser.add_argument("--teacher", required=True, help="name or folder of a teacher")
    parser.add_argument(
        "--configfile", nargs="*", default=[], help="laid over config.yaml, as in snakemake"
    )
    parser.add_argument("--alpha", type=float, help="weight of TG (default: the run's)")
    parser.add_argument(
        "--layer-choice", help=f"one of {', '.join(LAYER_CHOICES)} (default: the run's)"
    )
    add_list(parser)


def run(arguments: argparse.Namespace) -> None:
    """Score the candidates that have no score yet, and print the ranking."""
    # torch: other commands start without it
    from tgas_neuro.search.runs.rescored import check_same_measures, list_rescorable, rate, rescore

    folder = find_run(arguments.run)
    found = load_run(folder)
    rating = Rating(
        "p_plus_tg",
        found.rating.alpha if arguments.alpha is None else arguments.alpha,
        arguments.layer_choice or found.rating.layer_choice,
        found.rating.scale,
    )
    records = list_rescorable(found)
    plan = load_plan(arguments.configfile)
    check_same_measures(found, records, plan.digests, ", ".join([CONFIG, *arguments.configfile]))
    teacher = find_teacher(arguments.teacher)
    path = folder / f"rescored_{teacher.name}.json"
    premature, scoring = plan.config.premature, plan.config.search.scoring
    scores = rescore(found, records, teacher, premature, scoring, path, report)
    before, after = (
        rank_entries(rate_together(entries, rating)[0], None)
        for entries in (
            [build_entry(record, rating, {}) for record in records],
            [rate(record, scores[record["id"]], rating) for record in records],
        )
    )
    agreement = calc_agreement(before, after)
    was = {entry.id: rank for rank, entry in enumerate(before, 1)}
    leaders = after[: arguments.n]
    short = [
        {"rank": k, "was": was.get(e.id), "id": e.id, "reward": e.reward, "P": e.P, "TG": e.TG}
        for k, e in enumerate(leaders, 1)
    ]
    content = {"run": found.name, "teacher": teacher.name, **rating.to_json()}

    def describe() -> str:
        head = show_lines(
            f"run {describe_choice(folder, arguments.run)}, teacher {teacher.name}",
            f"ranked by {rating.describe()}; 'was': the rank with the run's own teacher",
        )
        if not after:
            rated = [rate(record, scores[record["id"]], rating) for record in records]
            return f"{head}\n{show_lines(describe_nothing(rated))}"
        lines = show_lines(describe_agreement(agreement), f"written to {path}")
        return "\n".join([head, show_leaders(leaders, was), lines])

    rows = build_full_rows(leaders, was)
    content |= {"agreement": agreement, "leaderboard": short}
    print_answer(arguments, Answer(rows, list_columns(rows), describe, content))


def load_plan(overlays: Sequence[str]) -> Plan:
    """The plan of ``config.yaml`` with these files laid over it, key by key, as Snakemake does."""
    from snakemake.utils import update_config  # loads for a while

    config: dict[str, Any] = {}
    for path in (CONFIG, *overlays):
        content = load_yaml(path)
        if not isinstance(content, dict):
            raise UserError(f"{path}: expected keys with values, as in config.yaml")
        update_config(config, content)
    return build_plan(config, DESCRIPTIONS, ", ".join([CONFIG, *overlays]))


def find_teacher(name: str, teachers: Path = TEACHERS) -> Path:
    """The folder of a teacher: by its name in `teachers`, or by its path.

    Raises
    ------
    UserError
        There is no such teacher.
    """
    for folder in (teachers / name, Path(name)):
        if (folder / "teacher.nc").is_file():
            return folder
    there = ", ".join(sorted(path.parent.name for path in teachers.glob("*/teacher.nc"))) or "none"
    raise UserError(
        f"teacher {name!r}: no teacher.nc there; in {teachers}: {there}; make it with its "
        "configuration: snakemake --cores 2 teacher_ranks"
    )
