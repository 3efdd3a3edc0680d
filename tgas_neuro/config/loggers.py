"""The section ``loggers``: other programs that follow a search."""

from tgas_neuro.config.section import Section, key


class Loggers(Section):
    """Other programs that follow a search (docs/integrations.md); none decides numbers."""

    optuna: bool = key(
        False,
        "Keep a study of optuna beside the run, optuna.db, for optuna-dashboard.",
        decides=False,
    )
    tensorboard: bool = key(
        False,
        "Keep event files beside the run, tensorboard/: HParams and the course of the search.",
        decides=False,
    )
    wandb: bool = key(
        False,
        "Keep an offline run of Weights & Biases beside the run, wandb/; nothing is sent.",
        decides=False,
    )
    mlflow: bool = key(
        False,
        "Keep an experiment of MLflow beside the run, mlflow.db.",
        decides=False,
    )
    parquet: bool = key(False, "Write candidates.parquet beside candidates.csv.", decides=False)

    def list_chosen(self) -> list[str]:
        """Names of the loggers that are on."""
        return [name for name in type(self).model_fields if getattr(self, name)]
