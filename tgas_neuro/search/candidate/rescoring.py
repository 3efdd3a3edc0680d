"""Rescoring: candidates whose weights were kept, compared with another teacher; nothing trains."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.runtime.devices import choose_device
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.scoring import score_network
from tgas_neuro.search.candidate.evaluation import set_up_torch
from tgas_neuro.teacher.teacher import Teacher, load_teacher

CHANNELS = 3  # of the images that candidates are trained on


class Rescorer:
    """Scores finished candidates of a run against a teacher, as `evaluate_candidate` does.

    Against the run's own teacher it gives exactly the TG of the records, on the same kind of
    processor and with the same versions.

    Parameters
    ----------
    teacher
        The teacher file.
    ranks
        Folder of the ranks of its RDMs.
    premature, scoring
        Those sections of the configuration (``premature``, ``search.scoring``) with which the
        candidates were trained and scored.

    Raises
    ------
    UserError
        The teacher or its ranks are missing, or its images have other channels than the
        candidates' networks.
    """

    def __init__(
        self, teacher: Path, ranks: Path, premature: Mapping[str, Any], scoring: Mapping[str, Any]
    ):
        set_up_torch(premature["threads"])
        self.premature, self.scoring, self.ranks = premature, scoring, ranks
        self.device = choose_device(premature["device"], "premature.device", claim=True)
        self.teacher = load_teacher(teacher, for_scoring=True)
        _check_channels(teacher, self.teacher)
        if not ranks.is_dir():
            raise UserError(
                f"{ranks}: the teacher's ranks are missing; make them with this teacher's "
                "configuration: snakemake --cores 2 teacher_ranks"
            )

    def score(self, record: Mapping[str, Any], weights: Path) -> dict[str, Any]:
        """Score one candidate.

        Parameters
        ----------
        record
            Of a candidate whose state is ``ok``.
        weights
            The state dict that its training kept.

        Returns
        -------
        score
            As ``teacher`` of a record (see `score_network`); its ``TG`` is None where no layer
            tells the stimuli of some region apart.
        """
        state = _load_weights(weights)
        network = self._build(record, state, weights)
        return score_network(
            network,
            network.layers(),
            self.teacher,
            self.ranks,
            self.device,
            record["provenance"]["seed"],
            **self.scoring,
        )

    def _build(
        self, record: Mapping[str, Any], state: Mapping[str, torch.Tensor], path: Path
    ) -> torch.nn.Module:
        """The candidate's network as its training left it."""
        try:
            skeleton = Skeleton(
                **self.premature["network"],
                n_classes=len(state["linear.bias"]),
                image_size=self.premature["image_size"],
            )
            network = build_network(read_genotype(record["genotype"]), skeleton, torch.Generator())
            network.load_state_dict(state)
        except (KeyError, RuntimeError):
            raise UserError(
                f"{path}: not the weights of candidate {record['id']}; delete the candidate's "
                "record and let the search train it again"
            ) from None
        return network.to(self.device, memory_format=torch.channels_last).eval()


def _load_weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what zipfile, pickle and its own reader raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"{path}: not readable as weights ({reason}); delete the candidate's record and let "
            "the search train it again"
        ) from None


def _check_channels(path: Path, teacher: Teacher) -> None:
    for name, region in teacher.regions.items():
        channels = region.sizes["rgb"]
        if channels != CHANNELS:
            raise UserError(
                f"{path}: images of region {name} have {channels} channels, the candidates' "
                f"networks take {CHANNELS}; make a teacher of colour images"
            )
