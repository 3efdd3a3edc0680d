"""A teacher whose stimuli can be shown at any size, and which can be split by their category."""

import shutil
import weakref
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr

from tgas_neuro.config.teacher import PREDICTIVITIES
from tgas_neuro.rdm.distances import take_rows
from tgas_neuro.runtime.errors import UserError, check_choice, check_whole_number
from tgas_neuro.teacher.identity import Identity, identify_teacher
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.teacher import Teacher, find_stimuli, get_rdm, resize_stimuli

MOST_SIZE = 2048  # of stimuli [px]
LEAST_ROWS = 6  # of a category; three in each crossed half
# Similarities of RDMs that have nothing in common have the standard deviation 1 / sqrt(pairs - 1)
# (Spearman's r of correlation distances within 10 % in simulations of 6 to 92 rows, also of
# features of 3 dimensions; CKA within 20 %, Kendall's tau-a of Euclidean distances within 30 %).
# With so many rows it is 0.05: 95 % of unrelated networks are within 0.1 of 0.
FEW_ROWS = 29
OF_RDMS = ("spearman", "pearson", "kendall")


class SizedTeacher:
    """A teacher whose stimuli can be shown at any size.

    RDMs, ceilings, rows and crossed halves are those of the recordings. They do not depend on the
    size.

    Parameters
    ----------
    build
        Builds the teacher with stimuli of a size [px].
    sources
        Region to where its stimuli lie; None where only the teacher file is known.
    size
        Width and height of the stimuli [px] where no network asks for another size.
    folder
        A temporary folder that the teacher reads, deleted with it; None where there is none.
    """

    def __init__(
        self,
        build: Callable[[int], Teacher],
        sources: Mapping[str, Source] | None,
        size: int,
        folder: str | None = None,
    ):
        self.size = size
        self._build, self._sources = build, sources
        self._known: dict[int, Teacher] = {}
        if folder is not None:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def at(self, size: int | None = None) -> Teacher:
        """The teacher with stimuli of `size` px, by default its own; each size is built once."""
        size = self.size if size is None else size
        check_whole_number("size", size, 1, MOST_SIZE)
        if size not in self._known:
            self._known[size] = self._build(size)
        return self._known[size]

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of its regions."""
        return tuple(self._any.regions)

    @cached_property
    def identity(self) -> Identity:
        """What networks are compared with, whatever the size of the stimuli."""
        return identify_teacher(self._any)

    def list_stimuli(self, region: str) -> pd.DataFrame:
        """The stimuli of a region in its order; ``filename`` only where the images are known."""
        check_choice("region", region, self._any.regions)
        shown = self._any.regions[region]["stimulus"].values.astype(str)
        if self._sources is None:
            return pd.DataFrame({"stimulus_id": shown})
        whole = str(self._any.regions[region].attrs.get("part_of", region))
        return find_stimuli(self._sources[whole], shown, whole).reset_index(drop=True)

    @property
    def built(self) -> Teacher:
        """The teacher at a size that it has been shown at, or at its own."""
        return self._any

    @property
    def _any(self) -> Teacher:
        return next(iter(self._known.values()), None) or self.at()

    def __repr__(self) -> str:
        lines = ["<SizedTeacher>"]
        for name, region in self._any.regions.items():
            ceiling, attrs = region.attrs["ceiling"], region.attrs
            corrected = attrs["corrected_for_noise"] and ceiling == ceiling
            lines.append(
                f"{name}: {attrs['dataset']}, {region.sizes['stimulus']} stimuli, "
                f"{attrs['comparison']}, ceiling {f'{ceiling:.3f}' if corrected else 'none'}"
            )
        return "\n    ".join(lines)


def find_sources(teacher: Teacher, folder: Path) -> dict[str, Source] | None:
    """Where the stimuli of a teacher lie; None unless they look the same there at its own size."""
    sources = {}
    for name, region in teacher.regions.items():
        alone = Teacher({name: region}, {})
        for join in ("sites", "stimuli"):
            datasets = str(region.attrs["dataset"]).split(", ")
            source = Source({one: folder / one for one in datasets}, join=join)
            degrees = float(region.attrs["visual_degrees"])
            try:
                shown = resize_stimuli(alone, {name: source}, region.sizes["x"], degrees)
            except UserError:
                continue
            if (shown.regions[name]["images"].values == region["images"].values).all():
                sources[name] = source
                break
        else:
            return None
    return sources


def prepare(
    build: Callable[[int], Teacher], by: str | None, report: Callable[[str], None]
) -> Callable[[int], Teacher]:
    """What `build` builds, split where that is asked for, and once a note on regions of few rows.

    Parameters
    ----------
    build
        Builds the teacher with stimuli of a size [px].
    by
        ``category``, or None for whole regions.
    report
        Receives notes, a line each.
    """
    noted: list[Teacher] = []

    def build_prepared(size: int) -> Teacher:
        teacher = build(size)
        if by is not None:
            teacher = split_categories(teacher, report)
        if not noted:
            noted.append(teacher)
            _note_few_rows(teacher, report)
        return teacher

    return build_prepared


def _note_few_rows(teacher: Teacher, report: Callable[[str], None]) -> None:
    few = []
    for name, region in teacher.regions.items():
        n_rows = region.sizes["row_name"]
        if n_rows < FEW_ROWS and region.attrs["comparison"] not in PREDICTIVITIES:
            error = (n_rows * (n_rows - 1) / 2 - 1) ** -0.5
            few.append(f"{error:.2f} ({name}, {n_rows} rows)")
    if few:
        report(
            "Note: few rows: unrelated networks have a similarity of 0 with a standard error of "
            f"about {', '.join(few)}; it is 0.05 with {FEW_ROWS} rows"
        )


def split_categories(teacher: Teacher, report: Callable[[str], None]) -> Teacher:
    """Split each region into its categories: RDMs of the rows of one category only.

    A part is called ``<region>: <category>``. It has no noise ceiling, because that of the region
    is one of all rows. Categories of fewer than `LEAST_ROWS` rows are left out, with a note.

    Parameters
    ----------
    teacher
        Of any kind.
    report
        Receives notes, a line each.

    Raises
    ------
    UserError
        RDMs are not compared, or no category has enough rows.
    """
    parts: dict[str, xr.Dataset] = {}
    small = []
    for name, region in teacher.regions.items():
        if region.attrs["comparison"] not in OF_RDMS:
            raise UserError(
                f"by: 'category' is for comparisons of RDMs ({', '.join(OF_RDMS)}), not for "
                f"{region.attrs['comparison']}"
            )
        categories = region["category_name"].values.astype(str)
        for category in dict.fromkeys(categories):
            keep = categories == category
            if category and keep.sum() >= LEAST_ROWS:
                parts[f"{name}: {category}"] = _take_rows(name, region, keep)
            else:
                what = f"{category!r}" if category else "no category"
                small.append(f"{what} in {name} ({int(keep.sum())})")
    if not parts:
        raise UserError(
            f"by: 'category': none has the {LEAST_ROWS} rows that are needed: {', '.join(small)}; "
            "leave it out"
        )
    report("Note: categories have no noise ceiling; similarities are as measured")
    if small:
        report(f"Note: rows of fewer than {LEAST_ROWS} are left out: {', '.join(small)}")
    return Teacher(parts, teacher.provenance)


def _take_rows(name: str, region: xr.Dataset, keep: np.ndarray) -> xr.Dataset:
    rdm = take_rows(torch.from_numpy(get_rdm(region)), torch.from_numpy(keep)).numpy()
    number = np.cumsum(keep) - 1
    row = region["row"].values
    part = region.drop_vars(["rdm", "split_correlations"], errors="ignore").isel(
        row_name=keep, stimulus=keep[row]
    )
    part["row"] = ("stimulus", number[row[keep[row]]])
    part["rdm"] = ("pair", rdm)
    part.attrs = {
        key: value for key, value in region.attrs.items() if key not in ("rdm_from", "ceiling_from")
    }
    ceilings = ("ceiling", "ceiling_half_0", "ceiling_half_1", "ceiling_low", "ceiling_high")
    part.attrs |= dict.fromkeys(ceilings, np.nan) | {"corrected_for_noise": 0, "part_of": name}
    return part
