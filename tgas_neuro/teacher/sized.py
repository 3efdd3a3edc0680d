"""A teacher whose stimuli can be shown at any size, for networks that want images of their own."""

import shutil
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.options import Source
from tgas_neuro.teacher.teacher import Teacher, find_stimuli, resize_stimuli


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
        size = size or self.size
        if size not in self._known:
            self._known[size] = self._build(size)
        return self._known[size]

    @property
    def regions(self) -> tuple[str, ...]:
        """Names of its regions."""
        return tuple(self._any.regions)

    def list_stimuli(self, region: str) -> pd.DataFrame:
        """The stimuli of a region in its order; ``filename`` only where the images are known."""
        shown = self._any.regions[region]["stimulus"].values.astype(str)
        if self._sources is None:
            return pd.DataFrame({"stimulus_id": shown})
        return find_stimuli(self._sources[region], shown, region).reset_index(drop=True)

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
