"""What determines a teacher besides its data: the sections ``recordings`` and ``teacher``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.config.teacher import ControlOptions, NetworkOptions
from tgas_neuro.runtime.errors import UserError

DOWNLOAD = "download"  # the word that asks for torchvision's own weights


@dataclass(frozen=True)
class TeacherOptions:
    """What determines a teacher besides its data: the keys of config.yaml of these names."""

    level: str
    splits: int
    uncorrected: tuple[str, ...]
    size: int
    visual_degrees: float
    min_site_reliability: float
    normalise: str
    threads: int
    seed: int
    kind: str = "recordings"
    distance: str = "correlation"
    comparison: str = "spearman"
    network: NetworkOptions | None = None
    control: ControlOptions | None = None

    @property
    def shows_stimuli_only(self) -> bool:
        """Whether of the data sets only the stimuli are used, not what was recorded."""
        of_stimuli = self.control and self.control.type in ("pixels", "random_network")
        return self.kind == "network" or bool(of_stimuli)

    def get_network(self) -> NetworkOptions:
        """The section ``teacher.network``, for the kinds that need it."""
        if self.network is None:
            raise UserError("teacher.network: is missing; name its model and layers")
        return self.network

    def get_control(self) -> ControlOptions:
        """The section ``teacher.control``, for kind control."""
        if self.control is None:
            raise UserError("teacher.control: is missing; for example {type: shuffled}")
        return self.control


def read_options(config: dict[str, Any], seed: int) -> TeacherOptions:
    """The options that the sections ``recordings`` and ``teacher`` of a configuration name."""
    recordings, teacher = config["recordings"], config["teacher"]
    return TeacherOptions(
        **{
            key: teacher[key]
            for key in ("level", "splits", "threads", "kind", "distance", "comparison")
        },
        uncorrected=tuple(teacher["uncorrected"]),
        **teacher["stimuli"],
        min_site_reliability=recordings["min_site_reliability"],
        normalise=recordings["normalise"],
        seed=seed,
        network=NetworkOptions(**teacher["network"]) if teacher["network"] else None,
        control=ControlOptions(**teacher["control"]) if teacher["control"] else None,
    )


def find_weights(weights: str | None) -> Path | None:
    """The local file that ``teacher.network.weights`` names, or None."""
    return None if weights is None or weights == DOWNLOAD else Path(weights)
