"""The evaluation of one candidate, in its own process: build, train a little, record, score."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.candidate.child import DivergedError
from tgas_neuro.candidate.scoring import score_network
from tgas_neuro.candidate.training import draw_held_back, train_candidate
from tgas_neuro.classification.decoded import load_decoded
from tgas_neuro.devices import choose_device, keep_freed_memory, measure_peak_memory
from tgas_neuro.files import written_whole
from tgas_neuro.seeds import derive_generator, derive_seed
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

    Returns
    -------
    evaluation
        JSON content: ``premature``, ``teacher`` and ``cost`` of the candidate record.

    Raises
    ------
    DivergedError
        The training left the finite numbers, or no layer tells the stimuli apart.
    """
    keep_freed_memory()
    torch.set_num_threads(settings["threads"])
    torch.use_deterministic_algorithms(True, warn_only=True)
    # it would also overwrite all fresh memory, to show reads of it: twice the time
    torch.utils.deterministic.fill_uninitialized_memory = False
    device = choose_device(settings["device"], "premature.device")
    architecture = read_genotype(genotype)
    network = build_network(
        architecture,
        Skeleton(**skeleton),
        torch.Generator().manual_seed(derive_seed(seed, "weights", architecture.hash)),
    )
    pixels, labels, _ = load_decoded(images)
    premature = train_candidate(
        network,
        pixels,
        labels,
        draw_held_back(labels, settings["held_back"], derive_generator(seed, "held back")),
        settings,
        derive_generator(seed, "training", architecture.hash),
        device,
    )
    if weights is not None:
        with written_whole(weights) as beside:
            torch.save(network.state_dict(), beside)
    result = asdict(premature)
    images_seen = result.pop("images_seen")
    score = score_network(
        network,
        network.layers(),
        load_teacher(teacher, for_scoring=True),
        Path(ranks),
        device,
        seed,
        **scoring,
    )
    if None in score["TG"].values():
        lost = next(name for name, region in score["regions"].items() if region["plain"] is None)
        raise DivergedError(f"no layer tells all stimuli of region {lost} apart")
    return {
        "premature": result | {"epochs": settings["epochs"]},
        "teacher": score,
        "cost": {
            "images_seen": images_seen,
            "device": str(device),
            "peak_memory_mb": round(measure_peak_memory(device), 1),
        },
    }
