"""Scale up: the skeleton of the final network, as wide as a number of multiply-adds allows.

Every space scales by its own rule, with the same keys of ``final.network``:

- cells as NASNet and PNASNet-5: N cells a stage, F filters in the first stage and twice as many in
  each later one; an imagenet stem has two more cells;
- nasbench201 in the benchmark's skeleton (16 filters, 5 cells a stage, 3 stages), N and F being its
  numbers of cells and channels;
- chains have no cells: F multiplies the width of every layer, N and stages have no effect.
"""

import re
from dataclasses import replace
from itertools import count

from tgas_neuro.architecture.skeleton import Skeleton, build_skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import calc_complexity
from tgas_neuro.config.final import Final, Target
from tgas_neuro.runtime.errors import UserError

UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
SMALLEST = {"cifar": 1, "imagenet": 8}  # filters that a stem needs
# Cost rises with the filters, except where the channels of the stem equal those of a stem cell and
# save their projections; no such saving is larger than this factor.
FAR = 4


def find_skeleton(settings: Final, genotype: Genotype, n_classes: int) -> Skeleton:
    """Find the skeleton of the final network.

    Parameters
    ----------
    settings
        The section ``final`` of the configuration. Read: ``network``, ``image_size`` and
        ``target``, which replaces ``network.filters`` by the largest number whose network does not
        have more multiply-adds.
    genotype
        The winner.
    n_classes
        Classes of the training split.

    Raises
    ------
    UserError
        Even the smallest network is beyond the target.
    """
    target = settings.target
    if target is None:
        return build_skeleton(settings, n_classes)
    most = parse_macs(target.macs)
    smallest = build_skeleton(settings, n_classes, filters=SMALLEST[settings.network.stem])
    found = None
    for filters in count(smallest.filters):
        skeleton = replace(smallest, filters=filters)
        macs = calc_complexity(genotype, skeleton).macs
        if macs <= most:
            found = skeleton
        elif found is None or macs > FAR * most:
            break
    if found is None:
        raise UserError(
            f"final.target.macs: {target.macs}; even with {smallest.filters} filters, the "
            f"fewest of the {smallest.stem} stem, this network has {macs:,} multiply-adds; raise "
            "it, or lower final.network.cells_per_stage or final.image_size"
        )
    return found


def parse_macs(value: float | str, key: str = "final.target.macs") -> int:
    """Multiply-adds as a number: 600000000, "600M" or "0.6G".

    Raises
    ------
    UserError
        It is not a positive number with or without k, M or G.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?([kMG]?)", str(value).strip())
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
        return int(value)
    if not isinstance(value, str) or not found or float(found[1]) == 0:
        raise UserError(f"{key}: {value!r} is not a number such as 600000000, 600M or 0.6G")
    return round(float(found[1]) * UNITS[found[2]])


def describe_size(genotype: Genotype, skeleton: Skeleton, target: Target | None) -> str:
    """One line for the user: filters, found or given, parameters and multiply-adds."""
    size = calc_complexity(genotype, skeleton)
    found = "" if target is None else f", the most within {target.macs} multiply-adds"
    return (
        f"final: {skeleton.filters} filters{found}: {size.params:,} parameters, {size.macs:,} "
        f"multiply-adds at {skeleton.image_size} pixels"
    )
