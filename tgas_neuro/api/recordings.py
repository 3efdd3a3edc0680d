"""Neural recordings with their stimuli, RDMs and noise ceilings: the call `load_recordings`."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.api.options import find_mirror
from tgas_neuro.api.recorded import Recordings
from tgas_neuro.api.teachers import MADE, gather_recordings
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.plan import Plan, build_plan
from tgas_neuro.recordings.datasets.data_set import (
    DESCRIPTIONS,
    find_description,
    list_regions,
)
from tgas_neuro.runtime.errors import UserError, check_choice

CALL = "load_recordings"
EVERY = "every_region"  # in place of regions that are not known yet


def load_recordings(
    data: str | Path,
    *,
    region: str | Sequence[str] | None = None,
    select: Mapping[str, Any] | None = None,
    mirror: str | Path | None = None,
    min_site_reliability: float = 0.2,
    normalise: str = "zscore",
    level: str = "image",
    seed: int = 0,
    report: Callable[[str], None] = print,
    **source: Any,
) -> Recordings:
    """Load neural recordings with their stimuli.

    What a run in this folder has read is taken from ``results/recordings``; another data set is
    fetched and read into a temporary folder, which is deleted with the result.

    Parameters
    ----------
    data
        Name of a data set, ``neural_data/<name>.yaml`` of this folder or of the project, or the
        file of a description.
    region
        Regions that are taken, by name; None takes all.
    select
        Label to values: ``variation`` of stimuli, ``animal`` and ``array`` of sites, and
        ``window_ms``, start and stop [ms]. Keys as in ``recordings.regions.<region>.select``.
    mirror
        A folder that is searched for the files of the data set before the internet.
    min_site_reliability
        Sites with a lower split-half reliability (Spearman-Brown) count in no RDM, in [-1, 1].
    normalise
        ``zscore``: every site over stimuli; ``none``: as recorded.
    level
        Rows of RDMs: ``image``, or ``object`` (responses averaged over the images of one object).
    seed
        Of the splits that give the reliability of sites.
    report
        Receives notes on what was left out or converted, a line each.
    **source
        Further keys of ``recordings.regions.<region>``: ``join``, ``match``, ``unmatched``,
        ``ceiling_from``, ``degrees``, ``sample``.

    Returns
    -------
    Recordings
        With `regions`, `stimuli`, `rdm`, `ceiling` and `to_xarray`.

    Raises
    ------
    UserError
        No such data set or region, a key or value that is not allowed, or a file that is missing
        or wrong.

    Examples
    --------
    >>> import tgas_neuro as tgas
    >>> recordings = tgas.load_recordings("simulated", report=lambda line: None)
    >>> recordings.regions
    ('V4', 'IT')
    >>> recordings.to_xarray().dims
    ('presentation', 'neuroid')
    """
    _check_forms(data, region, select)
    place = find_mirror(mirror)
    description = find_description(data)
    given = Path(data).suffix == ".yaml"
    folders = [*([Path(data).parent] if given else []), *DESCRIPTIONS]
    wanted = [region] if isinstance(region, str) else region and list(region)
    one = {"datasets": [description.name], "select": dict(select or {}), **source}
    recordings = {"min_site_reliability": min_site_reliability, "normalise": normalise}

    def plan_regions(names: Sequence[str]) -> tuple[Plan, dict[str, Any]]:
        sections = {
            "recordings": {**recordings, "regions": dict.fromkeys(names, one)},
            "teacher": {"level": level, "stimuli": {"size": 224, "visual_degrees": 8}},
        }
        others = {"premature": MADE, "final": MADE, "search": {"seed": seed}}
        try:
            found = build_plan({**sections, **others}, folders, CALL)
        except UserError as error:
            raise UserError(str(error).replace(EVERY, "<region>")) from None
        return found, {key: dump_section(getattr(found.config, key)) for key in sections}

    plan, sections = plan_regions(wanted or [EVERY])
    folder = tempfile.mkdtemp(prefix="tgas-recordings-")
    try:
        gather_recordings(plan.descriptions, Path(folder), place)
        there = list_regions([Path(folder, name) for name in plan.descriptions])
        if wanted:
            for name in wanted:
                check_choice(f"region: of data set {description.name}", name, there)
        else:
            plan, sections = plan_regions(there)
        found = Recordings(plan, sections, seed, folder, report)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for note in found.notes:
        report(f"Note: {note}")
    return found


def _check_forms(data: Any, region: Any, select: Any) -> None:
    """Raise `UserError` for arguments of another type than `load_recordings` takes."""
    if not isinstance(data, str | Path):
        raise UserError(f"data: {data!r}; expected the name of one data set, or a file")
    names = [region] if isinstance(region, str) else region
    if names is not None and (not isinstance(names, Sequence) or not len(names)):
        raise UserError(f"region: {region!r}; expected one or several names, or None for all")
    if select is not None and not isinstance(select, Mapping):
        raise UserError(f"select: {select!r}; expected labels to values, as {{'animal': ['A']}}")
