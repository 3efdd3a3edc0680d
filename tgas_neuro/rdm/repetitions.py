"""Repetitions: their averages per stimulus, over all, random halves and cross-validation folds."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch
import xarray as xr

from tgas_neuro.runtime.errors import UserError, check_choice

# A site that varies less than this, relative to its largest response, is constant but for rounding:
# an assembly is float32.
SMALLEST_RELATIVE_DEVIATION = 1e-6


@dataclass(frozen=True)
class Repetitions:
    """Responses with the row of each presentation, ready for averaging.

    Attributes
    ----------
    responses
        (presentation, neuroid), float64 or float32; float32 where they were recorded so.
    stimulus
        Stimulus number of each presentation, (presentation,), from 0.
    row
        RDM row (an image, or an object for the object level) of each stimulus, (stimulus,).
    dtype
        In which responses are summed.
    """

    responses: torch.Tensor
    stimulus: torch.Tensor
    row: torch.Tensor
    dtype: torch.dtype = torch.float64

    @property
    def counts(self) -> torch.Tensor:
        """Number of repetitions of each stimulus, (stimulus,)."""
        return torch.bincount(self.stimulus, minlength=len(self.row))

    @cached_property
    def by_stimulus(self) -> torch.Tensor:
        """Presentations in the order of their stimuli, (presentation,)."""
        return torch.argsort(self.stimulus, stable=True)

    @property
    def n_rows(self) -> int:
        """Rows of the RDM."""
        return int(self.row.max()) + 1


def list_stimuli(assembly: xr.DataArray) -> np.ndarray:
    """Sorted identifiers of the stimuli of an assembly, (stimulus,)."""
    shown = pd.unique(
        assembly["stimulus_id"].values.astype(str)
    )  # hashes; np.unique sorts them all
    return np.sort(shown.astype(str))


def index_repetitions(
    assembly: xr.DataArray,
    stimulus_ids: np.ndarray,
    row: np.ndarray,
    dtype: torch.dtype = torch.float64,
    device: str | torch.device = "cpu",
) -> Repetitions:
    """Number the presentations of `assembly` by their place in `stimulus_ids`.

    Parameters
    ----------
    assembly
        Dims ("presentation", "neuroid"); every stimulus of it is in `stimulus_ids`.
    stimulus_ids
        (stimulus,), the order of the stimulus table.
    row
        (stimulus,), the RDM row to which each stimulus belongs.
    dtype
        Of the sums over repetitions; float32 responses are copied for neither. With float32, the
        assembly's own, averages are four times faster and as exact as the responses themselves.
    device
        Where the averages are taken.

    Raises
    ------
    UserError
        A stimulus of the assembly is not in `stimulus_ids`.
    """
    shown = assembly["stimulus_id"].values.astype(str)
    stimulus = pd.Index(np.asarray(stimulus_ids).astype(str)).get_indexer(shown)
    if (stimulus < 0).any():
        raise UserError(
            f"stimulus_id: {str(shown[stimulus < 0][0])!r} of the recordings is not among the "
            f"{len(stimulus_ids)} stimuli given; list it or leave its presentations out"
        )
    responses = torch.from_numpy(np.require(assembly.values, requirements=["C", "W"])).to(device)
    return Repetitions(
        responses=responses if responses.dtype == torch.float32 else responses.to(dtype),
        stimulus=torch.from_numpy(stimulus).to(device, torch.int64),
        row=torch.as_tensor(np.asarray(row, dtype=np.int64), device=device),
        dtype=dtype,
    )


def average_repetitions(repetitions: Repetitions, keep: torch.Tensor | None = None) -> torch.Tensor:
    """Mean over repetitions per stimulus, then over the stimuli of a row, (row, neuroid), float64.

    Parameters
    ----------
    repetitions
        See `Repetitions`.
    keep
        Which presentations to take, (presentation,), bool; all when None. A row without any
        presentation is NaN.
    """
    chosen = repetitions.by_stimulus
    if keep is not None:
        chosen = chosen[keep[chosen]]
    stimulus, n_stimuli = repetitions.stimulus[chosen], len(repetitions.row)
    per_stimulus = _average_groups(
        repetitions.responses, chosen, stimulus, n_stimuli, repetitions.dtype
    )
    # each image of an object weighs the same, however often it was repeated
    shown = torch.nonzero(~torch.isnan(per_stimulus[:, 0])).flatten()
    shown = shown[torch.argsort(repetitions.row[shown], stable=True)]
    row = repetitions.row[shown]
    return _average_groups(per_stimulus, shown, row, repetitions.n_rows, per_stimulus.dtype)


def _average_groups(
    values: torch.Tensor,
    chosen: torch.Tensor,
    group: torch.Tensor,
    n_groups: int,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Mean of the chosen values of each group, (group, neuroid), float64; NaN for an empty one.

    `chosen` goes group by group. Values of this `dtype` are summed as bags of an embedding: no copy
    of them, no two threads that add to the same sum. Others are cast group by group.
    """
    counts = torch.bincount(group, minlength=n_groups)
    if values.dtype == dtype:
        start = counts.cumsum(0) - counts
        total = torch.nn.functional.embedding_bag(chosen, values, start, mode="sum")
    else:
        total = torch.empty((n_groups, values.shape[1]), dtype=dtype, device=values.device)
        # by one thread: some dozen rows are too few to share, and waiting for others is slow
        for members, out in zip(chosen.split(counts.tolist()), total, strict=True):
            torch.sum(values.index_select(0, members), dim=0, dtype=dtype, out=out)
    return total.to(torch.float64) / counts[:, None]


