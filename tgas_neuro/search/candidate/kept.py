"""Finished records are kept beside the outputs of jobs, so that no kill costs a candidate.

Snakemake deletes what a failed job has written, and what a job has written whose end it did not
see. Each finished record is therefore kept elsewhere until the history of its generation is
written. A job that is started again takes it up and trains nothing twice.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Search
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import (
    calc_root,
    check_source,
    forget_entry,
    is_whole,
    load_entry,
    write_entry,
)
from tgas_neuro.search.candidate import Inputs, build_record_provenance, make_record
from tgas_neuro.search.records import CandidateRecord, ProposedCandidate, Threshold

KEPT = "kept"  # folder of a run: finished records of generations without a history


def make_kept_record(
    run: Path,
    root: str,
    proposal: ProposedCandidate,
    rungs: Sequence[Threshold],
    search: Search,
    premature: Premature,
    inputs: Inputs,
    weights: Path | None,
    digests: dict[str, str],
) -> CandidateRecord:
    """Take up the record that an earlier job kept, or make it (see `make_record`) and keep it.

    A kept record counts only for the same candidate, if it was made from the same files, if its
    provenance (versions, seed, digests of images and configuration) is that of a record made now,
    and if its weights are what they were.

    Parameters
    ----------
    run
        Folder of the run.
    root
        Of the files that the job reads (`tgas_neuro.runtime.ledger.calc_root`).
    """
    path = _get_kept_path(run, proposal["id"])
    if path.is_file() and is_whole(path):
        kept = read_json(path)
        found = (kept.pop("made_from", None), kept["id"], kept["genotype"], kept["original"])
        same = found == (root, proposal["id"], proposal["genotype"], proposal["original"])
        now = build_record_provenance(search.seed, inputs, digests)
        whole = weights is None or not weights.is_file() or is_whole(weights)
        if same and kept["provenance"] == now and whole:
            return kept
    record = make_record(proposal, rungs, search, premature, inputs, weights, digests, run)
    if weights is not None and weights.is_file():
        write_entry(weights, "candidate")
    keep_record(run, record, root)
    return record


def keep_record(run: Path, record: CandidateRecord, root: str) -> None:
    """Keep a finished record, and what it was made from, beside the outputs of its job."""
    path = _get_kept_path(run, record["id"])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {**record, "made_from": root})
    write_entry(path, "candidate")


def drop_kept(run: Path, names: Iterable[str]) -> None:
    """Delete what was kept of these candidates, whose records are written."""
    for name in names:
        path = _get_kept_path(run, name)
        path.unlink(missing_ok=True)
        forget_entry(path)


def drop_noticed(run: Path) -> None:
    """At the end of a workflow, delete what was kept of records that are there.

    Snakemake has noticed the end of their jobs. Who deletes such a record wants it made again.
    """
    for path in (run / KEPT).glob("g*_c*.json"):
        generation, candidate = path.stem.split("_c")
        if (run / f"generation_{generation[1:]}" / f"candidate_{candidate}.json").is_file():
            drop_kept(run, [path.stem])


def keep_cut_batches(run: Path, batches: Sequence[Sequence[str]]) -> None:
    """Before a workflow starts, keep the records of batches that are not complete.

    They were written by a job that was killed, or when fewer candidates went into one job.
    """
    for generation in sorted(run.glob("generation_*")):
        for batch in batches:
            paths = [generation / f"candidate_{number}.json" for number in batch]
            there = [path for path in paths if path.is_file()]
            if 0 < len(there) < len(batch):
                for path in there:
                    check_source(path)
                    entry = load_entry(path)
                    if entry is not None:  # else its job was killed, which has kept it
                        keep_record(run, read_json(path), calc_root(entry.sources))


def _get_kept_path(run: Path, name: str) -> Path:
    return run / KEPT / f"{name}.json"
