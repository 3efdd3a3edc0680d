"""The remaining time that `tgas status` says, beside the truth: watch a run, or replay one.

    python benchmarks/eta.py [RUN] [--seconds 5] [--output eta.json]
    python benchmarks/eta.py --replay results/search/<run>

Without --replay it waits for a workflow in this folder, notes every few seconds what `status` would
say, and prints the errors when the workflow has ended. With it, the estimates of a finished run are
repeated from the times of its files; the workflow's own last seconds are then missing.

An error is what was said minus what was left, as a share of what was left and of the whole run.
Errors of up to `SLACK` seconds count as none: `status` says whole seconds, and the last of a run
pass while it looks.
"""

import argparse
import time
from pathlib import Path
from typing import Any

from harness import describe_machine
from tables import format_table

from tgas_neuro.overview.eta import estimate
from tgas_neuro.overview.facts import load_facts
from tgas_neuro.overview.status import look
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.processes import find_holder
from tgas_neuro.runtime.provenance import get_time
from tgas_neuro.search.runs import find_run, load_run
from tgas_neuro.search.runs.note import load_note

FROM = 1 / 3  # share of a run from which on the errors count
ALLOWED = 0.25  # of what was left
SLACK = 3.0  # [s] that are no error
LOOKS = 200  # of a replay
COLUMNS = ("share of the run", "left [s]", "said [s]", "error, of what was left", "of the run")


def watch(name: str | None, seconds: float) -> dict[str, Any]:
    """Note what is said until the workflow in this folder has ended."""
    while find_holder(Path()) is None:
        time.sleep(0.2)
    began, looks = time.time(), []
    while (holder := find_holder(Path())) is not None:
        now = time.time()
        try:
            status = look(find_run(name, planned=True), holder, now)
            looks.append({"time": now, "said": status.seconds_left})
        except UserError:  # nothing has been noted yet
            looks.append({"time": now, "said": None})
        while time.time() < now + seconds and find_holder(Path()) is not None:
            time.sleep(0.2)  # so that the end is noted when it comes
    return {"began": began, "ended": time.time(), "looks": looks}


def replay(folder: Path) -> dict[str, Any]:
    """Repeat what was said of a finished run at equal distances of time."""
    note = load_note(folder)
    if note is None or "rules" not in note:
        raise UserError(f"{folder}: has no run.json of this version; watch a new run")
    facts = load_facts(load_run(folder), folder, note)
    began = facts.started
    ended = max(job.ended for job in facts.jobs if job.ended and job.began >= began - 1)
    moments = [began + (ended - began) * k / LOOKS for k in range(LOOKS)]
    looks = [{"time": now, "said": estimate(facts.at(now), now).total} for now in moments]
    return {"began": began, "ended": ended, "looks": looks}


def list_errors(course: dict[str, Any]) -> list[dict[str, float | None]]:
    """Errors at each look, from the beginning of the run on."""
    whole = course["ended"] - course["began"]
    rows: list[dict[str, float | None]] = []
    for one in course["looks"]:
        left = course["ended"] - one["time"]
        error = None if one["said"] is None else one["said"] - left
        rows.append(
            {
                "share": 1 - left / whole,
                "left": left,
                "said": one["said"],
                "of_left": None if error is None or left <= 0 else error / left,
                "of_run": None if error is None else error / whole,
            }
        )
    return rows


def print_errors(rows: list[dict[str, float | None]]) -> None:
    """Print every twentieth of the run, and the largest errors from a third of it on."""
    shown, lines = -1, []
    for row in rows:
        share = row["share"] or 0.0
        if int(share * 20) > shown:
            shown = int(share * 20)
            said = "-" if row["said"] is None else f"{row['said']:.0f}"
            shares = [
                "-" if row[key] is None else f"{row[key]:+.0%}" for key in ("of_left", "of_run")
            ]
            lines.append(" | ".join([f"{share:.0%}", f"{row['left']:.0f}", said, *shares]))
    print(format_table(COLUMNS, lines))
    late = [row for row in rows if (row["share"] or 0.0) >= FROM]
    errors = [weigh_error(row) for row in late if row["of_left"] is not None]
    if not errors:
        print("nothing was said from a third of the run on")
        return
    within = sum(abs(of_left) <= ALLOWED for of_left, _ in errors) / len(late)
    print(
        f"from a third of the run on: within {ALLOWED:.0%} of what was left, or {SLACK:.0f} s, in "
        f"{within:.0%} of {len(late)} looks; the largest error above {SLACK:.0f} s is "
        f"{max(abs(of_left) for of_left, _ in errors):.0%} of what was left, and "
        f"{max(abs(of_run) for _, of_run in errors):.0%} of the whole run"
    )


def weigh_error(row: dict[str, float | None]) -> tuple[float, float]:
    """Error of a look, as a share of what was left and of the whole run; 0 if it is none."""
    if abs((row["said"] or 0.0) - (row["left"] or 0.0)) <= SLACK:
        return 0.0, 0.0
    return row["of_left"] or 0.0, row["of_run"] or 0.0


def main() -> None:
    """Watch or replay a run, and print and write the errors."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", nargs="?", help="name or folder of a run (default: the newest)")
    parser.add_argument("--seconds", type=float, default=5.0, help="time between two looks [s]")
    parser.add_argument("--replay", type=Path, metavar="FOLDER", help="a finished run's folder")
    parser.add_argument("--output", type=Path, metavar="FILE.json", help="where looks are written")
    arguments = parser.parse_args()
    course = (
        replay(arguments.replay) if arguments.replay else watch(arguments.run, arguments.seconds)
    )
    rows = list_errors(course)
    print_errors(rows)
    if arguments.output:
        head = {"machine": describe_machine(), "date": get_time(), "began": course["began"]}
        write_json(arguments.output, {**head, "ended": course["ended"], "looks": rows})


if __name__ == "__main__":
    main()
