"""What determines a teacher besides its data: the sections ``recordings`` and ``teacher``."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tgas_neuro.runtime.errors import UserError

DOWNLOAD = "download"  # the word that asks for torchvision's own weights


@dataclass(frozen=True)
class Electrodes:
    """A network's layer seen as recordings see a region: few units, noisy, repeated.

    Attributes
    ----------
    units
        Units of the layer that are recorded, drawn at random.
    repetitions
        Presentations of every stimulus.
    mean_count
        Mean over units and stimuli of the spikes in one presentation.
    """

    units: int
    repetitions: int
    mean_count: float


@dataclass(frozen=True)
class NetworkOptions:
    """The keys of ``teacher.network``; see `workflow/schemas/config.schema.json`."""

    model: str
    layers: dict[str, str]
    weights: str | None = None
    size: int = 224
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    deviation: tuple[float, ...] = (0.229, 0.224, 0.225)
    electrodes: Electrodes | None = None
    batch_size: int = 32
    device: str = "auto"


@dataclass(frozen=True)
class ControlOptions:
    """The keys of ``teacher.control``."""

    type: str
    seed: int = 0


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
        network=_read_network(teacher["network"]),
        control=ControlOptions(**teacher["control"]) if teacher["control"] else None,
    )


def _read_network(section: dict[str, Any] | None) -> NetworkOptions | None:
    if section is None:
        return None
    electrodes = section["electrodes"]
    return replace(
        NetworkOptions(**section),
        mean=tuple(section["mean"]),
        deviation=tuple(section["deviation"]),
        electrodes=Electrodes(**electrodes) if electrodes else None,
    )


def find_weights(weights: str | None) -> Path | None:
    """The local file that ``teacher.network.weights`` names, or None."""
    return None if weights is None or weights == DOWNLOAD else Path(weights)
