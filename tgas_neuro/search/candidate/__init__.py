"""One candidate: it is trained a little and scored in a child process, and its record is written.

Imports no torch: the process that writes the record only watches the one that trains. A job may
hold several candidates.
"""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.skeleton import build_skeleton
from tgas_neuro.architecture.spaces import build_space, calc_complexity, read_genotype
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Limits, Search
from tgas_neuro.images.decoded import load_classes, load_images_digest
from tgas_neuro.runtime.errors import UserError, counting_failures
from tgas_neuro.runtime.provenance import Provenance, build_provenance, get_time
from tgas_neuro.search.candidate.child import Begin, Call, Outcome, run_in_child
from tgas_neuro.search.candidate.worker import find_served, load_torch
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import describe_stop, is_member
from tgas_neuro.search.records import (
    CandidateRecord,
    Evaluation,
    Probed,
    Proposals,
    ProposedCandidate,
    Size,
    Threshold,
)

NOT_MEASURED: Evaluation = {
    "premature": None,
    "teacher": None,
    "teacher_untrained": None,
    "rungs": [],
    "cost": {"images_seen": 0},
}


@dataclass(frozen=True)
class Inputs:
    """The files that all candidates of a run read.

    Attributes
    ----------
    images
        Folder of the decoded training split.
    teacher
        The teacher file.
    ranks
        Folder with the ranks of its RDMs.
    """

    images: Path
    teacher: Path
    ranks: Path


@dataclass(frozen=True)
class EarlyStop:
    """When the training of a candidate ends early.

    Attributes
    ----------
    rungs
        See `tgas_neuro.search.generation.list_thresholds`; empty stops nobody.
    rating
        How its values at the rungs are calculated.
    size
        Of its network.
    """

    rungs: Sequence[Threshold]
    rating: Rating
    size: Size


def find_proposal(proposals: Proposals, identifier: str) -> ProposedCandidate:
    """The proposal of one candidate in the content of a proposals file."""
    for proposal in proposals["proposals"]:
        if proposal["id"] == identifier:
            return proposal
    there = ", ".join(proposal["id"] for proposal in proposals["proposals"])
    raise UserError(f"candidate {identifier!r} is not among the proposals; there are: {there}")


def make_record(
    proposal: ProposedCandidate,
    rungs: Sequence[Threshold],
    search: Search,
    premature: Premature,
    inputs: Inputs,
    weights: Path | None,
    digests: dict[str, str],
    run: Path | None = None,
    call: Call = run_in_child,
) -> CandidateRecord:
    """Evaluate one proposal and record how it ended; every failure of the network is a result.

    Parameters
    ----------
    proposal, rungs
        From the proposals file.
    search, premature
        Those sections of the configuration.
    inputs
        The files that it needs.
    weights
        Where trained weights are kept, or None.
    digests
        Digests of the configuration, for provenance.
    run
        Folder of the run, where failures of the machine are counted; None counts none.
    call
        Runs the evaluation; in a process of its own by default.

    Raises
    ------
    UserError
        A file, the configuration or the machine is at fault, and not the candidate.
    """
    started = get_time()
    genotype = read_genotype(proposal["genotype"])
    skeleton = build_skeleton(premature, len(load_classes(inputs.images)))
    complexity = calc_complexity(genotype, skeleton)
    size: Size = {"params": complexity.params, "macs": complexity.macs}
    outcome = _decide_without_training(proposal, size, search.limits)
    if outcome is None:
        arguments = {
            "genotype": genotype,
            "skeleton": skeleton,
            "inputs": inputs,
            "premature": premature,
            "scoring": search.scoring,
            "seed": search.seed,
            "weights": weights,
            "untrained": search.untrained,
            "early_stop": EarlyStop(rungs, Rating.from_search(search), size),
        }
        with counting_failures(run, proposal["id"]):
            outcome = call(_evaluate, arguments, search.limits.memory_mb, search.limits.seconds)
    evaluation: Evaluation = outcome.value or NOT_MEASURED
    measured = evaluation["premature"]
    probed: Probed = {"probe": evaluation["probe"]} if "probe" in evaluation else {}
    stopped = measured is not None and measured["stopped_at"] is not None
    return {
        "id": proposal["id"],
        "genotype": genotype.to_json(),
        "hash": proposal["hash"],
        "complete": is_member(build_space(search), genotype),
        "state": "stopped" if stopped else outcome.state,
        "message": describe_stop(evaluation["rungs"]) if stopped else outcome.message,
        "original": proposal["original"],
        "guidance": search.guidance,
        "premature": measured,
        "teacher": evaluation["teacher"],
        "teacher_untrained": evaluation["teacher_untrained"],
        "rungs": evaluation["rungs"],
        **probed,
        "complexity": size,
        "provenance": build_record_provenance(search.seed, inputs, digests),
        "cost": {
            "seconds": round(outcome.seconds, 3),
            "peak_memory_mb": round(outcome.peak_memory_mb, 1),
            "attempts": outcome.attempts,
            **evaluation["cost"],
        },
        "dates": {"started": started, "finished": get_time()},
    }


def _decide_without_training(
    proposal: ProposedCandidate, size: Size, limits: Limits
) -> Outcome | None:
    """The outcome of a duplicate or an oversized candidate; None for one that has to be trained."""
    if proposal["original"] is not None:
        message = f"the same network as {proposal['original']}, whose record is reused"
        return Outcome("duplicate", None, message, 0, 0.0, 0.0)
    excess = find_excess(size, limits)
    return Outcome("oversized", None, excess, 0, 0.0, 0.0) if excess else None


def find_excess(size: Size, limits: Limits) -> str | None:
    """In what a network is larger than ``search.limits`` allow, in words; None if it is not."""
    for key, value, most in (
        ("params", size["params"], limits.params),
        ("macs", size["macs"], limits.macs),
    ):
        if most is not None and value > most:
            return f"{value:,} {key}, search.limits.{key} is {most:,}"
    return None


def build_record_provenance(seed: int, inputs: Inputs, digests: dict[str, str]) -> Provenance:
    """What a record says of its origin: versions, seed, digests of images and configuration."""
    return build_provenance(seed, images=load_images_digest(inputs.images), **digests)


def _evaluate(begin: Begin, **arguments: Any) -> Evaluation:
    # only the child imports torch, after the fork
    from tgas_neuro.search.candidate.evaluation import evaluate_candidate

    return evaluate_candidate(begin=begin, **arguments)


def list_batches(candidates: int, together: int) -> list[list[str]]:
    """Numbers of a generation's candidates, as in the names of their files, job by job."""
    numbers = [f"{number:02d}" for number in range(candidates)]
    return [numbers[first : first + together] for first in range(0, candidates, together)]


def import_once() -> None:
    """Load what candidates compute with, before children are forked, unless a worker has it.

    What cannot be imported is left to the child, which fails in the same way and says so.
    """
    if find_served() is None:
        with contextlib.suppress(Exception):
            load_torch()
