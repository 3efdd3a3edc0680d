"""Options of the readers, one model a reader, without the libraries that the readers import."""

from typing import Annotated, Literal

from pydantic import Field

from tgas_neuro.config.recordings import Pictures
from tgas_neuro.config.section import Matching, Section, Text, TextAt, Unique, Window
from tgas_neuro.recordings.readers.source_options import (
    DEGREES,
    FILE,
    LEAVE_OUT,
    VARIABLE,
    BrainioOptions,
    BrainscoreOptions,
    Degrees,
    Kriegeskorte2008ItOptions,
    LabHdf5Options,
    LeftOut,
    NetcdfOptions,
    NwbOptions,
    Positive,
    SimulatedOptions,
    option,
)

Range = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=2, max_length=2)]


class LabelSource(Section):
    """Where the values of a label are: a variable, a column, a pattern or ranges."""

    file: str | None = option(None, FILE)
    variable: Text | None = option(None, VARIABLE)
    column: str | None = option(None, "Column of a .csv file.")
    pattern: (
        Annotated[
            str,
            Matching("^[^%]*%(0[1-9])?d[^%]*$", "text with one %d or %04d and no other %"),
        ]
        | None
    ) = option(
        None,
        "Text with one %d, counted up, as image%04d.jpg; with `variable`, for its whole numbers.",
    )
    first: int = option(0, "The first number of a pattern.", ge=0)
    ranges: dict[Text, Range] | None = option(
        None,
        "Value to the first and the last number that have it, counted from 1 as the papers and "
        "MATLAB do, as {V1: [1, 512], V4: [513, 768]}; every number is in exactly one range. A "
        "variable or column beside it has the numbers in another order.",
    )
    matrix_column: int | None = option(
        None, "Column of the matrix `variable`, counted from 1 as MATLAB does.", ge=1
    )
    last_part: bool | None = option(
        None, "Take the last part of a path: what follows its last / or \\."
    )


LabelName = Annotated[
    str,
    Matching(
        "^[A-Za-z][A-Za-z0-9_]*$", "a label: letters, digits and '_', beginning with a letter"
    ),
]
Labels = Annotated[
    dict[LabelName, Text | int | float | LabelSource], TextAt("table", "the name of a .csv file")
]
LABELS = (
    "name of the label to one value for all, or to where the values are (variable, column, "
    "pattern or ranges). `table` names a .csv file whose columns are all labels."
)


class EvenBins(Section):
    """Time bins of one width that follow each other."""

    start: float = option(..., "Start of the first bin.", unit="ms")
    width: Positive = option(..., "Width of every bin.", unit="ms")


AXES_AS = (
    "matlab: name the axes of an .h5 file as MATLAB shows them, where MATLAB's h5write wrote it; "
    "stored (also without the key): as other programs show them, which is the reverse order."
)
AxesAs = Literal["stored", "matlab"]
ResponseAxis = Annotated[
    str,
    Matching(
        "^(presentation|stimulus|repetition|neuroid|time_bin|stimulus\\.[A-Za-z][A-Za-z0-9_]*)$",
        "presentation, stimulus, repetition, neuroid, time_bin, or stimulus.<label>",
    ),
]


class ResponseArray(Section):
    """The array of responses."""

    file: str | None = option(None, FILE)
    variable: Text | None = option(None, VARIABLE)
    axes: Annotated[list[ResponseAxis], Field(min_length=2), Unique()] = option(
        ...,
        "What its axes are, in order (of a .mat file as MATLAB shows them; of cells first theirs, "
        "then those of what each holds): presentation, stimulus, repetition, neuroid, time_bin. "
        "Several axes of stimuli are stimulus.<label>, as stimulus.scale and stimulus.category: "
        "of their combinations the last changes fastest, and each label is counted from 1, or "
        "options.stimuli.<label> has one value for each place of its axis.",
    )
    axes_as: AxesAs | None = option(None, AXES_AS)
    spike_times: Literal["s", "ms"] | None = option(
        None,
        "The variable is cells of spike times after the onset, in this unit; the spikes from the "
        "start up to the stop of window_ms are counted. An empty cell has none; one of NaN alone "
        "was not recorded.",
    )
    missing: float | None = option(
        None, "Number that marks missing responses, such as -999; NaN does without."
    )

    def add_axis(self, axis: str) -> "ResponseArray":
        """A copy with another axis behind its own."""
        return self.model_copy(update={"axes": [*self.axes, axis]})


class RdmArray(Section):
    """The array of a published RDM."""

    file: str | None = option(None, FILE)
    variable: Text | None = option(None, VARIABLE)
    axes: Annotated[
        list[Literal["region", "pair", "row", "column"]], Field(min_length=1), Unique()
    ] = option(..., "What its axes are, in order (of a .mat file as MATLAB shows them).")
    order: Literal["upper", "lower"] | None = option(
        None,
        "Order of the pairs. upper: the upper triangle row by row, (1, 2), (1, 3), ..., as pdist "
        "and squareform of MATLAB and scipy have it (also without the key); lower: the lower "
        "triangle row by row, (2, 1), (3, 1), (3, 2), ..., as numpy's tril_indices has it.",
    )
    axes_as: AxesAs | None = option(None, AXES_AS)


