"""Teachers that show their stimuli at any size: of data sets, a configuration or a teacher file."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgas_neuro.config.section import dump_section
from tgas_neuro.config.teacher import PREDICTIVITIES
from tgas_neuro.plan.plan import Plan, build_plan, refuse_stale
from tgas_neuro.recordings.datasets.description import Description, calc_description_digest
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.ledger import check_source
from tgas_neuro.runtime.yaml_files import load_configuration

if TYPE_CHECKING:
    from tgas_neuro.teacher.teacher import Teacher

CONFIG = Path("config.yaml")
RECORDINGS = Path("results/recordings")
MADE = {"data": {"kind": "simulated"}}  # for the sections that nothing is read of here
SIZE, DEGREES = 224, 8.0  # [px], [deg], where nothing else is said

Report = Callable[[str], None]


class SizedTeacher:
    """A teacher whose stimuli can be shown at any size.

    RDMs, ceilings, rows and crossed halves are those of the recordings. They do not depend on the
    size.

    Parameters
    ----------
    build
        Builds the teacher with stimuli of a size [px].
    size
        Width and height of the stimuli [px] where no network asks for another size.
    folder
        A temporary folder that the teacher reads, deleted with it; None where there is none.

    Attributes
    ----------
    size
        See above.
    """

    def __init__(self, build: "Callable[[int], Teacher]", size: int, folder: str | None = None):
        self.size = size
        self._build = build
        self._known: dict[int, Teacher] = {}
        self._delete = folder and weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def at(self, size: int | None = None) -> "Teacher":
        """The teacher with stimuli of `size` px, by default its own; each size is built once."""
        size = size or self.size
        if size not in self._known:
            self._known[size] = self._build(size)
        return self._known[size]

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of its regions."""
        built = next(iter(self._known.values()), None) or self.at()
        return tuple(built.regions)

    def __repr__(self) -> str:
        lines = ["<SizedTeacher>"]
        for name, region in (next(iter(self._known.values()), None) or self.at()).regions.items():
            attrs = region.attrs
            lines.append(
                f"{name}: {attrs['dataset']}, {region.sizes['stimulus']} stimuli, "
                f"{attrs['comparison']}"
            )
        return "\n    ".join(lines)


