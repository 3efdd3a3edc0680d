"""The files in workflow/experiments: cells, their training, the teachers, and what counts."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Scoring, Strategy
from tgas_neuro.config.section import Matching, Section, SectionError, Text, Unique, UserPath, key

Name = Annotated[str, Matching("^[a-z][a-z0-9_]*$", "lower-case letters, digits and _")]


class CellOptions(Section):
    """Which cells are measured."""

    number: int = key(..., "Cells that are drawn without replacement.", decides=True, ge=10)
    repeated: int = key(
        0,
        "The first so many of them are trained once more, with other weights and batches; at least "
        "10, or 0.",
        decides=True,
        ge=0,
    )
    seed: int = key(0, "Draws the cells.", decides=True, ge=0)

    @model_validator(mode="after")
    def _check_repeated(self) -> "CellOptions":
        if self.repeated > self.number or 0 < self.repeated < 10:
            raise SectionError(
                "repeated",
                f"{self.repeated} of {self.number} cells; expected 0, or 10 to {self.number}",
            )
        return self


class MatureTable(Section):
    """Accuracies of cells that others trained, or an earlier experiment."""

    kind: Literal["table"] = key(..., "A table with a row for each cell.", decides=True)
    path: UserPath = key(
        ...,
        "CSV file; its column architecture holds strings of NAS-Bench-201, or its column hash the "
        "canonical hashes of cells of any space.",
        decides=True,
    )
    column: Text = key(..., "Column of the accuracy.", decides=True)
    unit: Literal["percent", "share"] = key("percent", "Of the accuracies.", decides=True)


class MatureTraining(Section):
    """Accuracies on the validation split after a longer training."""

    kind: Literal["training"] = key(..., "Each cell is trained once more, longer.", decides=True)
    steps: int = key(..., "Steps of the longer training.", decides=True, ge=10)
    falling: float = key(
        0.2, "Last share of it, in which the learning rate falls to 0.", decides=True, ge=0, le=1
    )


class ExperimentTeacher(Section):
    """A teacher or a control."""

    title: Text = key(..., "Its name on the page.", decides=True)
    control: bool = key(False, "Whether it is a control, in which no brain is.", decides=True)
    recordings: dict[str, Any] = key(..., "As the section of config.yaml.", decides=True)
    teacher: dict[str, Any] = key({}, "As the section of config.yaml.", decides=True)


class Grid(Section):
    """Teachers that are made from one: so many of its sites, in so many repetitions.

    Recordings are sampled (``recordings.regions.<region>.sample``), a network is seen through
    electrodes (``teacher.network.electrodes``). Each has the key
    ``<grid>_<neuroids>x<repetitions>_<draw>``, with ``all`` for null.
    """

    title: Text = key(..., "Its name on the page.", decides=True)
    of: Name = key(..., "Key of the teacher.", decides=True)
    neuroids: Annotated[list[Annotated[int, Field(ge=2)] | None], Unique(), Field(min_length=1)] = (
        key(..., "Sites of each region; null, of recordings, takes all.", decides=True)
    )
    repetitions: Annotated[
        list[Annotated[int, Field(ge=1)] | None], Unique(), Field(min_length=1)
    ] = key(..., "Presentations of every stimulus; null, of recordings, takes all.", decides=True)
    draws: int = key(3, "Random draws of each.", decides=True, ge=1, le=100)


class ReplayedProbes(Section):
    """Candidates that guidance learned trains on, when searches are replayed."""

    share: float = key(0.4, "Probability that a candidate is one.", decides=True, gt=0, le=1)
    steps: int | None = key(
        None,
        "Steps, counted from the beginning, up to which they are trained, one of training.steps; "
        "null: the last.",
        decides=True,
        ge=1,
    )


class SearchOptions(Section):
    """Searches that are replayed on the measured cells."""

    seeds: int = key(200, "Searches of each kind.", decides=True, ge=10, le=10_000)
    candidates: Annotated[list[Annotated[int, Field(ge=2)]], Unique(), Field(min_length=1)] = key(
        [5, 10, 15, 20, 30, 40, 50, 60, 75, 100, 150],
        "Candidates of a search; more than a quarter of the cells are left out.",
        decides=True,
    )
    resamples: int = key(
        200, "Resamples of the cells, for the interval of the factor.", decides=True, ge=20
    )
    strategies: Annotated[list[Strategy], Unique()] = key(
        list(get_args(Strategy)),
        "Strategies that are replayed under every guidance, beside the random searches of the "
        "factor of images; [] for none.",
        decides=True,
    )
    generation: int = key(
        5, "Candidates of a generation of these strategies.", decides=True, ge=1, le=100
    )
    probes: ReplayedProbes = key(
        ReplayedProbes, "Candidates that guidance learned trains on.", decides=True
    )

    def limit(self, cells: int) -> list[int]:
        """``candidates`` that are at most a quarter of so many cells; a quarter if there are none.

        Searches that draw all cells all return the same one.
        """
        most = cells // 4
        return sorted(number for number in self.candidates if number <= most) or [most]


class Primary(Section):
    """The comparison that the experiment is made for, fixed before it is run."""

    teacher: Name = key(..., "Key of the teacher.", decides=True)
    control: Name = key(..., "Key of the control that its gain is compared with.", decides=True)
    steps: int = key(..., "Steps of training.", decides=True, ge=0)
    layer_choice: Literal["crossed", "paper", "mean"] = key(
        "mean", "Which TG counts.", decides=True
    )
    scale: Literal["raw", "standardised"] = key(
        "standardised", "Sum of P and TG, or of their z-scores.", decides=True
    )


class Training(Section):
    """How each cell is trained, and when it is measured."""

    premature: Premature = key(
        ..., "As the section of config.yaml; steps replace epochs.", decides=True
    )
    steps: Annotated[list[Annotated[int, Field(ge=0)]], Unique(), Field(min_length=2)] = key(
        ..., "Steps of training after which P and TG are measured, ascending.", decides=True
    )
    scoring: Scoring = key(Scoring, "As search.scoring of config.yaml.", decides=True)
    seed: int = key(0, "Of weights, batches and teachers.", decides=True, ge=0)

    @model_validator(mode="after")
    def _check(self) -> "Training":
        if self.steps != sorted(self.steps):
            raise SectionError("steps", f"{self.steps}; expected ascending numbers")
        if self.premature.rungs:
            raise SectionError(
                "premature.rungs", f"{self.premature.rungs}; cells are measured at steps; remove it"
            )
        return self


class Experiment(Section):
    """Early measurements of many cells, and what the cells reach in the end."""

    title: Text = key(..., "Heading of the page.", decides=True)
    space: Name = key(..., "Search space of the cells.", decides=True)
    options: dict[str, Any] = key({}, "Options of the space, such as blocks.", decides=True)
    cells: CellOptions = key(..., "Which cells are measured.", decides=True)
    training: Training = key(..., "How they are trained and measured.", decides=True)
    mature: Annotated[MatureTable | MatureTraining, Field(discriminator="kind")] = key(
        ..., "What the cells reach in the end.", decides=True
    )
    teachers: dict[Name, ExperimentTeacher] = key(
        ..., "Key to teacher or control.", decides=True, min_length=1
    )
    grids: dict[Name, Grid] = key(
        {}, "Teachers with few or many sites and repetitions.", decides=True
    )
    mirror: UserPath | None = key(None, "As recordings.mirror of config.yaml.", decides=False)
    table: UserPath | None = key(
        None,
        "A table of an earlier run of this experiment; then no cell is trained.",
        decides=True,
    )
    continues: UserPath | None = key(
        None,
        "A table of earlier sittings of this experiment; what it holds is not measured again.",
        decides=True,
    )
    resamples: int = key(
        10_000, "Resamples of the cells, for the intervals.", decides=True, ge=100, le=1_000_000
    )
    primary: Primary = key(..., "The comparison that counts.", decides=True)
    comparisons: int | None = key(
        None,
        "Comparisons of definitions with crossed and raw that share 5 %, with those of other "
        "sittings of a study; null: those of this experiment, three after each step of training.",
        decides=True,
        ge=1,
        le=10_000,
    )
    searches: SearchOptions = key(
        SearchOptions, "Searches that are replayed on the measured cells.", decides=True
    )

    def list_unused(self) -> set[str]:
        """An experiment without keys that are newer is what it was before there were any."""
        return {name for name in ("grids", "comparisons") if not getattr(self, name)}

    @model_validator(mode="after")
    def _check(self) -> "Experiment":
        primary, steps = self.primary, self.training.steps
        if self.table and self.continues:
            raise SectionError(
                "continues", f"{str(self.continues)!r}, but with table nothing is trained; keep one"
            )
        if primary.steps not in steps:
            raise SectionError("primary.steps", f"{primary.steps}; expected one of {steps}")
        probes = self.searches.probes.steps
        if probes is not None and not (probes in steps and probes > primary.steps):
            later = [step for step in steps if step > primary.steps]
            raise SectionError(
                "searches.probes.steps",
                f"{probes}; expected one of training.steps above primary.steps: {later}",
            )
        if primary.steps == 0 and self.searches.strategies:
            raise SectionError(
                "searches.strategies",
                f"{self.searches.strategies}, but primary.steps is 0, and searches are compared at "
                "equal numbers of training images; give [], or more steps",
            )
        for name in ("teacher", "control"):
            found = getattr(primary, name)
            if found not in self.teachers:
                there = ", ".join(self.teachers)
                raise SectionError(f"primary.{name}", f"{found!r}; expected one of {there}")
            if self.teachers[found].control != (name == "control"):
                raise SectionError(
                    f"primary.{name}",
                    f"{found!r} is {'no' if name == 'control' else 'a'} control; name another, or "
                    f"change teachers.{found}.control",
                )
        return self