class ImageSource(Pictures):
    """Where the images are, and what is shown of them."""

    file: str | None = option(None, FILE)
    variable: Text | None = option(None, VARIABLE)
    axes: (
        Annotated[
            list[Literal["stimulus", "row", "column", "colour"]], Field(min_length=3), Unique()
        ]
        | None
    ) = option(
        None,
        "Axes of an array of pixels, in order; without the key [stimulus, row, column] or "
        "[stimulus, row, column, colour]. MATLAB's stacks are often [row, column, colour, "
        "stimulus].",
    )
    axes_as: AxesAs | None = option(None, AXES_AS)
    unused: Literal["refuse", "leave_out"] | None = option(
        None,
        "Images of an archive or a folder that belong to no stimulus: refuse (also without the "
        "key), or leave_out, and say how many.",
    )
    order: Literal["name", "natural", "table"] | None = option(
        None,
        "Order of the images where no table gives it. name: by characters, as Python and MATLAB "
        "on Linux sort (A to Z before a to z, 10 before 2); natural: by the numbers in the names "
        "and without regard to case, as Finder and Explorer do; table: as options.stimuli lists "
        "them, which must have their file names. Without the key, all must agree.",
    )


class RepeatedArray(Section):
    """Further presentations of the same sites, of other stimuli that were repeated."""

    responses: ResponseArray = option(
        ..., "The array of responses, whose sites are those of options.responses in their order."
    )
    stimuli: Labels = option({}, f"Labels of its stimuli, in the order of the axis: {LABELS}")
    presentations: Labels = option(
        {}, f"Labels of its presentations, where there is such an axis: {LABELS}"
    )


class ArraysOptions(Section):
    """Options of the reader ``arrays``."""

    responses: ResponseArray | None = option(
        None, "The array of responses; NaN marks a repetition that was not made."
    )
    rdm: RdmArray | None = option(
        None, "The published RDM instead of responses; pairs in the order of scipy's pdist."
    )
    regions: Annotated[list[Text], Field(min_length=1), Unique()] | None = option(
        None, "Region of an RDM, or of each along the axis region."
    )
    unit: Text = option(..., "Unit of the values, as spikes, Hz, or 1 - Pearson correlation.")
    counts: bool = option(
        False, "Whether responses are counts: whole numbers from 0, which are added over time."
    )
    simultaneous: bool = option(
        True,
        "Whether all sites were recorded at once and share their repetitions. If not, each "
        "stimulus keeps as many repetitions as every site has; a note counts the others.",
    )
    missing: Literal["refuse", "drop_sites", "drop_presentations"] | None = option(
        None,
        "What to do with missing responses (NaN) of some sites of a presentation: refuse (also "
        "without the key), or leave out the sites or the presentations that have any.",
    )
    ceiling_from: RepeatedArray | None = option(
        None,
        "Repeated stimuli of the same sites that are no rows of the RDM: they give the sites' "
        "reliability and the noise ceiling, for as many presentations as options.responses has.",
    )
    time_window_ms: Window | Text | dict[Text, Window] = option(
        "not stated by the source",
        "Start and stop of the time window after onset, for all regions or each by its name, or "
        "words.",
        unit="ms",
    )
    time_bins_ms: Annotated[list[Window], Field(min_length=1)] | EvenBins | None = option(
        None, "Edges of the time bins after onset, where there is an axis time_bin.", unit="ms"
    )
    window_ms: Window | None = option(None, "Start and stop of the window to take.", unit="ms")
    degrees: Degrees = option(..., DEGREES, unit="deg")
    stimuli: Labels = option({}, f"Labels of stimuli, in the order of the axis: {LABELS}")
    presentations: Labels = option(
        {}, f"Labels of presentations, where there is such an axis: {LABELS}"
    )
    neuroids: Labels = option({}, f"Labels of sites: {LABELS}")
    leave_out: LeftOut | None = option(None, LEAVE_OUT)
    images: ImageSource = option(
        ImageSource(), "Where the images are: an archive, a folder, or an array of pixels."
    )


OPTIONS: dict[str, type[Section]] = {
    "arrays": ArraysOptions,
    "brainio": BrainioOptions,
    "brainscore": BrainscoreOptions,
    "kriegeskorte2008_it": Kriegeskorte2008ItOptions,
    "netcdf": NetcdfOptions,
    "lab_hdf5": LabHdf5Options,
    "nwb": NwbOptions,
    "simulated": SimulatedOptions,
}
