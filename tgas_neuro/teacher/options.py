"""What determines a teacher: its regions, the sections ``recordings`` and ``teacher``."""

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tgas_neuro.config.recordings import SiteSample
from tgas_neuro.config.teacher import DOWNLOAD, OF_RESPONSES, ControlOptions, NetworkOptions
from tgas_neuro.runtime.errors import UserError


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


def find_module(model: str) -> Path | None:
    """The Python file of a network ``package.module:function``; None of torchvision's.

    None as well if there is no such file: building the teacher says what is wrong.
    """
    module, _, function = model.partition(":")
    try:
        spec = importlib.util.find_spec(module) if function else None  # imports its packages only
    except Exception:  # absent, or whatever a package of the user's raises
        return None
    path = Path(spec.origin) if spec and spec.origin else None
    return path if path is not None and path.is_file() else None


JOINING = ("join", "match", "unmatched", "degrees")
READ_BEFORE = "window_ms"  # of ``select``: a data set is read in that window, not cut afterwards


@dataclass(frozen=True)
class Source:
    """Where a region comes from.

    Attributes
    ----------
    folders
        Data set to what the recordings stage wrote of it, ``results/recordings/<dataset>``. Of
        several, the sites are pooled on the stimuli that all share.
    select
        What is taken of them: ``variation``, ``animal`` and ``array`` to values.
    join
        ``sites``: sites of several data sets side by side, on the stimuli that all share.
        ``stimuli``: the same sites in all, whose presentations are joined.
    match, unmatched
        The coordinate by which sites are the same, and whether others are refused or left out.
    ceilings
        Data set to its folder, of those whose repetitions give the noise ceiling.
    degrees
        Width at which a candidate sees the stimuli [deg]; None: as the data sets say.
    sample
        A random part of the sites and presentations; None: all.
    """

    folders: Mapping[str, Path]
    select: Mapping[str, list] = field(default_factory=dict)
    join: str = "sites"
    match: str = "neuroid_id"
    unmatched: str = "refuse"
    ceilings: Mapping[str, Path] = field(default_factory=dict)
    degrees: float | None = None
    sample: SiteSample | None = None

    @property
    def dataset(self) -> str:
        """Names of the data sets, in one text."""
        return ", ".join(self.folders)

    @property
    def first(self) -> Path:
        """Folder of the first data set, whose names, order and metadata the stimuli have."""
        return next(iter(self.folders.values()))


def read_sources(
    recordings: Mapping[str, Any],
    datasets: Mapping[str, Sequence[str]],
    folder: str | Path = "results/recordings",
) -> dict[str, Source]:
    """The source of each region.

    Parameters
    ----------
    recordings
        The section of that name of a checked configuration.
    datasets
        Region to the folders of its data sets, from `tgas_neuro.plan.plan.Plan`.
    folder
        Where the recordings stage writes.
    """
    sources = {}
    for region, names in datasets.items():
        section = recordings["regions"][region]
        # folders are <data set>, <data set>+<file> for one of many, and perhaps @<window> after it
        pooled = [name for name in names if re.split("[+@]", name)[0] in section["datasets"]]
        sample = section.get("sample")
        sources[region] = Source(
            {name: Path(folder, name) for name in pooled},
            {
                key: values
                for key, values in section["select"].items()
                if key != READ_BEFORE and values is not None
            },
            ceilings={name: Path(folder, name) for name in names if name not in pooled},
            sample=None if sample is None else SiteSample(**sample),
            **{key: section[key] for key in JOINING if key in section},
        )
    return sources


def refuse_published(region: str, source: Source, dataset: str, options: TeacherOptions) -> None:
    """Raise `UserError` when a teacher asks more of a published RDM than it can tell.

    Of some data sets only an RDM was published, no responses: it cannot be averaged to objects,
    made with another distance, made anew from altered responses, nor pooled with the sites of
    other data sets.

    Parameters
    ----------
    region, source
        A region and where it comes from.
    dataset
        The data set of it that has no responses.
    options
        What the teacher asks for.
    """
    name = f"of {dataset} (region {region}) only an RDM was published"
    if len(source.folders) > 1:
        raise UserError(
            f"recordings.regions.{region}.datasets: {name}, which cannot be pooled with the sites "
            f"of others ({source.dataset}); make it a region of its own"
        )
    control = options.control.type if options.control else None
    needs = {
        "level": (options.level, options.level != "image", "level: image"),
        "distance": (options.distance, options.distance != "correlation", "distance: correlation"),
        "comparison": (
            options.comparison,
            options.comparison in OF_RESPONSES,
            "comparison: spearman",
        ),
        "control.type": (control, control == "matched", "type: shuffled"),
    }
    for key, (value, needed, way_out) in needs.items():
        if needed:
            raise UserError(
                f"teacher.{key}: {value!r} needs responses, but {name}; use {way_out}, or a data "
                "set with responses"
            )
    for key, given, what in (
        ("select", source.select, "selected"),
        ("sample", source.sample, "drawn"),
    ):
        if given:
            raise UserError(
                f"recordings.regions.{region}.{key}: {name}, so nothing can be {what}; remove the "
                "key"
            )
