"""Recordings of one data set, as `load_recordings` gives them."""

import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tgas_neuro.api.ceilings import Ceiling
from tgas_neuro.api.rdms import RDM, ROW
from tgas_neuro.plan.plan import Plan
from tgas_neuro.recordings.datasets.data_set import list_notes
from tgas_neuro.runtime.errors import UserError, check_choice, check_whole_number

if TYPE_CHECKING:
    import xarray as xr

    from tgas_neuro.rdm import NoiseCeiling
    from tgas_neuro.teacher.options import Source, TeacherOptions
    from tgas_neuro.teacher.recorded.recorded_region import Measured
    from tgas_neuro.teacher.region import Shown

MOST_SPLITS = 10_000  # as of ``teacher.splits``


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

    def __init__(
        self,
        plan: Plan,
        sections: dict[str, Any],
        seed: int,
        folder: str,
        report: Callable[[str], None] = print,
    ):
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
        self._report = report
        self.notes = list_notes(_list_folders(self._sources))

    def __repr__(self) -> str:
        what = "simulated" if self.simulated else "recorded"
        return (
            f"<Recordings {self.dataset} ({what}): {', '.join(self.regions)}; "
            f"{len(self.stimuli)} stimuli>"
        )

    @property
    def stimuli(self) -> pd.DataFrame:
        """The stimulus table; column ``path`` says where each image is, as long as this exists."""
        return self._show(self.regions[0])[0]

    def to_xarray(self) -> "xr.DataArray":
        """The responses as recorded, dims ``("presentation", "neuroid")``.

        Sites are those of the regions and of ``select``, before unreliable ones are left out.

        Raises
        ------
        UserError
            Only an RDM was published, there are several sessions, or a ``sample`` is taken.
        """
        from tgas_neuro.recordings.assembly import load_assembly
        from tgas_neuro.teacher.recorded.selection import select_sites

        folder = self._get_folder(self.regions[0])
        self._refuse_published("to_xarray()", folder.name)
        if any(source.sample is not None for source in self._sources.values()):
            raise UserError(
                "sample: to_xarray() gives all that was recorded, rdm() and ceiling() take the "
                "sample; load the recordings without it"
            )
        found = load_assembly(folder / "assembly.nc")
        numbered = {folder.name: found.assign_coords(place=("neuroid", np.arange(found.shape[1])))}
        sites = [
            select_sites(numbered, name, source.select)[folder.name]["place"].values
            for name, source in self._sources.items()
        ]
        shown = np.isin(found["stimulus_id"].values.astype(str), self.stimuli["stimulus_id"])
        return found.isel(presentation=np.flatnonzero(shown), neuroid=np.concatenate(sites))

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
        from tgas_neuro.teacher.recorded.recorded_region import UNDEFINED, calc_site_rdm
        from tgas_neuro.teacher.region import check_rdm

        name = self._choose(region)
        check_choice("distance", distance, UNDEFINED)
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
            Random splits of the repetitions, 2 to 10,000.
        seed
            Of the splits and the crossed halves; of a run it is ``search.seed``.

        Raises
        ------
        UserError
            No such region, a number out of its range, or nothing was repeated.

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
        check_whole_number("splits", splits, 2, MOST_SPLITS)
        check_whole_number("seed", seed, 0)
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
            found = self._measured[key] = load_measured(name, self._sources[name], options)
            for note in found.notes:
                if note not in self.notes:
                    self._report(f"Note: {note}")
            self.notes += tuple(note for note in found.notes if note not in self.notes)
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

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Folder":
        return self  # copies need it too

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


def _list_folders(sources: "dict[str, Source]") -> list[Path]:
    return list(dict.fromkeys(f for source in sources.values() for f in source.folders.values()))
