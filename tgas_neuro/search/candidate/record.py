"""The candidate record: how one candidate ended, what it reached, and what that cost.

Imports no torch: the process that writes the record only watches over the one that trains.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.complexity import calc_complexity
from tgas_neuro.architecture.costs import Complexity
from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import build_space
from tgas_neuro.images.decoded import load_classes, load_images_digest
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.provenance import build_provenance, get_time
from tgas_neuro.search.candidate.child import Outcome, run_in_child
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import is_member
from tgas_neuro.search.rungs import describe_stop

MEASURED = ("premature", "teacher", "teacher_untrained", "rungs")
EMPTY = {"cost": {"images_seen": 0}, "rungs": []} | dict.fromkeys(MEASURED[:3])


def make_record(
    proposal: dict[str, Any],
    config: dict[str, Any],
    images: Path,
    teacher: Path,
    ranks: Path,
    weights: Path | None,
    digests: dict[str, str],
) -> dict[str, Any]:
    """Evaluate one proposal and record how it ended; every failure is a result.

    Parameters
    ----------
    proposal
        ``id``, ``genotype``, ``hash``, ``original``, ``rungs`` (see `find_proposal`).
    config
        The whole configuration.
    images
        Folder of the decoded training split.
    teacher
        The teacher file.
    ranks
        The ranks of its RDMs.
    weights
        Where trained weights are kept, or None.
    digests
        Digests of the configuration, for provenance.

    Returns
    -------
    record
        JSON content; its key ``state`` is one of ``ok``, ``diverged``, ``oversized``,
        ``out_of_memory``, ``timeout``, ``stopped`` (at a rung), ``duplicate``, ``crashed``. It
        holds P and TG, never the reward. Only ``cost`` and ``dates`` may differ between two runs.

    Raises
    ------
    UserError
        A file or the configuration is wrong, which is not the candidate's fault.
    """
    started = get_time()
    genotype = read_genotype(proposal["genotype"])
    premature, search = config["premature"], config["search"]
    limits = search["limits"]
    skeleton = Skeleton(
        **premature["network"],
        n_classes=len(load_classes(images)),
        image_size=premature["image_size"],
    )
    complexity = calc_complexity(genotype, skeleton)
    outcome = _decide_without_training(proposal, complexity, limits) or run_in_child(
        _evaluate,
        {
            "genotype": genotype.to_json(),
            "skeleton": asdict(skeleton),
            "images": str(images),
            "teacher": str(teacher),
            "ranks": str(ranks),
            "settings": premature,
            "scoring": search["scoring"],
            "seed": search["seed"],
            "weights": str(weights) if weights else None,
            "untrained": search["untrained"],
            "early_stop": {
                "rungs": proposal["rungs"],
                "rating": Rating.read(search).to_json(),
                "complexity": asdict(complexity),
            },
        },
        memory_mb=limits["memory_mb"],
        seconds=limits["seconds"],
    )
    evaluation = outcome.value or EMPTY
    stopped = evaluation["premature"] and evaluation["premature"]["stopped_at"] is not None
    return {
        "id": proposal["id"],
        "genotype": genotype.to_json(),
        "hash": proposal["hash"],
        "complete": is_member(build_space(search), genotype),
        "state": "stopped" if stopped else outcome.state,
        "message": describe_stop(evaluation["rungs"]) if stopped else outcome.message,
        "original": proposal["original"],
        "guidance": search["guidance"],
        **{key: evaluation[key] for key in MEASURED},
        "complexity": asdict(complexity),
        "provenance": build_provenance(
            search["seed"], images=load_images_digest(images), **digests
        ),
        "cost": {
            "seconds": round(outcome.seconds, 3),
            "peak_memory_mb": round(outcome.peak_memory_mb, 1),
            "attempts": outcome.attempts,
            **evaluation["cost"],
        },
        "dates": {"started": started, "finished": get_time()},
    }


def _decide_without_training(
    proposal: dict[str, Any], complexity: Complexity, limits: dict[str, Any]
) -> Outcome | None:
    """The outcome of a duplicate or an oversized candidate; None for one that is to be trained."""
    if proposal["original"] is not None:
        message = f"the same network as {proposal['original']}, whose record is reused"
        return Outcome("duplicate", None, message, 0, 0.0, 0.0)
    for key, value in asdict(complexity).items():
        if limits[key] is not None and value > limits[key]:
            message = f"{value:,} {key}, search.limits.{key} is {limits[key]:,}"
            return Outcome("oversized", None, message, 0, 0.0, 0.0)
    return None


def _evaluate(**arguments: Any) -> dict[str, Any]:
    # torch is imported in the child alone, after the fork
    from tgas_neuro.search.candidate.evaluation import evaluate_candidate

    return evaluate_candidate(**arguments)


def find_proposal(proposals: dict[str, Any], identifier: str) -> dict[str, Any]:
    """The proposal of one candidate in the content of a proposals file, with the file's rungs."""
    for proposal in proposals["proposals"]:
        if proposal["id"] == identifier:
            return proposal | {"rungs": proposals["rungs"]}
    there = ", ".join(proposal["id"] for proposal in proposals["proposals"])
    raise UserError(f"candidate {identifier!r} is not among the proposals; there are: {there}")