def load_teacher(
    source: str | Path | None = None,
    *,
    data: Mapping[str, str | Sequence[str]] | None = None,
    mirror: str | Path | None = None,
    degrees: float | None = None,
    comparison: str | None = None,
    splits: int | None = None,
    seed: int = 0,
    report: Report = print,
) -> SizedTeacher:
    """Load a teacher, with which networks are compared.

    Parameters
    ----------
    source
        A configuration, ``config.yaml``, of which the sections ``recordings`` and ``teacher``
        count. None takes `data`.
    data
        Region to the name of its data set, or to several, which are pooled:
        ``{"V4": "cowley2023_v4"}``.
    mirror
        A folder that is searched for the files of the data sets before the internet.
    degrees
        Width of the field of view [deg]; None is that of the configuration, else 8.
    comparison
        ``spearman``, ``pearson``, ``kendall`` (of RDMs), ``cka``, ``ridge`` or ``pls`` (of
        responses); None is that of the configuration, else ``spearman``. Of `data`, a region is
        corrected for noise by ``spearman``, ``ridge`` and ``pls`` only.
    splits
        Random splits of the repetitions for the noise ceiling; None is that of the configuration,
        else 50.
    seed
        Of the splits and of the crossed halves.
    report
        Receives notes, a line each.

    Returns
    -------
    SizedTeacher
        Recordings that a run in this folder has read are taken from there, others are read.

    Raises
    ------
    UserError
        Something that was asked for is missing or does not fit.

    Examples
    --------
    >>> teacher = load_teacher(data={"IT": "simulated"}, splits=4)  # doctest: +SKIP
    >>> teacher.regions  # doctest: +SKIP
    ('IT',)
    """
    from tgas_neuro.recordings.datasets.data_set import DESCRIPTIONS
    from tgas_neuro.teacher.build import build_teacher
    from tgas_neuro.teacher.options import read_options, read_sources

    if data is not None and source is not None:
        raise UserError(f"--teacher: {source}: is given beside --data; leave one out")
    name = "--data" if data is not None else str(source or CONFIG)
    sections = _choose_sections(source, data)
    plan = build_plan(_complete(sections, degrees, comparison, splits, seed), DESCRIPTIONS, name)
    sections = {key: dump_section(getattr(plan.config, key)) for key in ("recordings", "teacher")}
    if data is not None:
        sections["teacher"]["uncorrected"] = _list_uncorrected(plan)
    folder = tempfile.mkdtemp(prefix="tgas-teacher-")
    try:
        found = mirror or sections["recordings"]["mirror"]
        gather_recordings(plan.descriptions, Path(folder), Path(found) if found else None)
        sources = read_sources(sections["recordings"], plan.regions, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise

    def build(size: int) -> "Teacher":
        sections["teacher"]["stimuli"]["size"] = size
        return build_teacher(sources, read_options(sections, plan.config.search.seed), {}, report)

    return SizedTeacher(build, sections["teacher"]["stimuli"]["size"], folder)


def gather_recordings(
    descriptions: Mapping[str, Description], folder: Path, mirror: Path | None
) -> None:
    """Bring data sets into `folder`: those that a run in this folder has read, else from files.

    Parameters
    ----------
    descriptions
        Data set to its description.
    folder
        Receives a folder for each data set, or a link to one.
    mirror
        Searched before the internet.

    Raises
    ------
    UserError
        A file is missing or wrong, or what a run has read has changed since.
    """
    from tgas_neuro.recordings.datasets.data_set import read_data_set

    for dataset, description in descriptions.items():
        there, place = RECORDINGS / dataset, folder / dataset
        if is_read(there, description):
            place.symlink_to(there.resolve())
            continue
        for problem in read_data_set(description, place, mirror):
            raise UserError(problem)


def is_read(folder: Path, description: Description) -> bool:
    """Whether a run has read these recordings, of this description and of files as they are now.

    Raises
    ------
    UserError
        What was read has changed since, or the files that it was read from.
    """
    from tgas_neuro.recordings.assembly import load_netcdf
    from tgas_neuro.recordings.ingest import RESULT_FILES

    found = [folder / name for name in RESULT_FILES if (folder / name).is_file()]
    if not found:
        return False
    for path in found:
        refuse_stale(str(path))
    for path in folder.iterdir():
        check_source(path)
    dataset = load_netcdf(found[0])
    digests = [one.attrs.get("description_digest") for one in (dataset, *dataset.values())]
    return calc_description_digest(description) in digests


def _choose_sections(
    source: str | Path | None, data: Mapping[str, str | Sequence[str]] | None
) -> dict[str, Any]:
    """The sections ``recordings`` and ``teacher`` of a configuration."""
    if data is not None:
        regions = {region: {"datasets": _list_names(names)} for region, names in data.items()}
        return {"recordings": {"regions": regions}, "teacher": {}}
    path = Path(source or CONFIG)
    if source is None and not path.is_file():
        raise UserError(
            "--data: is missing, and there is no config.yaml here; name recordings, as "
            "V4=cowley2023_v4 (see neural_data/)"
        )
    given = load_configuration(path)
    return {key: given[key] for key in ("recordings", "teacher") if key in given}


def _list_names(names: str | Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _complete(
    sections: Mapping[str, Any],
    degrees: float | None,
    comparison: str | None,
    splits: int | None,
    seed: int,
) -> dict[str, Any]:
    """A whole configuration, of which only recordings and teacher matter."""
    teacher = dict(sections.get("teacher") or {})
    stimuli = {"size": SIZE, "visual_degrees": DEGREES} | dict(teacher.get("stimuli") or {})
    if degrees is not None:
        stimuli["visual_degrees"] = degrees
    given = {"comparison": comparison, "splits": splits}
    teacher |= {key: value for key, value in given.items() if value is not None}
    made = {"premature": MADE, "final": MADE, "search": {"seed": seed}}
    return {**made, **sections, "teacher": teacher | {"stimuli": stimuli}}


def _list_uncorrected(plan: Plan) -> list[str]:
    """Regions that have no ceiling: of an RDM that was published, or for the comparison."""
    from tgas_neuro.teacher.region import CEILING_METHODS

    teacher = plan.config.teacher
    if (
        teacher.comparison not in PREDICTIVITIES
        and (teacher.distance, teacher.comparison) != CEILING_METHODS
    ):
        return list(plan.regions)
    return [
        region
        for region, datasets in plan.regions.items()
        if all(plan.descriptions[dataset].provides == "rdm" for dataset in datasets)
    ]
