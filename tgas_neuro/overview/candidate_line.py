"""The line of a candidate in the console's table of candidates."""

from tgas_neuro.runtime.text import wrap_line
from tgas_neuro.search.records import CandidateRecord
from tgas_neuro.search.runs import Run
from tgas_neuro.search.runs.status import describe_killed, find_best_so_far, find_entry


def describe_candidate(record: CandidateRecord, run: Run, done: str) -> str:
    """A line of the table of candidates.

    Parameters
    ----------
    record
        Of a candidate that has just finished.
    run
        Its run, as it is now.
    done
        How many of how many have finished.
    """
    rating = run.rating
    entries = run.list_entries() if rating.compares else []
    best = find_best_so_far(run.folder, rating, entries)
    so_far = f"  {best[0]:.3f} {best[1]}" if best else ""
    seconds = record["cost"]["seconds"]
    indent = len(done) + 13
    killed = describe_killed(record)
    again = f"\n{' ' * indent}{killed}" if killed else ""
    if record["state"] != "ok":
        text = f"{done}  {record['id']:<9}  {record['state']}: {record['message']}"
        return wrap_line(text, indent) + again
    entry = find_entry(record, rating, entries)
    reward = "-" if entry.reward is None else f"{entry.reward:.3f}"
    TG = "-" if entry.TG is None else f"{entry.TG:.3f}"
    return (
        f"{done}  {record['id']:<9}  ok     {entry.P:.3f}  {TG:>6}  {reward:>7}  {seconds:>7.1f}"
        f"{so_far}{again}"
    )
