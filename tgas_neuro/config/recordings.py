"""The section ``recordings``: which neural recordings, how sites are treated, what images show."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from tgas_neuro.config.section import Matching, Section, SectionError, Text, Unique, Window, key

RegionName = Annotated[str, Matching("^[A-Za-z0-9_]{1,50}$", "at most 50 letters, digits and _")]
Labels = Annotated[list[str | int], Field(min_length=1)]
# Images are less wide in experiments on macaques and humans; a larger number means pixels.
WIDEST_DEGREES = 60


class Pictures(Section):
    """What is shown of image files that can be shown in several ways."""

    alpha: (
        Annotated[str, Matching("^#[0-9A-Fa-f]{6}$", "a colour in quotes, such as '#808080'")]
        | None
    ) = key(
        None,
        "Colour behind transparent pixels, in quotes, such as '#808080'; without it, images with "
        "transparent pixels are refused.",
        decides=True,
    )
    frame: int | None = key(
        None,
        "Frame that is shown of animated images and of files with several pages, from 0; without "
        "it, they are refused.",
        decides=True,
        ge=0,
    )
    range: Annotated[list[float], Field(min_length=2, max_length=2)] | None = key(
        None,
        "Values that are shown black and white, such as [0, 1]; needed for images of floating-"
        "point numbers, of whole numbers with more than 16 bits, and of the numbers 0 and 1.",
        decides=True,
    )

    def list_unused(self) -> set[str]:
        """Keys that are not given; an older configuration has the digest that it had."""
        return {name for name in ("alpha", "frame", "range") if getattr(self, name) is None}

    @model_validator(mode="after")
    def _check_range(self) -> "Pictures":
        if self.range is not None and not self.range[0] < self.range[1]:
            raise SectionError("range", f"{self.range}; black must be below white")
        return self


class Selection(Section):
    """What is taken of the data sets of a region; null takes everything."""

    variation: Labels | None = key(
        None, "Variation levels of the stimuli, for example [V3].", decides=True
    )
    animal: Labels | None = key(None, "Animals.", decides=True)
    array: Labels | None = key(None, "Electrode arrays.", decides=True)
    window_ms: Window | None = key(
        None,
        "Start and stop of the time window after the onset of the stimulus, instead of the "
        "description's; for data sets with time bins or spike times.",
        decides=True,
        unit="ms",
    )

    def get_labels(self) -> dict[str, list[str | int]]:
        """The labels that are selected: ``variation``, ``animal`` and ``array`` to values."""
        labels = {"variation": self.variation, "animal": self.animal, "array": self.array}
        return {name: values for name, values in labels.items() if values is not None}


class SiteSample(Section):
    """A part of the recordings, drawn at random, as though no more had been recorded.

    More sites or repetitions of the same draw hold those of fewer.
    """

    neuroids: int | None = key(None, "Sites; null takes all.", decides=True, ge=2)
    repetitions: int | None = key(
        None, "Presentations of every stimulus; null takes all.", decides=True, ge=1
    )
    draw: int = key(0, "Which of the random draws.", decides=True, ge=0)

    @model_validator(mode="after")
    def _check_given(self) -> "SiteSample":
        if self.neuroids is None and self.repetitions is None:
            raise SectionError(
                "", "neither neuroids nor repetitions; name one of them, or remove the section"
            )
        return self


class RegionSource(Section):
    """Where a region comes from."""

    datasets: Annotated[list[str], Field(min_length=1), Unique()] = key(
        ...,
        "Names of data sets, neural_data/<name>.yaml; the sites of several are pooled on the "
        "images that all share.",
        decides=True,
    )
    select: Selection = key(
        Selection,
        "Take only these stimuli and sites, or the responses of this window.",
        decides=True,
    )
    join: Literal["sites", "stimuli"] = key(
        "sites",
        "What several data sets have of their own. sites: their sites are pooled on the images "
        "that all share. stimuli: sessions of the same sites, whose presentations are joined.",
        decides=True,
    )
    match: Text = key(
        "neuroid_id",
        "Label of sites by which they are the same, for join: stimuli and for ceiling_from.",
        decides=True,
    )
    unmatched: Literal["refuse", "leave_out"] = key(
        "refuse",
        "Sites that are not in all data sets, for join: stimuli: refuse, or leave_out and say how "
        "many.",
        decides=True,
    )
    ceiling_from: Annotated[list[str], Unique()] = key(
        [],
        "Data sets with repeated presentations of the same sites, which give the reliability of "
        "the sites and the noise ceiling, for as many presentations as datasets has.",
        decides=True,
    )
    degrees: float | None = key(
        None,
        "Width at which a candidate sees the images, instead of that of the data sets.",
        decides=True,
        unit="deg",
        gt=0,
        le=WIDEST_DEGREES,
    )

    sample: SiteSample | None = key(
        None,
        "Take a random part of the sites and of the presentations; null takes all.",
        decides=True,
    )

    def list_unused(self) -> set[str]:
        """Keys that are not given; an older configuration has the digest that it had."""
        unused = {
            name
            for name in ("join", "ceiling_from", "degrees", "sample")
            if getattr(self, name) == type(self).model_fields[name].default
        }
        if self.join == "sites":
            unused |= {"unmatched"} | ({"match"} if not self.ceiling_from else set())
        return unused

    @model_validator(mode="after")
    def _check_sample(self) -> "RegionSource":
        if self.ceiling_from and self.sample is not None and self.sample.repetitions is not None:
            raise SectionError(
                "sample.repetitions",
                f"{self.sample.repetitions}, but ceiling_from takes the noise ceiling from other "
                "presentations; remove one of them",
            )
        return self


@dataclass(frozen=True)
class Droppable:
    """Annotation of a mapping whose values may be null in the file (see `Configuration`)."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        found = handler(schema)
        ((pattern, values),) = found.pop("patternProperties").items()
        return {
            **found,
            "propertyNames": {"pattern": pattern},
            "additionalProperties": {"anyOf": [values, {"type": "null"}]},
        }


class Recordings(Section):
    """Which neural recordings, and how sites are treated."""

    regions: Annotated[dict[RegionName, RegionSource], Field(min_length=1), Droppable()] = key(
        ...,
        "Region of the ventral stream, as the recordings name it, to where it comes from; null "
        "drops a region that another configuration file names.",
        decides=True,
    )
    mirror: str | None = key(
        None,
        "Folder with <data set>/<file> that is searched before the internet, or null.",
        decides=False,
    )
    min_site_reliability: float = key(
        0.2,
        "Sites with a lower split-half reliability (Spearman-Brown) are left out.",
        decides=True,
        ge=-1,
        le=1,
    )
    normalise: Literal["zscore", "none"] = key(
        "zscore",
        "zscore: every site over stimuli, so that no site dominates the RDM; none: as recorded.",
        decides=True,
    )
