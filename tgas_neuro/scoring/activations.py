"""Activations: what each layer of a network does with each stimulus; wide layers are projected."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tgas_neuro.architecture.network import catching_outputs, find_overwritten
from tgas_neuro.images.pixels import load_batch
from tgas_neuro.rdm.distances import PREPARATIONS, normalise_patterns
from tgas_neuro.runtime.devices import in_whole_float32
from tgas_neuro.runtime.errors import UserError, check_choice
from tgas_neuro.runtime.provenance import derive_generator

BATCH_SIZE = 64
ROWS_AT_ONCE = 16  # 13 MB of a layer of 200,000 units
LEAST_WIDTH = 8192
MOST_VALUES = LEAST_WIDTH * 5760  # of one layer: 189 MB, what all HvM stimuli take


@dataclass(frozen=True)
class Activations:
    """What is kept of one layer.

    Attributes
    ----------
    features
        (row, unit), float32.
    distance
        The distance to take of `features`, for `tgas_neuro.rdm.distances.calc_patterns`. It is the
        requested one, except that a projected layer has ``"patterns"`` in place of
        ``"correlation"`` and ``"cosine"``: its features are scaled already, and half their squared
        distance is the requested dissimilarity.
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
@in_whole_float32()
def record_activations(
    network: nn.Module,
    layers: dict[str, nn.Module],
    images: np.ndarray,
    row: np.ndarray,
    device: torch.device,
    distance: str = "correlation",
    max_units: int | str | None = "auto",
    spatial_mean: bool = False,
    seed: int = 0,
    batch_size: int = BATCH_SIZE,
) -> dict[str, Activations]:
    """Record layers for RDMs, averaged over the stimuli of each row, wide ones projected.

    Parameters
    ----------
    network
        In evaluation mode: no stimulus may depend on the others of its batch.
    layers
        Name to module of the network.
    images
        (stimulus, y, x, rgb), uint8.
    row
        (stimulus,), RDM row of each stimulus.
    device
        Where the network is.
    distance
        Of the RDM to come; a key of `tgas_neuro.rdm.distances.PREPARATIONS`.
    max_units
        A layer with more units is projected to this many sums (see `Projection`) while the stimuli
        go through. ``"auto"`` is `choose_width` of the number of rows; None projects nothing.
    spatial_mean
        Average over space first: over y and x of (stimulus, channel, y, x), over all tokens
        (including the class token) of (stimulus, token, channel). Other outputs are unchanged.
    seed
        Of the run. The projection depends only on it and the number of units: the same layer gives
        the same similarity in every candidate and every run.
    batch_size
        Stimuli that go through at once.

    Returns
    -------
    activations
        Name to `Activations`, on `device`. A row that does not vary over units (correlation) or
        is zero (cosine) is NaN in a projected layer, as `calc_patterns` makes it in others. A row
        without stimuli is NaN too.

    Raises
    ------
    UserError
        `distance` or `max_units` is not allowed, or the output of a layer is not a tensor.
    """
    check_choice("distance", distance, PREPARATIONS)
    row = np.asarray(row, dtype=np.int64)
    order = np.argsort(row, kind="stable")  # a row is complete before the next begins
    counts = torch.from_numpy(np.bincount(row)).to(device)
    width = _check_width(max_units, len(counts))
    keepers: dict[str, _RowKeeper] = {}
    overwritten = find_overwritten(network, layers, load_batch(images, order[:2], device))
    with catching_outputs(layers, overwritten) as outputs:
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            after = order[start + batch_size : start + batch_size + 1]
            network(load_batch(images, chosen, device))
            for name in list(outputs):
                flat = _flatten(name, outputs.pop(name), spatial_mean)
                if name not in keepers:
                    n_units = flat.shape[1]
                    finish = _choose_finish(n_units, distance, width, seed, device)
                    keepers[name] = _RowKeeper(counts, finish, n_units, width)
                keepers[name].add(flat, row[chosen], row[after])
    scaled = distance if PREPARATIONS[distance] is None else "patterns"
    found = {}
    for name, keeper in keepers.items():
        projected = keeper.features.shape[1] < keeper.n_units
        features_distance = scaled if projected else distance
        found[name] = Activations(keeper.features, features_distance, keeper.n_units)
    return found


class _RowKeeper:
    """Takes a layer's activations in the order of rows and keeps one vector for each row.

    Rows are averaged at full width: a projected row is scaled by its exact length, whether it has
    one stimulus or many. Only the row that a batch cuts through has to wait.
    """

    def __init__(
        self,
        counts: torch.Tensor,
        finish: Callable[[torch.Tensor], torch.Tensor],
        n_units: int,
        width: int | None,
    ):
        self.counts, self.finish, self.n_units = counts, finish, n_units
        kept = n_units if width is None else min(n_units, width)
        self.features = torch.full((len(counts), kept), torch.nan, device=counts.device)
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
        self.features[complete] = torch.cat(
            [self.finish(part) for part in means.split(ROWS_AT_ONCE)]
        )


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
    """What happens to complete rows: nothing, or scaling and projection."""
    if width is None or n_units <= width:
        return lambda means: means
    generator = derive_generator(seed, "projection", n_units)
    projection = draw_projection(n_units, width, generator, device)

    def finish(means: torch.Tensor) -> torch.Tensor:
        scaled = means if PREPARATIONS[distance] is None else normalise_patterns(means, distance)
        return projection.apply(scaled)

    return finish


