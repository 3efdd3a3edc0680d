"""Teachers that show their stimuli at any size: of data sets, a configuration or a teacher file."""

import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgas_neuro.api.options import check_path, find_mirror
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.plan import Plan, build_plan, refuse_stale
from tgas_neuro.recordings.datasets.description import Description, calc_description_digest
from tgas_neuro.runtime.changes import refuse_changed
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.ledger import check_source
from tgas_neuro.runtime.yaml_files import load_configuration

if TYPE_CHECKING:
    from tgas_neuro.teacher.sized import SizedTeacher
    from tgas_neuro.teacher.teacher import Teacher

CONFIG = Path("config.yaml")
RECORDINGS = Path("results/recordings")
MADE = {"data": {"kind": "simulated"}}  # for the sections that nothing is read of here
SIZE, DEGREES = 224, 8.0  # [px], [deg], where nothing else is said

Report = Callable[[str], None]
# Comparisons of which no ceiling is known; see `tgas_neuro.teacher.region.CEILING_METHODS`.
WITHOUT_CEILING = ("pearson", "kendall", "cka")


def load_teacher(
    source: str | Path | None = None,
    *,
    data: Mapping[str, str | Sequence[str]] | None = None,
    mirror: str | Path | None = None,
    degrees: float | None = None,
    comparison: str | None = None,
    splits: int | None = None,
    uncorrected: str | Sequence[str] = (),
    by: str | None = None,
    seed: int = 0,
    report: Report = print,
) -> "SizedTeacher":
    """Load a teacher, with which networks are compared.

    Parameters
    ----------
    source
        A teacher file of a run, ``teacher.nc``; or a configuration, ``config.yaml``, of which the
        sections ``recordings`` and ``teacher`` count. None takes `data`, and without it the
        ``config.yaml`` of this folder.
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
    uncorrected
        Regions whose similarity is used as measured because they have no noise ceiling. Those of
        a published RDM need not be named.
    by
        ``category`` splits each region by the category of its stimuli: a region for each category
        of at least six rows, without a noise ceiling. None keeps the regions whole.
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
    >>> import tgas_neuro as tgas
    >>> quiet = lambda line: None
    >>> teacher = tgas.load_teacher(data={"IT": "simulated"}, splits=4, report=quiet)
    >>> teacher.regions
    ('IT',)
    """
    from tgas_neuro.recordings.datasets.data_set import DESCRIPTIONS
    from tgas_neuro.teacher.build import build_teacher
    from tgas_neuro.teacher.options import read_options, read_sources
    from tgas_neuro.teacher.sized import SizedTeacher, prepare
    from tgas_neuro.teacher.teacher import resize_stimuli

    if by is not None:
        check_choice("by", by, ("category",))
    check_path("source", source)
    mirror = find_mirror(mirror)
    uncorrected = [uncorrected] if isinstance(uncorrected, str) else uncorrected
    if not isinstance(uncorrected, Collection):
        raise UserError(f"uncorrected: {uncorrected!r}; expected a list of regions, as ['V4']")
    if data is not None and source is not None:
        raise UserError(f"data: is given beside the teacher {source}; leave one out")
    if source is not None and Path(source).suffix == ".nc":
        given = {"mirror": mirror, "degrees": degrees, "comparison": comparison, "splits": splits}
        for key, value in (given | {"uncorrected": uncorrected or None}).items():
            if value is not None:
                raise UserError(
                    f"{key}: {value} is given beside {source}, in which it is fixed; leave it "
                    "out, or name data sets or a configuration"
                )
        return _load_file(Path(source), by, report)
    sections = _choose_sections(source, data)
    name = "data" if data is not None else str(source or CONFIG)
    here = Path(source or CONFIG).parent
    folders = (here / DESCRIPTIONS[0], *DESCRIPTIONS)  # those beside a configuration come first
    plan = build_plan(_complete(sections, degrees, comparison, splits, seed), folders, name)
    sections = {key: dump_section(getattr(plan.config, key)) for key in ("recordings", "teacher")}
    used = sections["teacher"]["comparison"]
    if data is not None:
        sections["teacher"]["uncorrected"] = _list_published(plan)
        if used in WITHOUT_CEILING:
            report(f"Note: comparison {used} has no noise ceiling; similarities are as measured")
            sections["teacher"]["uncorrected"] = list(plan.regions)
    sections["teacher"]["uncorrected"] += [
        region for region in uncorrected if region not in sections["teacher"]["uncorrected"]
    ]
    for region in uncorrected:
        if region not in plan.regions:
            raise UserError(
                f"uncorrected: {region!r} is not one of the regions: {', '.join(plan.regions)}"
            )
    folder = tempfile.mkdtemp(prefix="tgas-teacher-")
    try:
        own = sections["recordings"]["mirror"]
        found = here / own if own else None
        gather_recordings(plan.descriptions, Path(folder), mirror or found)
        sources = read_sources(sections["recordings"], plan.regions, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise

    built: list[Teacher] = []

    def build(size: int) -> "Teacher":
        if built and sections["teacher"]["kind"] == "recordings":  # all but the images is equal
            degrees = sections["teacher"]["stimuli"]["visual_degrees"]
            return resize_stimuli(built[0], sources, size, degrees)
        sections["teacher"]["stimuli"]["size"] = size
        options = read_options(sections, plan.config.search.seed)
        try:
            built.append(build_teacher(sources, options, {}, report))
            return built[-1]
        except UserError as error:  # written for the keys of a configuration
            key = "teacher.uncorrected" if data is None else "uncorrected"
            raise UserError(str(error).replace("teacher.uncorrected", key)) from None

    size = sections["teacher"]["stimuli"]["size"]
    return SizedTeacher(prepare(build, by, report), sources, size, folder)


def _load_file(path: Path, by: str | None, report: Report) -> "SizedTeacher":
    """A teacher file, with the recordings of its run for other sizes where they lie beside it."""
    from tgas_neuro.teacher import teacher as files
    from tgas_neuro.teacher.sized import SizedTeacher, find_sources, prepare

    refuse_stale(str(path))
    if path.is_file():
        refuse_changed(path)
        check_source(path)
    loaded = files.load_teacher(path)
    own = next(iter(loaded.regions.values())).sizes["x"]
    beside = path.absolute().parent.parent.parent / RECORDINGS.name
    sources = find_sources(loaded, beside)

    def build(size: int) -> "Teacher":
        if size == own:
            return loaded
        if sources is None:
            raise UserError(
                f"{path}: has its stimuli at {own} px only, and {beside} has not the recordings "
                f"that it was made of; give size {own}, or name its config.yaml"
            )
        degrees = float(next(iter(loaded.regions.values())).attrs["visual_degrees"])
        return files.resize_stimuli(loaded, sources, size, degrees)

    return SizedTeacher(prepare(build, by, report), sources, own)


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
        if not isinstance(data, Mapping):
            raise UserError(
                f"data: {data!r}: expected regions with their data sets, as {{'V4': "
                "'cowley2023_v4'}"
            )
        lists = {
            key: [one] if isinstance(one, str) else list(one) if isinstance(one, Iterable) else one
            for key, one in data.items()
        }
        regions = {region: {"datasets": names} for region, names in lists.items()}
        return {"recordings": {"regions": regions}, "teacher": {}}
    path = Path(source or CONFIG)
    if source is None and not path.is_file():
        raise UserError(
            "data: is missing, and there is no config.yaml here; name recordings, as "
            "V4=cowley2023_v4 (see neural_data/)"
        )
    given = load_configuration(path)
    return {key: given[key] for key in ("recordings", "teacher") if key in given}


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


def _list_published(plan: Plan) -> list[str]:
    """Regions of which only an RDM was published, which has no ceiling."""
    return [
        region
        for region, datasets in plan.regions.items()
        if all(plan.descriptions[dataset].provides == "rdm" for dataset in datasets)
    ]
