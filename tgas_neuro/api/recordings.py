"""Neural recordings with their stimuli, RDMs and noise ceilings: the call `load_recordings`."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tgas_neuro.api.rdms import RDM, ROW
from tgas_neuro.api.teachers import MADE, gather_recordings
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.plan import Plan, build_plan
from tgas_neuro.runtime.errors import UserError

if TYPE_CHECKING:
    import xarray as xr

    from tgas_neuro.rdm import NoiseCeiling
    from tgas_neuro.teacher.options import Source, TeacherOptions
    from tgas_neuro.teacher.recorded.recorded_region import Measured
    from tgas_neuro.teacher.region import Shown

CALL = "load_recordings"
EVERY = "every_region"  # in place of regions that are not known yet


@dataclass(frozen=True)
class Ceiling:
    """The noise ceiling of an RDM: the most that a noise-free model can reach against it.

    Attributes
    ----------
    value
        In (0, 1]; None where the recordings do not repeat themselves (r <= 0).
    interval
        2.5 and 97.5 percentile of the ceiling over the random splits, in [0, 1]. It is the spread
        over splits, not over stimuli.
    split_half
        Mean Spearman r between the RDMs of two halves of the repetitions, in [-1, 1].
    reliability
        Spearman-Brown corrected split-half reliability of the RDM, 2 r / (1 + r).
    halves
        The ceilings of the RDMs of the two crossed halves of the rows, None as for `value`.
    n_rows
        Rows of the RDM that could be split.
    """

    value: float | None
    interval: tuple[float, float]
    split_half: float
    reliability: float
    halves: tuple[float | None, float | None]
    n_rows: int

    def to_frame(self) -> pd.DataFrame:
        """One row; columns ``value``, ``low``, ``high``, ``split_half``, ``reliability``."""
        low, high = self.interval
        values = {"value": self.value, "low": low, "high": high}
        rest = {"split_half": self.split_half, "reliability": self.reliability}
        return pd.DataFrame([values | rest | {"n_rows": self.n_rows}])


class Recordings:
    """Recordings of one data set; `load_recordings` makes them.

    Attributes
    ----------
    dataset
        Name of the data set.
    regions
        Names of the regions.
    simulated
        Whether the recordings are simulated.
    notes
        What a user should know, a line each; they have been reported.
    """

    def __init__(self, plan: Plan, sections: dict[str, Any], seed: int, folder: str):
        from tgas_neuro.teacher.options import read_options, read_sources

        self._options: TeacherOptions = read_options(sections, seed)
        self._sources: dict[str, Source] = read_sources(
            sections["recordings"], plan.regions, folder
        )
        self._measured: dict[str, Measured] = {}
        self._provides = {name: found.provides for name, found in plan.descriptions.items()}
        self._folder = _Folder(folder)
        self.regions = tuple(self._sources)
        self.dataset = next(iter(plan.descriptions.values())).name
        self.simulated = any(one.reader == "simulated" for one in plan.descriptions.values())
        self.notes = _list_notes(self._sources)

    def __repr__(self) -> str:
        what = "simulated" if self.simulated else "recorded"
        return (
            f"<Recordings {self.dataset} ({what}): {', '.join(self.regions)}; "
            f"{len(self.stimuli)} stimuli>"
        )

    @cached_property
    def stimuli(self) -> pd.DataFrame:
        """The stimulus table; column ``path`` says where each image is, as long as this exists."""
        return self._show(self.regions[0])[0]

    def to_xarray(self) -> "xr.DataArray":
        """The responses as recorded, dims ``("presentation", "neuroid")``.

        Sites are those of the regions and of ``select``, before unreliable ones are left out.

        Raises
        ------
        UserError
            Only an RDM was published, or there are several sessions.
        """
        import xarray as xr

        from tgas_neuro.recordings.assembly import load_assembly
        from tgas_neuro.teacher.recorded.selection import select_sites

        folder = self._get_folder(self.regions[0])
        self._refuse_published("to_xarray()", folder.name)
        assembly = {folder.name: load_assembly(folder / "assembly.nc")}
        regions = [
            select_sites(assembly, name, source.select)[folder.name]
            for name, source in self._sources.items()
        ]
        found = xr.concat(regions, "neuroid") if len(regions) > 1 else regions[0]
        shown = np.isin(found["stimulus_id"].values.astype(str), self.stimuli["stimulus_id"])
        return found.isel(presentation=np.flatnonzero(shown))

    def rdm(self, region: str | None = None, distance: str = "correlation") -> RDM:
        """RDM of a region, of its normalised mean responses.

        It is the one that a teacher of the same configuration has.

        Parameters
        ----------
        region
            One of `regions`; may be left out where there is one.
        distance
            ``correlation`` (one minus Pearson's r), ``cosine``, ``euclidean`` or ``crossnobis``.

        Raises
        ------
        UserError
            No such region or distance, or only an RDM was published, which has one distance.

        Examples
        --------
        >>> import tgas_neuro as tgas
        >>> recordings = tgas.load_recordings("simulated", report=lambda line: None)
        >>> rdm = recordings.rdm("IT")
        >>> len(rdm) == len(recordings.stimuli), rdm.to_frame().shape == (len(rdm), len(rdm))
        (True, True)
        """
        from tgas_neuro.rdm.distances import PREPARATIONS
        from tgas_neuro.runtime.errors import check_choice
        from tgas_neuro.teacher.recorded.recorded_region import UNDEFINED, calc_site_rdm
        from tgas_neuro.teacher.region import check_rdm

        name = self._choose(region)
        check_choice("distance", distance, UNDEFINED)
        assert set(PREPARATIONS)  # the distances of candidates
        stimuli, rows = self._show(name)
        folder = self._find_published(name)
        if folder is not None:
            if distance != "correlation":
                self._refuse_published(f"distance {distance!r}", folder.name)
            values = _load_published(folder, name)
        else:
            options = replace(self._options, distance=distance)
            measured = self._measure(name)
            found = calc_site_rdm(measured.parts, measured.shown, options)
            values = check_rdm(found, name, UNDEFINED[distance])
        return RDM(values, rows, stimuli, name, distance, self.simulated, self._folder)

    def ceiling(self, region: str | None = None, splits: int = 50, seed: int = 0) -> Ceiling:
        """Noise ceiling of a region's RDM, for distance correlation and comparison spearman.

        It is the one that a teacher of the same configuration has. See
        `tgas_neuro.rdm.calc_noise_ceiling` for the formula and its source.

        Parameters
        ----------
        region
            One of `regions`; may be left out where there is one.
        splits
            Random splits of the repetitions, at least 2.
        seed
            Of the splits and the crossed halves; of a run it is ``search.seed``.

        Raises
        ------
        UserError
            No such region, or nothing was repeated.

        Examples
        --------
        >>> import tgas_neuro as tgas
        >>> recordings = tgas.load_recordings("simulated", report=lambda line: None)
        >>> ceiling = recordings.ceiling("IT", splits=4)
        >>> 0 < ceiling.value <= 1, ceiling.interval[0] <= ceiling.interval[1]
        (True, True)
        """
        from tgas_neuro.teacher.recorded.recorded_region import calc_ceilings

        name = self._choose(region)
        if splits < 2:
            raise UserError(f"splits: {splits}; expected at least 2")
        folder = self._find_published(name)
        if folder is not None:
            self._refuse_published("a noise ceiling", folder.name)
        options = replace(self._options, splits=splits, seed=seed)
        found, half_0, half_1 = calc_ceilings(name, self._measure(name, seed), options)
        if np.isnan(found.split_half):
            raise UserError(
                f"{self.dataset}: region {name}: nothing was repeated that could be split into "
                "halves, so there is no noise ceiling"
            )
        return _build_ceiling(found, (half_0.ceiling, half_1.ceiling))

    def _choose(self, region: str | None) -> str:
        from tgas_neuro.runtime.errors import check_choice

        if region is None and len(self.regions) > 1:
            raise UserError(f"region: is missing; there are: {', '.join(self.regions)}")
        region = self.regions[0] if region is None else region
        check_choice("region", region, self.regions)
        return region

    def _measure(self, name: str, seed: int | None = None) -> "Measured":
        """Responses of a region; crossed halves, and reliabilities of sites, depend on the seed."""
        from tgas_neuro.teacher.recorded.recordings import load_measured

        seed = self._options.seed if seed is None else seed
        key = f"{name} {seed}"
        if key not in self._measured:
            options = replace(self._options, seed=seed)
            self._measured[key] = load_measured(name, self._sources[name], options)
        return self._measured[key]

    def _show(self, name: str) -> tuple[pd.DataFrame, np.ndarray]:
        """The stimuli of a region with their rows and paths, and the names of the rows."""
        shown = self._prepare(name)
        images = shown.folder / "stimuli"
        rows = shown.rows
        paths = [str(images / filename) for filename in shown.stimuli["filename"]]
        return shown.stimuli.assign(path=paths, **{ROW: rows.names[rows.of_stimulus]}), rows.names

    def _prepare(self, name: str) -> "Shown":
        from tgas_neuro.recordings.stimuli import load_stimuli
        from tgas_neuro.teacher.region import prepare_stimuli

        folder = self._find_published(name)
        if folder is None:
            return self._measure(name).shown
        stimuli = load_stimuli(folder / "stimuli.csv")
        return prepare_stimuli(stimuli, folder, self._options, self.dataset)

    def _get_folder(self, name: str) -> Path:
        folders = self._sources[name].folders
        if len(folders) > 1:
            raise UserError(
                f"{self.dataset}: {len(folders)} sessions, an assembly each; name the path of one "
                "in a description in place of the pattern"
            )
        return self._sources[name].first

    def _find_published(self, name: str) -> Path | None:
        """Folder of a data set of which only RDMs were published."""
        folder = self._sources[name].first
        return folder if self._provides[folder.name] == "rdm" else None

    def _refuse_published(self, what: str, dataset: str) -> None:
        if self._provides[dataset] == "rdm":
            raise UserError(
                f"{self.dataset}: {what} needs responses, but only RDMs were published; take "
                "rdm(), or a data set with responses"
            )


class _Folder:
    """A temporary folder, deleted when nothing needs it any more."""

    def __init__(self, path: str):
        self.delete = weakref.finalize(self, shutil.rmtree, path, ignore_errors=True)


def _build_ceiling(found: "NoiseCeiling", halves: tuple[float | None, float | None]) -> Ceiling:
    return Ceiling(
        found.ceiling,
        found.ceiling_interval,
        found.split_half,
        found.reliability,
        halves,
        found.n_rows,
    )


def _load_published(folder: Path, region: str) -> np.ndarray:
    from tgas_neuro.recordings.published_rdms import load_rdms

    published = load_rdms(folder / "rdm.nc")
    return published["rdm"].values[published["region"].values.astype(str) == region][0]


def _list_notes(sources: "Mapping[str, Source]") -> tuple[str, ...]:
    """What was left out or converted when the data sets were read."""
    from tgas_neuro.recordings.assembly import load_netcdf

    notes: list[str] = []
    for folder in {folder for one in sources.values() for folder in one.folders.values()}:
        dataset = load_netcdf(_find_content(folder))
        for found in (dataset, *dataset.values()):
            notes += str(found.attrs.get("notes", "")).split("\n")
    return tuple(dict.fromkeys(filter(None, notes)))


def _find_content(folder: Path) -> Path:
    return next(path for path in (folder / "assembly.nc", folder / "rdm.nc") if path.is_file())


def _list_regions(plan: Plan, folder: str) -> list[str]:
    """The regions of data sets, in the order of their sites."""
    from tgas_neuro.recordings.assembly import load_netcdf

    found: list[str] = []
    for name in plan.regions[EVERY]:
        dataset = load_netcdf(_find_content(Path(folder, name)))
        found += list(dataset["region"].values.astype(str))
    return list(dict.fromkeys(found))


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
        ``ceiling_from``, ``degrees``.

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
    from tgas_neuro.recordings.datasets.data_set import DESCRIPTIONS, find_description

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
        found = build_plan({**sections, **others}, folders, CALL)
        return found, {key: dump_section(getattr(found.config, key)) for key in sections}

    plan, sections = plan_regions(wanted or [EVERY])
    folder = tempfile.mkdtemp(prefix="tgas-recordings-")
    try:
        gather_recordings(plan.descriptions, Path(folder), mirror and Path(mirror))
        if not wanted:
            plan, sections = plan_regions(_list_regions(plan, folder))
        found = Recordings(plan, sections, seed, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for note in found.notes:
        report(f"Note: {note}")
    return found
