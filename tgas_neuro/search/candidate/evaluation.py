"""The evaluation of one candidate, in its own process: build, train a little, record, score."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import nn

from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Scoring
from tgas_neuro.images.decoded import load_decoded
from tgas_neuro.runtime.devices import (
    choose_device,
    keep_freed_memory,
    measure_peak_memory,
    return_freed_memory,
)
from tgas_neuro.runtime.files import written_whole
from tgas_neuro.runtime.provenance import derive_generator, derive_seed
from tgas_neuro.scoring.layers import Score
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.search.candidate import EarlyStop, Inputs
from tgas_neuro.search.candidate.child import Begin, DivergedError
from tgas_neuro.search.candidate.probe import is_probed, train_probe
from tgas_neuro.search.candidate.training import (
    draw_held_back,
    measure_accuracy,
    train_candidate,
)
from tgas_neuro.search.guidance import TRAINED_GUIDANCES
from tgas_neuro.search.measures import build_measures, list_guidance
from tgas_neuro.search.records import Evaluation, ReachedRung
from tgas_neuro.teacher.teacher import load_teacher


def evaluate_candidate(
    genotype: Genotype,
    skeleton: Skeleton,
    inputs: Inputs,
    premature: Premature,
    scoring: Scoring,
    seed: int,
    weights: Path | None = None,
    untrained: bool = True,
    early_stop: EarlyStop | None = None,
    begin: Begin = lambda threads: None,
) -> Evaluation:
    """Train a candidate a little and compare it with the teacher.

    Parameters
    ----------
    genotype, skeleton
        The architecture and the size of its network.
    inputs
        Images, teacher and ranks.
    premature
        That section of the configuration.
    scoring
        ``search.scoring``: how layers are recorded and compared (see `score_network`).
    seed
        The run's seed. Random choices for a candidate depend on it and the canonical hash, never
        on its place in the search; the held-back images depend on the seed alone.
    weights
        Where the trained weights are kept, or None.
    untrained
        Score the network before its training as well, which changes nothing afterwards.
    early_stop
        When the training ends early; None trains to the end.
    begin
        Called when the inputs are open and torch and the device are ready, before anything of the
        candidate is built; with the number of threads that compute, or None for a GPU.

    Returns
    -------
    evaluation
        Its ``teacher`` is None when the training was stopped early. A probe (``premature.probes``)
        is trained on at last, and its ``cost`` includes that.

    Raises
    ------
    DivergedError
        A number of the training is not finite, or no layer tells the stimuli apart.
    """
    set_up_torch(premature.threads)
    device = choose_device(premature.device, "premature.device", claim=True)
    torch.empty(1, device=device)  # a GPU that is lost or taken by others shows here
    pixels, labels, _ = load_decoded(inputs.images)
    held_back = draw_held_back(labels, premature.held_back, derive_generator(seed, "held back"))
    teacher = load_teacher(inputs.teacher, for_scoring=True)
    begin(premature.threads if device.type == "cpu" else None)
    network = build_network(
        genotype,
        skeleton,
        torch.Generator().manual_seed(derive_seed(seed, "weights", genotype.hash)),
    )
    move_to(network, device)

    def score() -> Score:
        return score_network(
            network,
            network.layers(),
            teacher,
            inputs.ranks,
            device,
            seed,
            **scoring.model_dump(),
        )

    def measure() -> float:
        return measure_accuracy(network, pixels, labels, np.flatnonzero(held_back), device)[0]

    network.eval()
    before = score() if untrained else None
    ladder = Ladder(early_stop, premature.epochs, before, measure, lambda: _refuse_dead(score()))
    began = measure_time(device, premature.threads)
    result = train_candidate(
        network,
        pixels,
        labels,
        held_back,
        premature,
        derive_generator(seed, "training", genotype.hash),
        device,
        list(ladder.rungs),
        ladder.go_on,
    )
    training_seconds = measure_time(device, premature.threads) - began
    return_freed_memory()
    if weights is not None:
        content = io.BytesIO()  # a full disk is then an OSError, not one of torch's
        torch.save(network.state_dict(), content)
        with written_whole(weights) as beside:
            beside.write_bytes(content.getvalue())
    evaluation: Evaluation = {
        "premature": {
            "accuracy": result.accuracy,
            "loss": result.loss,
            "n_train": result.n_train,
            "n_held_back": result.n_held_back,
            "stopped_at": result.stopped_at,
            "epochs": premature.epochs,
        },
        "teacher": _refuse_dead(score()) if result.stopped_at is None else None,
        "teacher_untrained": before,
        "rungs": ladder.reached,
        "cost": {
            "images_seen": result.images_seen,
            "training_seconds": round(training_seconds, 3),
            "device": str(device),
        },
    }
    if premature.probes is not None and result.stopped_at is None:
        evaluation["probe"] = None
        if is_probed(premature.probes, seed, genotype.hash):
            generator = derive_generator(seed, "probe", genotype.hash)
            evaluation["probe"], seen = train_probe(
                network, pixels, labels, held_back, premature, generator, device
            )
            evaluation["cost"]["images_seen"] += seen
    evaluation["cost"]["peak_memory_mb"] = round(measure_peak_memory(device), 1)
    return evaluation


class Ladder:
    """Measures a candidate at its rungs, by the guidance of the run.

    Parameters
    ----------
    early_stop
        None is no rungs at all.
    epochs
        Of the whole training.
    untrained
        Score of the network before its training, or None.
    measure, score
        Give P and the score of the network at the moment.

    Attributes
    ----------
    rungs
        Epoch of each rung to its threshold, ascending.
    reached
        The rungs that were reached.
    """

    def __init__(
        self,
        early_stop: EarlyStop | None,
        epochs: float,
        untrained: Score | None,
        measure: Callable[[], float],
        score: Callable[[], Score],
    ):
        self.early_stop, self.epochs, self.untrained = early_stop, epochs, untrained
        self.rungs = {rung["epoch"]: rung for rung in early_stop.rungs} if early_stop else {}
        self.measure, self.score = measure, score
        self.reached: list[ReachedRung] = []

    def go_on(self, epoch: float) -> bool:
        """Whether the candidate reaches the threshold of this rung."""
        if self.early_stop is None:
            return True
        rating, rung = self.early_stop.rating, self.rungs[epoch]
        P = self.measure()
        TG = list_guidance(self.score()) if rating.guidance in TRAINED_GUIDANCES else None
        measures = build_measures(self.early_stop.size, self.untrained, P, TG, rating)
        value = rating.rate(measures, rung.get("standardisation"), epoch / self.epochs)
        self.reached.append(
            {
                "epoch": epoch,
                "P": P,
                "TG": TG,
                "value": value,
                "threshold": rung["threshold"],
                "of": rung["of"],
            }
        )
        return rung["threshold"] is None or (value is not None and value >= rung["threshold"])


def measure_time(device: torch.device, threads: int) -> float:
    """Time that has been computed [s]: on the CPU its own, so that waiting does not count."""
    return time.monotonic() if device.type != "cpu" else time.process_time() / threads


def set_up_torch(threads: int) -> None:
    """Set what the numbers and the speed of candidates depend on, before torch computes."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    # use_deterministic_algorithms(True, warn_only=True) would load sympy, which takes a second
    torch.set_deterministic_debug_mode("warn")
    # fresh memory need not be overwritten to show reads of it, which takes twice the time; mypy
    # does not see the property, as torch replaces the module's class
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def move_to(network: nn.Module, device: torch.device) -> None:
    """Move a network to a device, channels last."""
    network.to(device).to(memory_format=torch.channels_last)


def _refuse_dead(score: Score) -> Score:
    """The score of a trained network; `DivergedError` when TG has no value."""
    if None in score["TG"].values():
        lost = next(name for name, region in score["regions"].items() if region["paper"] is None)
        raise DivergedError(f"no layer tells all stimuli of region {lost} apart")
    return score
