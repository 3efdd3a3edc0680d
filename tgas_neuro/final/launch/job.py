"""A final training as a file: with it every process of the training is started alike."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tgas_neuro.config.schema_errors import check_schema
from tgas_neuro.images.source import Images
from tgas_neuro.plan.configuration import SCHEMAS
from tgas_neuro.recordings.datasets.description import load_yaml
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json, write_json

WAY_OUT = "give the job.json that the rule final wrote into results/final/<run>/work"


@dataclass(frozen=True)
class Job:
    """What `train_final` needs, as JSON.

    Attributes
    ----------
    config
        The section ``final``, complete.
    genotype
        The winner of the search.
    images
        Where the two splits come from, as `plan.Images`.
    checked
        Folder that keeps which images are corrupt.
    folder
        Where the training keeps its files, and ``metrics.json`` at the end.
    seed
        The run's seed.
    splits
        Split, ``train`` or ``val``, to where a rule made it, see `load_split`.
    """

    config: dict[str, Any]
    genotype: dict[str, Any]
    images: dict[str, Any]
    checked: str
    folder: str
    seed: int
    splits: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """``job.json`` in its folder."""
        return Path(self.folder) / "job.json"

    @property
    def metrics(self) -> Path:
        """What the training writes last."""
        return Path(self.folder) / "metrics.json"

    def write(self) -> None:
        """Write it to `path`."""
        write_json(self.path, asdict(self))


def read_job(path: str | Path) -> Job:
    """Read a job; what is no job is a `UserError`."""
    content = read_json(path)
    try:
        job = Job(**content)
        Images(**job.images)
    except TypeError as error:
        raise UserError(f"{path}: not a final training ({error}); {WAY_OUT}") from None
    return job


def check_config(job: Job, path: str | Path) -> None:
    """Raise `UserError` unless a training can be started with the job's configuration.

    Parameters
    ----------
    job
        As read. An evaluation of what it trained needs less: there older ones are welcome.
    path
        Where it was read, for messages.
    """
    schema = load_yaml(SCHEMAS / "config.schema.yaml")
    section = {"$defs": schema["$defs"], **schema["properties"]["final"]}
    completed = check_schema(job.config, section, str(path), ["config"])
    for key, value in completed.items():
        if key not in job.config or job.config[key] != value:
            raise UserError(
                f"{path}: config.{key}: {job.config.get(key, 'is missing')}; expected every key of "
                f"the section final, as {value!r} here; {WAY_OUT}"
            )


def run_job(job: Job, group: Any, report: Callable[[str], None]) -> None:
    """Train, in this process as a member of `group` (None: alone), and write ``metrics.json``."""
    from tgas_neuro.architecture.genotype import read_genotype
    from tgas_neuro.final.training.training import train_final  # torch: started late

    metrics = train_final(
        job.config,
        read_genotype(job.genotype),
        Images(**job.images),
        Path(job.folder),
        job.seed,
        report,
        group=group,
        checked=Path(job.checked),
        splits=job.splits,
    )
    if group is None or group.is_first:
        write_json(job.metrics, metrics)
