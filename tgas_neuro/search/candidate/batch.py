"""Several candidates in one job: one import of torch, and records that outlive the job.

Snakemake deletes what a failed job has written, and what is there before it starts one again. So
each finished record is also kept beside, until all of the job are there; a job that was killed
half-way takes them up and trains nothing twice.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.images.decoded import load_images_digest
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.search.candidate.record import make_record

FOLDER = "kept"  # of a run; empty but while jobs of several candidates are not done


def list_batches(candidates: int, together: int) -> list[list[str]]:
    """Numbers of a generation's candidates, as in the names of their files, job by job."""
    numbers = [f"{number:02d}" for number in range(candidates)]
    return [numbers[first : first + together] for first in range(0, candidates, together)]


def import_once() -> None:
    """Import what candidates compute with, so that a child which is forked has it.

    Nothing is computed here: a process that has threads of torch cannot be forked.
    """
    importlib.import_module("tgas_neuro.search.candidate.evaluation")


def make_kept_record(
    run: Path,
    proposal: dict[str, Any],
    config: dict[str, Any],
    images: Path,
    teacher: Path,
    ranks: Path,
    weights: Path | None,
    digests: dict[str, str],
) -> dict[str, Any]:
    """Take up the record that a killed job kept, or make it (see `make_record`) and keep it.

    A kept record counts only if it is of the same candidate, and its provenance (versions, seed,
    digests of images and configuration) that of a record made now.

    Parameters
    ----------
    run
        Folder of the run.
    """
    path = _get_path(run, proposal["id"])
    if path.is_file():
        record = read_json(path)
        now = build_provenance(
            config["search"]["seed"], images=load_images_digest(images), **digests
        )
        same = all(record[key] == proposal[key] for key in ("id", "genotype", "original"))
        if same and record["provenance"] == now:
            return record
    record = make_record(proposal, config, images, teacher, ranks, weights, digests)
    keep_record(run, record)
    return record


def keep_record(run: Path, record: Mapping[str, Any]) -> None:
    """Keep a finished record beside the outputs of its job."""
    path = _get_path(run, record["id"])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, record)


def drop_kept(run: Path, names: Iterable[str]) -> None:
    """Delete what was kept of these candidates: their records stand where they belong."""
    for name in names:
        _get_path(run, name).unlink(missing_ok=True)


def keep_cut_batches(run: Path, batches: Sequence[Sequence[str]]) -> None:
    """Before a workflow starts: keep the records that stand in batches which are not complete.

    They were written by a job that was killed, or when fewer candidates went into one job.
    """
    for generation in sorted(run.glob("generation_*")):
        for batch in batches:
            paths = [generation / f"candidate_{number}.json" for number in batch]
            there = [path for path in paths if path.is_file()]
            if 0 < len(there) < len(batch):
                for path in there:
                    keep_record(run, read_json(path))


def _get_path(run: Path, name: str) -> Path:
    return run / FOLDER / f"{name}.json"
