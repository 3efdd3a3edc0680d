"""The section ``search``: which architectures are proposed, and how they are ranked."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from tgas_neuro.config.section import Matching, Section, SectionError, Unique, UserPath, key
from tgas_neuro.config.strategies import EvolutionOptions, ProgressiveOptions, ReinforceOptions

Strategy = Literal["random", "tpe", "reinforce", "evolution", "progressive"]
OF_UNTRAINED = ("tg_epoch0", "learned")  # guidances that need TG at epoch 0
RunName = Annotated[
    str,
    Matching(
        r"^\w[\w .+-]{0,58}\w$|^\w$",
        "at most 60 letters, digits, spaces and . _ + -, with a letter or digit at both ends",
    ),
]
FEWEST_PAIRS = 1000  # of a sample; of fewer the standard error is above 0.03


class Scoring(Section):
    """How a candidate's layers are recorded and compared with the teacher."""

    max_units: Annotated[int, Field(ge=16)] | Literal["auto"] | None = key(
        "auto",
        "Layers with more units a stimulus are projected to this number; auto: at least 8192, more "
        "if there are few stimuli; null keeps all.",
        decides=True,
    )
    spatial_mean: bool = key(
        False, "Average each channel over the image before comparing.", decides=True
    )
    exact: bool = key(
        False,
        "Compare in float64 with sorted ranks; memory grows with the square of the stimuli.",
        decides=True,
    )
    pairs: int | None = key(
        None,
        "Compare about so many pairs of stimuli, the same for every candidate, and record the "
        "standard error of each similarity; null takes all pairs. Comparisons spearman and "
        "pearson.",
        decides=True,
        ge=FEWEST_PAIRS,
    )

    def name_ranks(self) -> str:
        """Folder of the ranks that scoring needs, beside those of the teacher's other samples."""
        return "ranks" if self.pairs is None else f"ranks_of_{self.pairs}_pairs"

    def list_unused(self) -> set[str]:
        """No sample of pairs is none in records of earlier versions, too."""
        return {"pairs"} if self.pairs is None else set()

    @model_validator(mode="after")
    def _check_pairs(self) -> "Scoring":
        if self.pairs is not None and self.exact:
            raise SectionError(
                "pairs",
                f"{self.pairs}, but search.scoring.exact compares all pairs; set exact to false "
                "or pairs to null",
            )
        return self


class Limits(Section):
    """What a candidate may use; beyond it is a recorded failure. null is no limit."""

    params: int | None = key(
        None, "Parameters; checked before the network is built.", decides=True, ge=1
    )
    macs: int | None = key(
        None,
        "Multiply-adds for one image; checked before the network is built.",
        decides=True,
        ge=1,
    )
    memory_mb: float | None = key(
        None, "Resident memory of its process.", decides=True, unit="MB", ge=1
    )
    seconds: float | None = key(
        None,
        "Time from the building of the network on. On the CPU, CPU time divided by "
        "premature.threads, and 4 times as much time on the clock; on a GPU, time on the clock. "
        "Stops (SIGSTOP) and a suspended machine do not count.",
        decides=True,
        unit="s",
        gt=0,
    )


class FallingAlpha(Section):
    """A weight of TG that changes linearly with the trained share of premature.epochs."""

    start: float = key(..., "Weight before the first step.", decides=True, ge=0)
    end: float = key(
        ..., "Weight after the whole training, of the reward that counts.", decides=True, ge=0
    )

    def calc_weight(self, share: float) -> float:
        """The weight after this share of the training, in [0, 1]: start + (end - start) * share."""
        return self.start + (self.end - self.start) * share


