"""The options of strategies: parts of the section ``search``."""

from pydantic import model_validator

from tgas_neuro.config.section import Section, SectionError, key


class ReinforceOptions(Section):
    """The controller of strategy reinforce and its training; one update for each generation."""

    hidden: int = key(64, "Units of the LSTM and of its embeddings.", decides=True, ge=1, le=1000)
    learning_rate: float = key(0.01, "Learning rate of Adam.", decides=True, gt=0)
    entropy: float = key(
        0.2,
        "Weight of the entropy bonus, for rewards in units of their deviation from the baseline.",
        decides=True,
        ge=0,
    )
    baseline_decay: float = key(
        0.9,
        "Weight of the past in the moving average of rewards, the baseline.",
        decides=True,
        ge=0,
        lt=1,
    )
    clip: float | None = key(
        None,
        "PPO's bound on the ratio of probabilities, for example 0.2; null is plain REINFORCE.",
        decides=True,
        gt=0,
        lt=1,
    )
    passes: int = key(
        1, "Updates for a generation; more than one needs clip.", decides=True, ge=1, le=100
    )

    @model_validator(mode="after")
    def _check_passes(self) -> "ReinforceOptions":
        if self.passes > 1 and self.clip is None:
            raise SectionError(
                "passes",
                f"{self.passes} needs search.reinforce.clip: after the first pass the policy is no "
                "longer the one that proposed; set clip, for example to 0.2, or passes to 1",
            )
        return self


class EvolutionOptions(Section):
    """The population of strategy evolution; the oldest candidate dies."""

    population: int = key(20, "Candidates alive; as many are random at first.", decides=True, ge=2)
    sample: int = key(
        5,
        "Candidates of a tournament, whose winner is mutated; not more than the population.",
        decides=True,
        ge=1,
    )

    @model_validator(mode="after")
    def _check_sample(self) -> "EvolutionOptions":
        if self.sample > self.population:
            raise SectionError(
                "sample",
                f"{self.sample} is more than the population of {self.population}; lower it or "
                "raise search.evolution.population",
            )
        return self


class ProgressiveOptions(Section):
    """How networks grow in strategy progressive."""

    beam: int = key(8, "Networks of a stage that are grown.", decides=True, ge=1)
    candidates_per_stage: int = key(
        5,
        "Candidates of every stage but the last, best as many as a generation has or a multiple; "
        "generations x candidates must be more than all of them.",
        decides=True,
        ge=1,
    )
    expansions: int = key(
        10_000,
        "Networks that the surrogate ranks for a stage; of more, a random subset.",
        decides=True,
        ge=1,
    )
