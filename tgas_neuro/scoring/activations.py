"""Activations: what each layer of a candidate does with each stimulus."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tgas_neuro.architecture.hooks import catching_outputs
from tgas_neuro.rdm.patterns import METHODS as SCALINGS
from tgas_neuro.rdm.patterns import normalise_patterns
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.seeds import derive_generator
from tgas_neuro.scoring.projection import ROWS_AT_ONCE, choose_width, draw_projection
from tgas_neuro.search.candidate.training import load_batch

MAX_UNITS = "auto"
BATCH_SIZE = 64


@dataclass(frozen=True)
class Activations:
    """What is kept of one layer.

    Attributes
    ----------
    features
        (row, unit), float32.
    distance
        The distance to take of `features`, for `tgas_neuro.rdm.patterns.calc_patterns`: the one
        asked for; but of a projected layer ``"patterns"`` in place of ``"correlation"`` and
        ``"cosine"``: its features are scaled already, so that half their squared distance is the
        dissimilarity asked for, and are not to be scaled a second time.
    n_units
        Units of the layer, before a projection.
    """

    features: torch.Tensor
    distance: str
    n_units: int

    @property
    def projected(self) -> bool:
        """Whether dissimilarities are estimates."""
        return self.features.shape[1] < self.n_units


@torch.no_grad()
def record_layers(
    network: nn.Module,
    layers: dict[str, nn.Module],
    images: np.ndarray,
    row: np.ndarray,
    device: torch.device,
    distance: str = "correlation",
    max_units: int | str | None = MAX_UNITS,
    spatial_mean: bool = False,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> dict[str, Activations]:
    """Record layers for RDMs, averaged over the stimuli of each row, wide ones projected.

    Parameters
    ----------
    network
        In evaluation mode, so that no stimulus depends on the others of its batch.
    layers
        Name to module of the network.
    images
        (stimulus, y, x, rgb), uint8.
    row
        (stimulus,), RDM row of each stimulus.
    device
        Where the network is.
    distance
        Of the RDM that is to come; a key of `tgas_neuro.rdm.patterns.METHODS`.
    max_units
        A layer with more units is projected to so many sums (see `Projection`) while the stimuli
        go through. ``"auto"`` is `choose_width` of the number of rows; None projects nothing.
    spatial_mean
        Average over space first: over y and x of (stimulus, channel, y, x), over all tokens (the
        class token is one of them) of (stimulus, token, channel). Other outputs stay as they are.
    seed
        Of the run. The projection follows from it and the number of units alone, so that the same
        layer gives the same similarity in every candidate and every run.
    batch_size
        Stimuli that go through at once.

    Returns
    -------
    activations
        Name to `Activations`, on `device`. A row that does not vary over units (correlation) or
        is zero (cosine) is NaN in a projected layer, as `calc_patterns` makes it in others; so is
        a row without stimuli.

    Raises
    ------
    UserError
        `distance` or `max_units` is not allowed, or a layer puts out something else than a tensor.
    """
    check_choice("distance", distance, SCALINGS)
    row = np.asarray(row, dtype=np.int64)
    order = np.argsort(row, kind="stable")  # so that a row is complete before the next begins
    counts = torch.from_numpy(np.bincount(row)).to(device)
    width = _check_width(max_units, len(counts))
    keepers: dict[str, _RowKeeper] = {}
    with catching_outputs(layers) as outputs:
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            after = order[start + batch_size : start + batch_size + 1]
            network(load_batch(images, chosen, device))
            for name in list(outputs):
                flat = _flatten(name, outputs.pop(name), spatial_mean)
                if name not in keepers:
                    finish = _choose_finish(flat.shape[1], distance, width, seed, device)
                    keepers[name] = _RowKeeper(counts, finish)
                keepers[name].add(flat, row[chosen], row[after])
    scaled = distance if SCALINGS[distance] is None else "patterns"
    return {
        name: Activations(
            keeper.features,
            distance if keeper.features.shape[1] == keeper.n_units else scaled,
            keeper.n_units,
        )
        for name, keeper in keepers.items()
    }


class _RowKeeper:
    """Takes a layer's activations in the order of rows and keeps one vector a row.

    Rows are averaged at full width, so that a projected row is scaled by its exact length, whether
    it is of one stimulus or of many; only the row that a batch cuts through has to wait.
    """

    def __init__(self, counts: torch.Tensor, finish: Callable[[torch.Tensor], torch.Tensor]):
        self.counts = counts
        self.finish = finish
        self.n_units = 0
        self.features: torch.Tensor | None = None
        self.waiting: torch.Tensor | None = None

    def add(self, flat: torch.Tensor, row: np.ndarray, next_row: np.ndarray) -> None:
        """Add stimuli, (stimulus, unit), of ascending rows; the row after them, if any, is next."""
        numbers, place = np.unique(row, return_inverse=True)
        means = torch.zeros((len(numbers), flat.shape[1]), device=flat.device)
        means.index_add_(0, torch.from_numpy(place).to(flat.device), flat)
        if self.waiting is not None:
            means[0] += self.waiting
        cut = len(next_row) > 0 and next_row[0] == row[-1]
        self.waiting = means[-1].clone() if cut else None
        complete = torch.from_numpy(numbers[: len(numbers) - cut]).to(flat.device)
        if len(complete) == 0:
            return
        means = means[: len(complete)].div_(self.counts[complete, None])
        kept = torch.cat([self.finish(part) for part in means.split(ROWS_AT_ONCE)])
        if self.features is None:
            self.n_units = flat.shape[1]
            self.features = kept.new_full((len(self.counts), kept.shape[1]), torch.nan)
        self.features[complete] = kept


def _check_width(max_units: int | str | None, n_rows: int) -> int | None:
    if max_units == "auto":
        return choose_width(n_rows)
    if max_units is None or (isinstance(max_units, int) and max_units >= 1):
        return max_units
    raise UserError(
        f"max_units: {max_units!r}; expected a number of at least 1, auto, or null for all units"
    )


def _choose_finish(
    n_units: int, distance: str, width: int | None, seed: int, device: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    """What is done with complete rows: nothing, or scaling and projection."""
    if width is None or n_units <= width:
        return lambda means: means
    generator = derive_generator(seed, "projection", n_units)
    projection = draw_projection(n_units, width, generator, device)

    def finish(means: torch.Tensor) -> torch.Tensor:
        scaled = means if SCALINGS[distance] is None else normalise_patterns(means, distance)
        return projection.apply(scaled)

    return finish


def _flatten(name: str, output: torch.Tensor, spatial_mean: bool) -> torch.Tensor:
    """(stimulus, unit), float32."""
    if not isinstance(output, torch.Tensor):
        raise UserError(
            f"layer {name!r} puts out a {type(output).__name__}, not a tensor; "
            "choose a layer inside or after it"
        )
    if spatial_mean and output.ndim == 4:
        output = output.float().mean(dim=(2, 3))
    elif spatial_mean and output.ndim == 3:
        output = output.float().mean(dim=1)
    return output.flatten(1).float()
