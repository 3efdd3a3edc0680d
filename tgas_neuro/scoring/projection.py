"""Wide layers: a seeded random projection that keeps the distances between activations."""

from dataclasses import dataclass

import numpy as np
import torch

ROWS_AT_ONCE = 16  # 13 MB of a layer of 200,000 units
LEAST_WIDTH = 8192
MOST_VALUES = LEAST_WIDTH * 5760  # of one layer: 189 MB, what all HvM stimuli take


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

    Why this one: a dense Gaussian matrix has the variance with c = 1/k, and for 200,000 units
    holds 6.5 GB; this needs a permutation and the signs, one gather and one sum, and becomes exact
    where nothing has to be summed.

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
        """Project activations, (row, unit), float32, to (row, sum); NaN makes a row NaN.

        A NaN or infinite unit spoils its own sum only; rows that are not defined are to be NaN
        in every unit.
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
    """Units to keep of a wide layer: many where rows are few, never under `LEAST_WIDTH`.

    Each layer takes up to 189 MB at up to 5,760 rows. The error of a projected layer's Spearman
    similarity, against that of all its units; EfficientNet-Lite0 with ImageNet weights, its stem
    and 16 blocks (9,408 to 401,408 units, those wider than what is kept), several seeds:

    ====================  =================  =================  =================
    width                 92 images, IT      640 images, V4     640, a candidate
                          median   maximum   median   maximum   median   maximum
    ====================  =================  =================  =================
    2048                  0.0084   0.0537    0.0096   0.0271
    4096                  0.0063   0.0339    0.0038   0.0135    0.0005   0.0033
    8192                  0.0029   0.0182    0.0014   0.0062    0.0006   0.0023
    `choose_width`        0 (exact)          0.0001   0.0005    0.0001   0.0006
    ====================  =================  =================  =================

    (IT of Kriegeskorte et al. 2008, V4 of Cowley et al. 2023. The candidate: PNASNet-5 cells at
    64 pixels, fresh and after 28 steps, 81,920 to 327,680 units.) Most of the error is a loss, as
    any noise lowers a correlation: it grows with the similarity itself, and where the
    dissimilarities lie close together.
    """
    return max(LEAST_WIDTH, MOST_VALUES // n_rows)


def draw_projection(
    n_units: int, n_sums: int, generator: np.random.Generator, device: torch.device | str = "cpu"
) -> Projection:
    """Draw a projection of `n_units` units to `n_sums` sums, at most as many.

    Parameters
    ----------
    n_units, n_sums
        Width of the layer and of what is kept of it.
    generator
        Draws order and signs, on the CPU, so that every device projects alike.
    device
        Where the activations are.
    """
    units = torch.from_numpy(generator.permutation(n_units))
    signs = torch.from_numpy(generator.integers(0, 2, n_units) * 2.0 - 1.0).to(torch.float32)
    return Projection(units.to(device), signs.to(device), min(n_sums, n_units))
