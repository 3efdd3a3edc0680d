"""The evaluation of one candidate, in its own process: build, train a little, record, score."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.images.decoded import load_decoded
from tgas_neuro.runtime.devices import choose_device, keep_freed_memory, measure_peak_memory
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.runtime.seeds import derive_generator, derive_seed
from tgas_neuro.scoring.scoring import score_network
from tgas_neuro.search.candidate.child import DivergedError
from tgas_neuro.search.candidate.ladder import Ladder
from tgas_neuro.search.candidate.training import draw_held_back, measure_accuracy, train_candidate
from tgas_neuro.teacher.teacher import load_teacher


def evaluate_candidate(
    genotype: dict[str, Any],
    skeleton: dict[str, Any],
    images: str,
    teacher: str,
    ranks: str,
    settings: dict[str, Any],
    scoring: dict[str, Any],
    seed: int,
    weights: str | None = None,
    untrained: bool = True,
    early_stop: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Train a candidate a little and compare it with the teacher.

    Parameters
    ----------
    genotype, skeleton
        JSON content of the architecture, and the fields of its `Skeleton`.
    images
        Folder of the decoded training split.
    teacher
        Path of the teacher file.
    ranks
        Folder of the ranks of its RDMs.
    settings
        The section ``premature`` of the configuration.
    scoring
        ``search.scoring``: how layers are recorded and compared (see `score_network`).
    seed
        The run's seed. What is drawn for a candidate follows from it and the canonical hash, never
        from its place in the search; the held-back images follow from the seed alone.
    weights
        Where the trained weights are kept, or None.
    untrained
        Score the network before its training as well; that changes nothing in what follows.
    early_stop
        ``rungs`` (see `tgas_neuro.search.rungs.list_thresholds`), ``rating`` and ``complexity``;
        None trains to the end.

    Returns
    -------
    evaluation
        JSON content: ``premature``, ``teacher`` (None when it was stopped early),
        ``teacher_untrained``, ``rungs`` and ``cost`` of the candidate record.

    Raises
    ------
    DivergedError
        The training left the finite numbers, or no layer tells the stimuli apart.
    """
    set_up_torch(settings["threads"])
    device = choose_device(settings["device"], "premature.device", claim=True)
    architecture = read_genotype(genotype)
    network = build_network(
        architecture,
        Skeleton(**skeleton),
        torch.Generator().manual_seed(derive_seed(seed, "weights", architecture.hash)),
    ).to(device, memory_format=torch.channels_last)
    pixels, labels, _ = load_decoded(images)
    held_back = draw_held_back(labels, settings["held_back"], derive_generator(seed, "held back"))
    found = load_teacher(teacher, for_scoring=True)

    def score() -> dict[str, Any]:
        return score_network(network, network.layers(), found, Path(ranks), device, seed, **scoring)

    def measure() -> float:
        return measure_accuracy(network, pixels, labels, np.flatnonzero(held_back), device)[0]

    network.eval()
    before = score() if untrained else None
    ladder = Ladder(early_stop, before, measure, lambda: _refuse_dead(score()))
    premature = train_candidate(
        network,
        pixels,
        labels,
        held_back,
        settings,
        derive_generator(seed, "training", architecture.hash),
        device,
        ladder.epochs,
        ladder.go_on,
    )
    if weights is not None:
        with written_whole(weights) as beside:
            torch.save(network.state_dict(), beside)
    result = asdict(premature)
    images_seen = result.pop("images_seen")
    return {
        "premature": result | {"epochs": settings["epochs"]},
        "teacher": _refuse_dead(score()) if premature.stopped_at is None else None,
        "teacher_untrained": before,
        "rungs": ladder.reached,
        "cost": {
            "images_seen": images_seen,
            "device": str(device),
            "peak_memory_mb": round(measure_peak_memory(device), 1),
        },
    }


def set_up_torch(threads: int) -> None:
    """What numbers and speed of a candidate depend on in this process, before torch computes."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    # use_deterministic_algorithms(True, warn_only=True), which would load sympy first: a second
    torch.set_deterministic_debug_mode("warn")
    # it would also overwrite all fresh memory, to show reads of it: twice the time
    torch.utils.deterministic.fill_uninitialized_memory = False


def _refuse_dead(score: dict[str, Any]) -> dict[str, Any]:
    """The score of a trained network; `DivergedError` when TG has no value."""
    if None in score["TG"].values():
        lost = next(name for name, region in score["regions"].items() if region["paper"] is None)
        raise DivergedError(f"no layer tells all stimuli of region {lost} apart")
    return score
