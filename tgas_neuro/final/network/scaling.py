"""Scaling up: the skeleton of the final network, wide enough for a number of multiply-adds.

Every space scales by its own rule, with the same keys of ``final.network``:

- cells as NASNet and PNASNet-5: N cells a stage, F filters in the first stage and twice as many in
  each later one, an imagenet stem of two more cells where it is asked for;
- nasbench201 in the benchmark's skeleton (16 filters, 5 cells a stage, 3 stages), N and F being its
  numbers of cells and channels;
- chains have no cells: F multiplies the width of every layer, N and stages play no part.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.space import Genotype
from tgas_neuro.architecture.spaces import SPACES, calc_complexity, read_genotype
from tgas_neuro.runtime.errors import UserError

UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
SMALLEST = {"cifar": 1, "imagenet": 8}  # filters that a stem needs
# Cost rises with the filters, but for a stem whose channels happen to equal those of a stem cell
# and save their projections; beyond so many times the target no such saving reaches it.
FAR = 4


def find_skeleton(config: Mapping[str, Any], genotype: Genotype, n_classes: int) -> Skeleton:
    """The skeleton of the final network.

    Parameters
    ----------
    config
        The section ``final`` of the configuration. Read: ``network``, ``image_size``, ``target``
        (None, or ``{"macs": ...}``, which replaces ``network.filters`` by the largest number whose
        network does not have more multiply-adds).
    genotype
        The winner.
    n_classes
        Classes of the training split.

    Raises
    ------
    UserError
        Even the smallest network is beyond the target.
    """
    network, target = config["network"], config["target"]
    size = {"n_classes": n_classes, "image_size": config["image_size"]}
    if target is None:
        return Skeleton(**network, **size)
    most = parse_macs(target["macs"])
    smallest = Skeleton(**{**network, "filters": SMALLEST[network["stem"]]}, **size)
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
            f"final.target.macs: {target['macs']}; even with {smallest.filters} filters, the "
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


def describe_size(genotype: Genotype, skeleton: Skeleton, target: Mapping[str, Any] | None) -> str:
    """One line for the user: filters, found or given, parameters and multiply-adds."""
    size = calc_complexity(genotype, skeleton)
    found = "" if target is None else f", the most within {target['macs']} multiply-adds"
    return (
        f"final: {skeleton.filters} filters{found}: {size.params:,} parameters, {size.macs:,} "
        f"multiply-adds at {skeleton.image_size} pixels"
    )


def check_scaling(config: Mapping[str, Any], space: str, name: str) -> None:
    """Check what can be said of the final network before a search, without its genotype.

    Parameters
    ----------
    config
        The section ``final``, complete.
    space
        That of the search.
    name
        The configuration's file, for messages.

    Raises
    ------
    UserError
        The target is no number, a stem cannot be made, or drop path or the auxiliary head has no
        place in networks of this space.
    """
    network, target = config["network"], config["target"]
    try:
        check_regularisation(config, space, network["stages"])
        if target is not None:
            parse_macs(target["macs"])
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    filters = network["filters"] if target is None else SMALLEST[network["stem"]]
    try:
        Skeleton(**{**network, "filters": filters}, n_classes=1, image_size=config["image_size"])
    except UserError as error:
        raise UserError(f"{name}: final.network.{error}") from None
    _check_target(config, space, name)
    given = network["stem_filters"]
    if not SPACES[space].free_stem and network["stem"] == "cifar" and given not in (None, filters):
        raise UserError(
            f"{name}: final.network.stem_filters: {given}; the cifar stem of space {space} has as "
            "many channels as final.network.filters; remove the key"
        )


def _check_target(config: Mapping[str, Any], space: str, name: str) -> None:
    """A target that even the cheapest network of the space exceeds is refused before a search."""
    network, target = config["network"], config["target"]
    if target is None:
        return
    filters = SMALLEST[network["stem"]]
    skeleton = Skeleton(
        **{**network, "filters": filters}, n_classes=1, image_size=config["image_size"]
    )
    macs = calc_complexity(read_genotype(SPACES[space].cheapest), skeleton).macs
    if macs > parse_macs(target["macs"]):
        raise UserError(
            f"{name}: final.target.macs: {target['macs']}; no network of space {space} with this "
            f"final.network and final.image_size has fewer than {macs:,} multiply-adds; raise it"
        )


def check_regularisation(config: Mapping[str, Any], space: str, stages: int) -> None:
    """Raise `UserError` where drop path or an auxiliary head is asked for and has no place."""
    for key, reason in SPACES[space].no_place.items():
        if config[key] > 0:
            raise UserError(
                f"final.{key}: {config[key]}, but a network of space {space} {reason}; set it to 0"
            )
    if config["auxiliary"] > 0 and stages < 2:
        raise UserError(
            f"final.auxiliary: {config['auxiliary']}, but the auxiliary head reads what the last "
            f"reduction reads, and final.network.stages is {stages}; set it to 0 or raise stages"
        )
