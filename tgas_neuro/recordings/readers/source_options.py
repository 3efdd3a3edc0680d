"""Options of readers of files that name their own axes, and what all options share."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from tgas_neuro.config.section import Section, Text, Unique, Window, key

option = partial(key, decides=True)

Positive = Annotated[float, Field(gt=0)]
Names = Annotated[list[Text], Field(min_length=1)]
Level = Literal["V0", "V3", "V6"]
DEGREES = "Width of the images in degrees of visual angle."
FILE = "Name of one of the description's files; not needed where only one can be meant."
VARIABLE = "Variable of an .npz, .mat or .h5 file; fields and elements as in a.b[0].c."


class NetcdfOptions(Section):
    """Options of the reader ``netcdf``, and of all readers of assemblies."""

    window_ms: Window | None = option(
        None,
        "Start and stop of the time window after the onset of the stimulus. The time bins in it "
        "are averaged, or added where the unit is spikes. Not needed where there is one bin.",
        unit="ms",
    )
    unit: Text | None = option(
        None,
        "Unit of the responses where the source does not say it; spikes means counts, which are "
        "added over time bins and never negative.",
    )
    degrees: Positive | None = option(
        None, "Width of the images in degrees of visual angle, instead of the table's.", unit="deg"
    )
    repetition: Literal["given", "numbered"] | None = option(
        None,
        "given: the source numbers the presentations of a stimulus; numbered: they are counted in "
        "their order. Without it, given where the source has them, else numbered.",
    )
    neuroid_id: Names | None = option(
        None, "Labels of a site that, joined by '_', are its unique identifier."
    )
    missing: Literal["refuse", "drop_sites", "drop_presentations"] = option(
        "refuse",
        "What to do with missing responses (NaN) other than whole presentations: refuse, or leave "
        "out the sites or the presentations that have any.",
    )


class BrainioOptions(NetcdfOptions):
    """Options of the reader ``brainio``."""

    region: Text | None = option(None, "Region of all sites, where the source does not say it.")
    animal: Text | None = option(None, "Animal of all sites, where the source does not say it.")


class BrainscoreOptions(BrainioOptions):
    """Options of the reader ``brainscore``."""

    identifier: Text = option(..., "Data set, as brainscore_vision.load_dataset knows it.")
    stimulus_set: Text | None = option(None, "Stimulus set, instead of the data set's own.")


class Kriegeskorte2008ItOptions(Section):
    """Options of the reader ``kriegeskorte2008_it``."""

    degrees: Positive = option(..., DEGREES, unit="deg")


class LabHdf5Options(Section):
    """Options of the reader ``lab_hdf5``."""

    levels: Annotated[list[Level], Field(min_length=1), Unique()] = option(
        ["V0", "V3", "V6"], "Levels of variation whose images and trials are taken."
    )
    leave_out_sites: Annotated[list[Annotated[int, Field(ge=0)]], Unique()] = option(
        [], "Sites that are not taken, by their index in the file, from 0."
    )
    degrees: Positive = option(8.0, DEGREES, unit="deg")


class SimulatedOptions(Section):
    """Options of the reader ``simulated``."""

    seed: int = option(..., "Determines objects, pictures, sites and noise.", ge=0)
    image_size: int = option(..., "Width and height of the stimuli.", unit="px", ge=16, le=1024)
    images_per_object: Annotated[dict[Level, Annotated[int, Field(ge=0)]], Field(min_length=1)] = (
        option(..., "Images of each object at each level of variation.")
    )
    repetitions: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)] = (
        option(..., "Fewest and most presentations of a stimulus.")
    )
    sites: Annotated[
        dict[Literal["V4", "IT"], Annotated[int, Field(ge=1)]], Field(min_length=1)
    ] = option(..., "Sites of each region.")
