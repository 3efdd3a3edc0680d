"""The facts that the page of a run shows, as plain data; `tgas_neuro.report.gather` finds them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.architecture.space import Genotype
from tgas_neuro.config.configuration import Configuration
from tgas_neuro.scoring.layers import RegionScore
from tgas_neuro.search.guidance import Rating


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Attributes
    ----------
    done, total
        Candidates that have finished, and of how many; None where the length was not noted.
    holder
        Process id of the workflow that runs in the folder now, or None.
    """

    done: int
    total: int | None
    holder: int | None

    @property
    def ended(self) -> bool:
        """Whether all candidates have finished."""
        return self.total is not None and self.done >= self.total


@dataclass(frozen=True)
class Candidate:
    """One finished candidate.

    Attributes
    ----------
    number
        From 1, in the order of the history.
    id, hash, genotype, state, original, complete, P, TG, TG_untrained, regions, reward
        See `tgas_neuro.search.history.Entry`.
    params, macs
        See `tgas_neuro.search.history.Entry`.
    message
        Why it failed; empty otherwise.
    reused
        Whether an older run trained it; such a candidate has cost this run nothing.
    images_seen, seconds
        Its cost.
    images_so_far
        Training images of this run up to and with this candidate.
    """

    number: int
    id: str
    hash: str
    genotype: Genotype
    state: str
    message: str
    original: str | None
    complete: bool
    reused: bool
    P: float | None
    TG: float | None
    TG_untrained: float | None
    regions: dict[str, float] | None
    reward: float | None
    params: int
    macs: int
    images_seen: int
    images_so_far: int
    seconds: float


@dataclass(frozen=True)
class Similarity:
    """Similarity of a network to a region: raw, corrected for noise, and the layers it is of."""

    raw: float
    corrected: float
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Region:
    """A region of the teacher beside the networks that were compared with it.

    Attributes
    ----------
    name, title, datasets, description, simulated, n_stimuli
        What was recorded; the title is "" for recordings, and names a network or a control.
    n_sites
        None where it is not known.
    ceiling, ceiling_low, ceiling_high, ceiling_from, reliability
        None where there is none.
    corrected
        Whether its similarity is divided by the ceiling.
    untrained, searched, final
        The winner before its training, after the short one, and at full size; None where it was
        not measured, or where no layer distinguishes all stimuli.
    """

    name: str
    title: str
    datasets: tuple[str, ...]
    description: str
    simulated: bool
    n_sites: int | None
    n_stimuli: int
    reliability: float | None
    ceiling: float | None
    ceiling_low: float | None
    ceiling_high: float | None
    ceiling_from: str | None
    corrected: bool
    untrained: Similarity | None
    searched: Similarity | None
    final: Similarity | None


@dataclass(frozen=True)
class TeacherFacts:
    """The teacher: its folder, file, level, how RDMs are made and compared, and its regions."""

    name: str
    path: Path
    level: str
    distance: str
    comparison: str
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class LayerMap:
    """Every layer of a network against every region, and the layers that stand for a region."""

    title: str
    regions: Mapping[str, RegionScore]
    chosen: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class FinalFacts:
    """The final training.

    Attributes
    ----------
    folder
        ``results/final/<run>``.
    metrics
        Content of ``metrics.json``.
    TG
        Of the final network, by the layer choice of the run; None where it was not measured.
    log
        Epoch, training loss and validation accuracy of each epoch; an accuracy that was not
        measured is None.
    dataset
        Name of the images; "" where the configuration is not known.
    """

    folder: str
    metrics: Mapping[str, Any]
    TG: float | None
    log: tuple[tuple[int, float, float | None], ...]
    dataset: str

    @property
    def chance(self) -> float:
        """Top-1 of a guess among the classes."""
        return 1 / self.metrics["n_classes"]


@dataclass(frozen=True)
class Stage:
    """What a stage took: time [s] and training images; None where it was not noted."""

    name: str
    seconds: float | None
    images_seen: int | None
    how: str


@dataclass(frozen=True)
class Failure:
    """How many candidates ended in a state, and the commonest reason."""

    state: str
    count: int
    reason: str


@dataclass(frozen=True)
class Citation:
    """What to cite of a data set, its source and licence."""

    name: str
    text: str
    source: str
    license: str


@dataclass(frozen=True)
class Facts:
    """A run as its folders show it.

    Attributes
    ----------
    name, title
        Folder of the search; the name that the configuration gives it, else the folder's.
    phase
        In words: what has ended, what goes on.
    finished
        Whether the final training has been evaluated.
    progress
        How far the search is.
    rating, basis
        How candidates are ranked, and from what rewards were calculated ("" from each by itself).
    configuration
        None where it was not noted.
    simulated, note
        As in ``best_cell.json``; of a run that has not ended, as far as they are known.
    candidates
        In the order of the history, those of older runs first.
    best, best_alone
        The best of them by reward, and by P alone.
    n_held_back, chance
        Images that P is measured on, and P of a guess; None where they are not known.
    chain, digests, versions
        What made the result.
    missing
        What the page cannot show, a line each.
    """

    name: str
    title: str
    phase: str
    finished: bool
    progress: Progress
    rating: Rating
    basis: str
    results_version: int | None
    seed: int | None
    configuration: Configuration | None
    simulated: tuple[str, ...]
    note: str
    candidates: tuple[Candidate, ...]
    best: Candidate | None
    best_alone: Candidate | None
    n_held_back: int | None
    chance: float | None
    failures: tuple[Failure, ...]
    teacher: TeacherFacts | None
    maps: tuple[LayerMap, ...]
    final: FinalFacts | None
    stages: tuple[Stage, ...]
    chain: str
    digests: Mapping[str, str]
    versions: Mapping[str, str]
    citations: tuple[Citation, ...]
    missing: tuple[str, ...]