def draw_split(
    repetitions: Repetitions, generator: np.random.Generator, size: np.ndarray | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Split each stimulus's repetitions at random into halves; an odd one goes to either half.

    With `size`, (stimulus,), the first part has so many of each stimulus instead of a half.

    Returns
    -------
    first, second
        Which presentations belong to each half, (presentation,), bool. A stimulus with a single
        repetition is in one half only.
    """
    stimulus = repetitions.stimulus.cpu().numpy()
    counts = repetitions.counts.cpu().numpy()
    # one key instead of two to sort by; equal keys in a stimulus have a chance of 1 in 2**32
    order = np.argsort((stimulus << 32) + generator.integers(0, 2**32, len(stimulus)))
    start = np.cumsum(counts) - counts
    place = np.arange(len(stimulus)) - start[stimulus[order]]
    if size is None:
        size = (counts + generator.integers(0, 2, len(counts))) // 2
    first = np.zeros(len(stimulus), dtype=bool)
    first[order] = place < size[stimulus[order]]
    mask = torch.from_numpy(first).to(repetitions.stimulus.device)
    return mask, ~mask


def standardise_sites(responses: torch.Tensor, normalise: str = "zscore") -> torch.Tensor:
    """Z-score each site over rows, (row, neuroid); ``"none"`` returns the responses as they are.

    Without it, sites with high rates and rate-dependent noise dominate the RDM, and the noise
    ceiling overshoots. A site without variance carries no information and becomes 0.
    """
    return NORMALISATIONS[normalise](responses)


def _zscore(responses: torch.Tensor) -> torch.Tensor:
    centred = responses - responses.mean(dim=0)
    deviation = centred.pow(2).mean(dim=0).sqrt()
    constant = deviation <= SMALLEST_RELATIVE_DEVIATION * responses.abs().amax(dim=0)
    return torch.where(constant, 0.0, centred / torch.where(constant, 1.0, deviation))


def _keep(responses: torch.Tensor) -> torch.Tensor:
    return responses


NORMALISATIONS = {"zscore": _zscore, "none": _keep}


def assign_folds(
    repetitions: Repetitions,
    folds: str,
    repetition: np.ndarray | None = None,
    generator: np.random.Generator | None = None,
) -> torch.Tensor:
    """Number the fold of each presentation.

    Parameters
    ----------
    repetitions
        See `Repetitions`.
    folds
        ``"repetitions"``: the same repetition of all stimuli is a fold. ``"halves"``: one random
        split of each stimulus's repetitions (see `draw_split`).
    repetition
        (presentation,), the repetition of each presentation; counted in their order when None.
    generator
        Draws the halves.

    Returns
    -------
    fold
        (presentation,), from 0.

    Raises
    ------
    UserError
        The choice is unknown, or halves are asked for without a generator.
    """
    check_choice("folds", folds, FOLDS)
    return FOLDS[folds](repetitions, repetition, generator).to(repetitions.stimulus.device)


def average_folds(repetitions: Repetitions, fold: torch.Tensor) -> tuple[Repetitions, torch.Tensor]:
    """One response per stimulus and fold: the mean of its presentations there.

    Returns
    -------
    repetitions, fold
        The same with these means as presentations, and the fold of each.
    """
    n_folds = int(fold.max()) + 1
    both, place = torch.unique(repetitions.stimulus * n_folds + fold, return_inverse=True)
    if len(both) == len(fold):
        return repetitions, fold
    shape = (len(both), repetitions.responses.shape[1])
    total = repetitions.responses.new_zeros(shape).index_add_(0, place, repetitions.responses)
    return (
        replace(
            repetitions,
            responses=total / torch.bincount(place)[:, None],
            stimulus=both // n_folds,
        ),
        both % n_folds,
    )


def _take_repetitions(
    repetitions: Repetitions, repetition: np.ndarray | None, generator: np.random.Generator | None
) -> torch.Tensor:
    if repetition is None:
        return _count_earlier(repetitions.stimulus)
    return torch.from_numpy(np.unique(repetition, return_inverse=True)[1])


def _count_earlier(stimulus: torch.Tensor) -> torch.Tensor:
    """How many presentations of the same stimulus came before each, (presentation,)."""
    order = torch.argsort(stimulus, stable=True)
    counts = torch.bincount(stimulus)
    start = counts.cumsum(0) - counts
    place = torch.arange(len(stimulus), device=stimulus.device)
    earlier = torch.empty_like(stimulus)
    earlier[order] = place - start[stimulus[order]]
    return earlier


def _draw_halves(
    repetitions: Repetitions, repetition: np.ndarray | None, generator: np.random.Generator | None
) -> torch.Tensor:
    if generator is None:
        raise UserError(
            "generator: None, but folds: 'halves' are drawn at random; pass a numpy Generator or "
            "use folds: 'repetitions'"
        )
    return draw_split(repetitions, generator)[1].to(torch.int64)


FOLDS = {"repetitions": _take_repetitions, "halves": _draw_halves}
