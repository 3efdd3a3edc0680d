"""The whole of config.yaml: its sections, and the checks across them."""

from typing import Any

from pydantic import model_validator

from tgas_neuro.config.final import Final
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.recordings import Recordings
from tgas_neuro.config.search import Search
from tgas_neuro.config.section import Section, SectionError, key
from tgas_neuro.config.teacher import TeacherOptions


class Configuration(Section):
    """The science of one run; no threads of rules, no resources, no output folders."""

    recordings: Recordings = key(
        ..., "Which neural recordings, and how sites are treated.", decides=True
    )
    teacher: TeacherOptions = key(..., "What guides the search.", decides=True)
    search: Search = key(
        ..., "Which architectures are proposed, and how they are ranked.", decides=True
    )
    premature: Premature = key(
        ..., "The short training of a candidate, on the training split alone.", decides=True
    )
    final: Final = key(..., "The terminal rule, the winner at full size.", decides=True)

    @model_validator(mode="before")
    @classmethod
    def _drop_regions(cls, values: Any) -> Any:
        """Drop regions that are null, also where the teacher names them.

        Snakemake merges configuration files key by key: null is the only way to drop a region of
        the file below.
        """
        regions = _get(values, "recordings", "regions")
        if not isinstance(regions, dict) or None not in regions.values():
            return values
        dropped = {name for name, source in regions.items() if source is None}
        kept = {name: source for name, source in regions.items() if name not in dropped}
        if not kept:
            raise SectionError(
                "recordings.regions",
                f"{', '.join(map(str, regions))}: null; every region is dropped, name the data "
                "sets of at least one",
            )
        values = {**values, "recordings": {**values["recordings"], "regions": kept}}
        teacher = values.get("teacher")
        if isinstance(teacher, dict):
            values["teacher"] = _drop_named(teacher, dropped)
        return values

    @model_validator(mode="after")
    def _check_regions(self) -> "Configuration":
        regions = list(self.recordings.regions)
        there = f"is not a region of recordings.regions; there are: {', '.join(regions)}"
        for position, region in enumerate(self.teacher.uncorrected):
            if region not in regions:
                raise SectionError(f"teacher.uncorrected[{position}]", f"{region!r} {there}")
        layers = self.teacher.network.layers if self.teacher.network else None
        if layers is None:
            return self
        for region in layers:
            if region not in regions:
                raise SectionError("teacher.network.layers", f"{region!r} {there}")
        for region in regions:
            if region not in layers:
                raise SectionError(
                    "teacher.network.layers",
                    f"region {region} has no layer; name one, as in {{{region}: layer4}}",
                )
        return self

    @model_validator(mode="after")
    def _check_sizes(self) -> "Configuration":
        """The stages and the imagenet stem must not use up the resolution."""
        for stage, size_key, size in (
            ("premature", "premature.image_size", self.premature.image_size),
            ("premature", "teacher.stimuli.size", self.teacher.stimuli.size),
            ("final", "final.image_size", self.final.image_size),
        ):
            network = self.premature.network if stage == "premature" else self.final.network
            halvings = network.count_halvings()
            if size < 2**halvings:
                raise SectionError(
                    size_key,
                    f"{size} pixels are halved {halvings} times by {stage}.network; at least "
                    f"{2**halvings} are needed: raise it or lower stages",
                )
        return self


def _get(values: Any, *names: str) -> Any:
    for name in names:
        values = values.get(name) if isinstance(values, dict) else None
    return values


def _drop_named(teacher: dict[str, Any], dropped: set[str]) -> dict[str, Any]:
    """Copy of the section ``teacher`` that does not name the dropped regions."""
    teacher = dict(teacher)
    if isinstance(teacher.get("uncorrected"), list):
        teacher["uncorrected"] = [name for name in teacher["uncorrected"] if name not in dropped]
    layers = _get(teacher, "network", "layers")
    if isinstance(layers, dict):
        left = {name: layer for name, layer in layers.items() if name not in dropped}
        teacher["network"] = {**teacher["network"], "layers": left}
    return teacher
