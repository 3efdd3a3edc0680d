"""Repetitions: averages over all of them, and over random halves of them, per stimulus."""

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr


@dataclass(frozen=True)
class Repetitions:
    """Responses with the row of each presentation, ready for averaging.

    Attributes
    ----------
    responses
        (presentation, neuroid), float64.
    stimulus
        Stimulus number of each presentation, (presentation,), from 0.
    row
        RDM row (an image, or an object for the object level) of each stimulus, (stimulus,).
    """

    responses: torch.Tensor
    stimulus: torch.Tensor
    row: torch.Tensor

    @property
    def counts(self) -> torch.Tensor:
        """Number of repetitions of each stimulus, (stimulus,)."""
        return torch.bincount(self.stimulus, minlength=len(self.row))


def index_repetitions(
    assembly: xr.DataArray, stimulus_ids: np.ndarray, row: np.ndarray
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
    """
    place = {identifier: number for number, identifier in enumerate(map(str, stimulus_ids))}
    stimulus = [place[str(identifier)] for identifier in assembly["stimulus_id"].values]
    return Repetitions(
        responses=torch.from_numpy(assembly.values.astype(np.float64)),
        stimulus=torch.tensor(stimulus, dtype=torch.int64),
        row=torch.as_tensor(np.asarray(row, dtype=np.int64)),
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
    responses, stimulus = repetitions.responses, repetitions.stimulus
    if keep is not None:
        responses, stimulus = responses[keep], stimulus[keep]
    per_stimulus = _average_groups(responses, stimulus, len(repetitions.row))
    # each image of an object weighs the same, however often it was repeated
    shown = ~torch.isnan(per_stimulus[:, 0])
    n_rows = int(repetitions.row.max()) + 1
    return _average_groups(per_stimulus[shown], repetitions.row[shown], n_rows)


def _average_groups(values: torch.Tensor, group: torch.Tensor, n_groups: int) -> torch.Tensor:
    total = torch.zeros((n_groups, values.shape[1]), dtype=values.dtype)
    total.index_add_(0, group, values)
    return total / torch.bincount(group, minlength=n_groups)[:, None]


def draw_split(
    repetitions: Repetitions, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Split each stimulus's repetitions at random into halves; an odd one goes to either half.

    Returns
    -------
    first, second
        Which presentations belong to each half, (presentation,), bool. A stimulus with a single
        repetition is in one half only.
    """
    stimulus = repetitions.stimulus.numpy()
    counts = repetitions.counts.numpy()
    order = np.lexsort((generator.random(len(stimulus)), stimulus))
    start = np.cumsum(counts) - counts
    place = np.arange(len(stimulus)) - start[stimulus[order]]
    size = (counts + generator.integers(0, 2, len(counts))) // 2
    first = np.zeros(len(stimulus), dtype=bool)
    first[order] = place < size[stimulus[order]]
    return torch.from_numpy(first), torch.from_numpy(~first)


def standardise_sites(responses: torch.Tensor, normalise: str = "zscore") -> torch.Tensor:
    """Z-score each site over rows, (row, neuroid); ``"none"`` returns the responses as they are.

    Without it, sites with high rates and rate-dependent noise dominate the RDM, and the noise
    ceiling overshoots. A site without variance carries no information and becomes 0.
    """
    return NORMALISATIONS[normalise](responses)


def _zscore(responses: torch.Tensor) -> torch.Tensor:
    centred = responses - responses.mean(dim=0)
    deviation = centred.pow(2).mean(dim=0).sqrt()
    constant = deviation <= 1e-12 * responses.abs().amax(dim=0)
    return torch.where(constant, 0.0, centred / torch.where(constant, 1.0, deviation))


def _keep(responses: torch.Tensor) -> torch.Tensor:
    return responses


NORMALISATIONS = {"zscore": _zscore, "none": _keep}
