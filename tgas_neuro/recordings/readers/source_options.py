"""Options of readers of files that name their own axes, and what all options share."""

from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from tgas_neuro.config.recordings import WIDEST_DEGREES, Pictures
from tgas_neuro.config.section import Section, Text, Unique, Window, key

option = partial(key, decides=True)

Positive = Annotated[float, Field(gt=0)]
Names = Annotated[list[Text], Field(min_length=1)]
Level = Literal["V0", "V3", "V6"]
Degrees = Annotated[float, Field(gt=0, le=WIDEST_DEGREES)]
DEGREES = "Width of the images in degrees of visual angle."
FILE = "Name of one of the description's files; not needed where only one can be meant."
VARIABLE = "Variable of an .npz, .mat or .h5 file; fields and elements as in a.b[0].c."


LeftOut = dict[str, Annotated[list[str | int | float | bool], Field(min_length=1)]]
LEAVE_OUT = (
    "What is left out by the value of a label of stimuli, presentations or sites: label to values, "
    "as {array: [broken], stimulus_id: [1001 to 1072]}; the run says how many."
)


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
    degrees: Degrees | None = option(
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
    site_reliability: Text | None = option(
        None,
        "Label of sites with their published reliability, a correlation in [-1, 1]. Sites are "
        "chosen by it (recordings.min_site_reliability) in place of the reliability over "
        "repetitions; where nothing was repeated, the noise ceiling follows from it.",
    )
    reliability_presentations: Annotated[int, Field(ge=1)] | None = option(
        None,
        "Number of presentations of whose mean site_reliability is, where the responses are of "
        "single ones: it becomes theirs by Spearman-Brown, r / (n - (n - 1) r).",
    )
    missing: Literal["refuse", "drop_sites", "drop_presentations"] = option(
        "refuse",
        "What to do with missing responses (NaN) other than whole presentations: refuse, or leave "
        "out the sites or the presentations that have any.",
    )
    missing_value: float | None = option(
        None, "Number that marks missing responses, such as -999; NaN does without."
    )
    leave_out: LeftOut | None = option(None, LEAVE_OUT)
    pictures: Pictures | None = option(
        None, "What is shown of images that can be shown in several ways."
    )


class BrainioOptions(NetcdfOptions):
    """Options of the reader ``brainio``."""

    region: Text | None = option(None, "Region of all sites, where the source does not say it.")
    animal: Text | None = option(None, "Animal of all sites, where the source does not say it.")


class BrainscoreOptions(BrainioOptions):
    """Options of the reader ``brainscore``."""

    identifier: Text = option(..., "Data set, as brainscore_vision.load_dataset knows it.")
    stimulus_set: Text | None = option(None, "Stimulus set, instead of the data set's own.")
    images: Text | None = option(
        None,
        "Name of the folder or archive under files that holds the images, where Brain-Score may "
        "not give them out. Each is called like its stimulus_id, in any folder, or the table of "
        "stimuli says its place; other images may be there too.",
    )
    stimuli: Text | None = option(
        None,
        "Name of the CSV under files with stimulus_id and filename of the images, and perhaps "
        "degrees and further labels.",
    )


Chosen = dict[str, Annotated[list[str | int | float | bool], Field(min_length=1)]]


class NwbLabels(Section):
    """Labels of stimuli, each with its column of the table."""

    object_name: Text | None = option(None, "Column with the object.")
    category_name: Text | None = option(None, "Column with the category.")
    variation: Text | None = option(None, "Column with the level of variation.")

    def get_columns(self) -> dict[str, str]:
        """The labels that are given, to their columns."""
        given = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: column for name, column in given if column is not None}


class NwbOptions(Section):
    """Options of the reader ``nwb``."""

    file: Text | None = option(
        None, "Name of the file with the presentations, where several NWB files are listed."
    )
    units_file: Text | None = option(
        None, "Name of the file with the units, where it is not the one with the presentations."
    )
    units_delay_s: float | None = option(
        None,
        "Added to the times of units_file, where its clock starts later; needed where the two "
        "files state different reference times.",
        unit="s",
    )
    table: Text = option(
        "trials",
        "Table of presentations, such as trials, or an IndexSeries; a path such as "
        "/intervals/trials where two objects share a name, or the type where one object is of it.",
    )
    stimulus_column: Text | Names = option(
        "stimulus_id",
        "Column of the table that names the stimulus, or several that are joined by '_'; where "
        "onset_column is a list, one column for each image of a row.",
    )
    onset_column: Text | Names = option(
        "start_time",
        "Column of the table with the onset of the stimulus, or one for each image of a row.",
        unit="s",
    )
    presentations: Chosen = option(
        {}, "Which rows of the table are taken: column to the values that are taken."
    )
    window_ms: Window = option(
        ..., "Start and stop of the window in which spikes are counted.", unit="ms"
    )
    binned: Text | None = option(
        None,
        "BinnedAlignedSpikes (extension ndx-binned-spikes) whose bins are added instead of spike "
        "times; as table, too, where its conditions are the stimuli.",
    )
    units: Chosen = option(
        {}, "Which units are taken: column of the units table to the values that are taken."
    )
    region: Text | None = option(None, "Region of all units, where the file does not say it.")
    region_column: Text = option("location", "Column of units or electrodes that says the region.")
    regions: dict[str, Text] = option(
        {}, "What the file calls a region, to its name here; other units are left out."
    )
    animal: Text | None = option(None, "Animal, instead of the file's subject.")
    labels: NwbLabels = option(NwbLabels(), "Labels of stimuli: name to column of the table.")
    filename_column: Text | None = option(None, "Column with each stimulus's image file.")
    images: Text | None = option(
        None,
        "Images or ImageSeries in the file with the stimuli, by name or path; of an IndexSeries "
        "they are known. The files of an external ImageSeries are looked for in the archive or "
        "folder under files.",
    )
    pictures: Pictures | None = option(
        None, "What is shown of images that can be shown in several ways."
    )
    images_by: Literal["name", "number", "place"] | None = option(
        None,
        "How a number in the table means an image: as its name, as the number in its name, or as "
        "its place from 0; needed where these are different images.",
    )
    image_axes: Literal["yx", "xy"] | None = option(
        None,
        "Order of the axes of images in the file: yx (row, column; the default), or xy as the "
        "NWB schema writes it.",
    )
    degrees: Degrees = option(..., DEGREES, unit="deg")
    leave_out: LeftOut | None = option(None, LEAVE_OUT)


class Kriegeskorte2008ItOptions(Section):
    """Options of the reader ``kriegeskorte2008_it``."""

    degrees: Degrees = option(..., DEGREES, unit="deg")


class LabHdf5Options(Section):
    """Options of the reader ``lab_hdf5``."""

    levels: Annotated[list[Level], Field(min_length=1), Unique()] = option(
        ["V0", "V3", "V6"], "Levels of variation whose images and trials are taken."
    )
    leave_out_sites: Annotated[list[Annotated[int, Field(ge=0)]], Unique()] = option(
        [], "Sites that are not taken, by their index in the file, from 0."
    )
    degrees: Degrees = option(8.0, DEGREES, unit="deg")


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