class Search(Section):
    """Which architectures are proposed, and how they are ranked.

    The whole model (`tgas_neuro.plan.configuration`) has a section of options for each space too,
    and allows only the spaces that exist.
    """

    name: RunName | None = key(
        None,
        "A name for this run, by which commands find it and which they show. The folders of its "
        "results do not change with it.",
        decides=False,
    )
    space: str = key("cell", "What may be proposed.", decides=True)
    strategy: Strategy = key(
        "tpe",
        "random: uniform; tpe: tree-structured Parzen estimator (optuna); reinforce: LSTM "
        "controller, policy gradient; evolution: regularized evolution; progressive: cells grow "
        "block by block, ranked by a surrogate (PNAS).",
        decides=True,
    )
    reinforce: ReinforceOptions = key(
        ReinforceOptions,
        "Options of strategy reinforce: the controller and its training; one update for each "
        "generation.",
        decides=True,
    )
    evolution: EvolutionOptions = key(
        EvolutionOptions,
        "Options of strategy evolution: the population; the oldest candidate dies.",
        decides=True,
    )
    progressive: ProgressiveOptions = key(
        ProgressiveOptions,
        "Options of strategy progressive: how networks grow; every stage but the last takes a "
        "fixed number of candidates.",
        decides=True,
    )
    guidance: Literal["p_plus_tg", "p", "tg", "params", "macs", "tg_epoch0", "learned"] = key(
        "p_plus_tg",
        "What candidates are ranked by. p_plus_tg: P + alpha * TG; p, tg: one of them alone; for "
        "comparison tg_epoch0: TG before the training; params, macs: the more the better (log10); "
        "learned: the later accuracy, predicted as premature.probes teach it.",
        decides=True,
    )
    alpha: Annotated[float, Field(ge=0)] | FallingAlpha = key(
        1.0,
        "Weight of the teacher in guidance p_plus_tg, reward = P + alpha * TG; 0 is the search "
        "without it. {start: 2, end: 1} changes it over premature.rungs.",
        decides=True,
    )
    scale: Literal["raw", "standardised"] = key(
        "raw",
        "raw: guidance p_plus_tg adds P and TG; standardised: their z-scores over the candidates "
        "known when a generation is proposed, and over all at the end.",
        decides=True,
    )
    layer_choice: Literal["crossed", "paper", "mean"] = key(
        "crossed",
        "crossed: the layer is chosen on one half of the stimuli and scored on the other; paper: "
        "plain maximum; mean: mean over all layers, each divided by the noise ceiling.",
        decides=True,
    )
    scoring: Scoring = key(
        Scoring,
        "How a candidate's layers are recorded and compared with the teacher.",
        decides=True,
    )
    generations: int = key(
        4,
        "Generations of candidates; raise it to continue a finished search.",
        decides=True,
        stage="final",
        ge=1,
        le=1000,
    )
    candidates: int = key(6, "Candidates per generation.", decides=True, ge=1, le=100)
    lag: int = key(
        1,
        "Generations in flight; 1 waits for the last, 2 keeps workers busy.",
        decides=True,
        ge=1,
        le=10,
    )
    seed: int = key(0, "Every random number of the run follows from it.", decides=True, ge=0)
    reuse: Annotated[list[UserPath], Unique()] = key(
        [],
        "Older runs whose candidates this one begins with, names of folders in results/search or "
        "paths; their P and TG must have been measured in the same way.",
        decides=True,
    )
    untrained: bool = key(
        True,
        "Record TG of each candidate before its training as well; guidances tg_epoch0 and learned "
        "need it.",
        decides=True,
    )
    candidates_per_job: int = key(
        1,
        "Candidates that one job evaluates one after the other; torch starts once for all.",
        decides=False,
        ge=1,
        le=100,
    )
    keep_weights: bool = key(
        False,
        "Keep the trained weights of each candidate, so that another teacher can score them.",
        decides=True,
    )
    limits: Limits = key(
        Limits,
        "What a candidate may use; beyond it is a recorded failure. null is no limit.",
        decides=True,
    )

    def get_space_options(self) -> Section | None:
        """Options of the space that is searched; None if it has none."""
        return getattr(self, self.space, None)

    def get_strategy_options(self) -> Section | None:
        """Options of the strategy; None if it has none."""
        return getattr(self, self.strategy, None)

    def list_unused(self) -> set[str]:
        """Options of the other spaces and strategies, and the scale that was the only one.

        A run without a name has the params of versions before there were names.
        """
        used = [self.space, self.strategy, *(["scale"] if self.scale != "raw" else [])]
        used += ["name"] if self.name is not None else []
        options = set(type(self).model_fields) - set(Search.model_fields)
        unused = {*options, "reinforce", "evolution", "progressive", "scale", "name"}
        return unused - set(used)

    @model_validator(mode="after")
    def _check_guidance(self) -> "Search":
        if self.guidance in OF_UNTRAINED and not self.untrained:
            raise SectionError(
                "untrained",
                f"false, but search.guidance {self.guidance!r} needs it; set it to true or take "
                "another guidance",
            )
        return self
