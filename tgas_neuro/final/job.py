"""A final training as a file: with it every process of the training is started alike."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tgas_neuro.errors import UserError
from tgas_neuro.files import read_json, write_json
from tgas_neuro.plan import Images


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
        return Job(**content)
    except TypeError as error:
        raise UserError(
            f"{path}: not a final training ({error}); give the job.json that the rule final wrote "
            "into results/final/<run>/work"
        ) from None


def run_job(job: Job, group: Any, report: Callable[[str], None]) -> None:
    """Train, in this process as a member of `group` (None: alone), and write ``metrics.json``."""
    from tgas_neuro.architecture.genotype import read_genotype
    from tgas_neuro.final.training import train_final  # torch: started late

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
