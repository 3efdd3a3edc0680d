"""Compare the trained final network with the teacher, layer by layer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.evaluation.trained import load_trained_network
from tgas_neuro.runtime.devices import computing_with
from tgas_neuro.scoring.layers import Score
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.teacher import load_teacher, resize_stimuli


class FinalGuidance(Score):
    """``teacher_guidance.json``: as ``teacher`` of a candidate's record, layers by module names.

    TG is None if a region has no layer that distinguishes all stimuli. `image_size` is the size
    at which the stimuli were shown [px].
    """

    image_size: int


def measure_teacher_guidance(
    genotype: Mapping[str, Any],
    skeleton: Skeleton,
    weights: Path,
    teacher: Path,
    ranks: Path,
    sources: Mapping[str, Source],
    visual_degrees: float,
    computing: Mapping[str, Any],
    scoring: Mapping[str, Any],
    seed: int,
) -> FinalGuidance:
    """Compare every layer of the final network with every region, as the search does candidates.

    The stimuli are resized to the network's images. The network differs from the guided candidate
    in depth, width and resolution, so its layers and its TG do not follow from the candidate's.

    Parameters
    ----------
    genotype, skeleton, weights
        The winner, the size of the final network and its state dict.
    teacher, ranks
        The teacher file and the folder of the ranks of its RDMs.
    sources, visual_degrees
        See `resize_stimuli`.
    computing
        Keys of the section ``final``: ``device``, ``threads``, ``batch_size`` and ``micro_batch``.
        No more stimuli pass through the network at once than images in its training. Everything is
        computed in float32.
    scoring
        ``search.scoring``.
    seed
        The run's seed, for projections.

    Raises
    ------
    UserError
        Weights, teacher or stimuli are missing or do not belong together.
    """
    trained = load_trained_network(genotype, skeleton, weights, computing)
    size = skeleton.image_size
    shown = resize_stimuli(load_teacher(teacher, for_scoring=True), sources, size, visual_degrees)
    with computing_with(computing["threads"]):
        score = score_network(
            trained.network,
            trained.layers,
            shown,
            ranks,
            trained.device,
            seed,
            **scoring,
            batch_size=trained.batch_size,
        )
    return FinalGuidance(image_size=size, **score)