def _flatten(name: str, output: torch.Tensor, spatial_mean: bool) -> torch.Tensor:
    """(stimulus, unit), float32."""
    if not isinstance(output, torch.Tensor) or output.is_complex():
        kind = type(output).__name__
        what = "complex numbers" if torch.is_tensor(output) else f"a {kind}, not a tensor"
        raise UserError(f"layer {name!r} puts out {what}; choose a layer inside or after it")
    if spatial_mean and output.ndim == 4:
        output = output.float().mean(dim=(2, 3))
    elif spatial_mean and output.ndim == 3:
        output = output.float().mean(dim=1)
    return output.flatten(1).float()


@dataclass(frozen=True)
class Projection:
    """A balanced count sketch: units in random order, with random signs, summed in equal groups.

    The count sketch (Charikar, Chen & Farach-Colton 2002, ICALP; for inner products Weinberger et
    al. 2009, ICML, "feature hashing") adds every unit, with a random sign, to one of k sums. Here
    the groups are of equal size, up to one unit. With S the projection of D units to k sums,

        E[Sx . Sy] = x . y
        Var[Sx . Sy] = c (|x|^2 |y|^2 + (x . y)^2 - 2 sum_i x_i^2 y_i^2)

    over draws, where c is the probability that two units share a sum, (D / k - 1) / (D - 1) for
    equal groups and below 1/k always. So the squared distance of two patterns, |Sx - Sy|^2, has
    the right mean and a relative standard deviation of at most sqrt(2 c) < sqrt(2 / k), 1.6 % for
    k = 8192, and 1.1 % for a layer of twice that width.

    A dense Gaussian matrix has the variance with c = 1/k and takes 6.5 GB for 200,000 units. The
    sketch needs a permutation, the signs, one gather and one sum, and is exact for k = D.

    Attributes
    ----------
    units
        (unit,), int64: place in the random order to number of the unit.
    signs
        (unit,), float32, -1 or 1, by place.
    n_sums
        k, at most the number of units.
    """

    units: torch.Tensor
    signs: torch.Tensor
    n_sums: int

    def apply(self, activations: torch.Tensor) -> torch.Tensor:
        """Project activations, (row, unit), float32, to (row, sum).

        A NaN or infinite unit spoils its own sum only, so a row that is not defined must be NaN in
        every unit.
        """
        projected = activations.new_empty((len(activations), self.n_sums))
        whole = len(self.units) // self.n_sums * self.n_sums
        for sums, part in zip(
            projected.split(ROWS_AT_ONCE), activations.split(ROWS_AT_ONCE), strict=True
        ):
            signed = part.index_select(1, self.units).mul_(self.signs)
            # places k apart share a sum
            torch.sum(signed[:, :whole].unflatten(1, (-1, self.n_sums)), dim=1, out=sums)
            sums[:, : len(self.units) - whole] += signed[:, whole:]
        return projected


def choose_width(n_rows: int) -> int:
    """Units to keep of a wide layer: many where rows are few, never fewer than `LEAST_WIDTH`.

    Each layer takes up to 189 MB at up to 5,760 rows. The table shows the error of a projected
    layer's Spearman similarity, compared with that of all its units. The network is
    EfficientNet-Lite0 with ImageNet weights; its stem and 16 blocks have 9,408 to 401,408 units,
    and those wider than the projection were measured with several seeds.

    ====================  =================  =================  =================
    width                 92 images, IT      640 images, V4     640, a candidate
                          median   maximum   median   maximum   median   maximum
    ====================  =================  =================  =================
    2048                  0.0084   0.0537    0.0096   0.0271
    4096                  0.0063   0.0339    0.0038   0.0135    0.0005   0.0033
    8192                  0.0029   0.0182    0.0014   0.0062    0.0006   0.0023
    `choose_width`        0 (exact)          0.0001   0.0005    0.0001   0.0006
    ====================  =================  =================  =================

    IT is of Kriegeskorte et al. 2008, V4 of Cowley et al. 2023. The candidate has PNASNet-5 cells
    at 64 pixels (81,920 to 327,680 units), before and after 28 steps. Noise lowers a correlation,
    so the error grows with the similarity, and where dissimilarities lie close together.
    """
    return max(LEAST_WIDTH, MOST_VALUES // n_rows)


def draw_projection(
    n_units: int, n_sums: int, generator: np.random.Generator, device: torch.device | str = "cpu"
) -> Projection:
    """Draw a projection of `n_units` units to `n_sums` sums, at most as many.

    Parameters
    ----------
    n_units, n_sums
        Width of the layer and of its projection.
    generator
        Draws order and signs, on the CPU: every device projects alike.
    device
        Where the activations are.
    """
    units = torch.from_numpy(generator.permutation(n_units))
    signs = torch.from_numpy(generator.integers(0, 2, n_units) * 2.0 - 1.0).to(torch.float32)
    return Projection(units.to(device), signs.to(device), min(n_sums, n_units))
