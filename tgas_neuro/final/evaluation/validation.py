"""Validation of a network by all processes together: each counts its part of the images."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from torch import nn

from tgas_neuro.final.evaluation.evaluation import Metrics, Tally, check_complete, tally
from tgas_neuro.final.launch.distributed import Group
from tgas_neuro.final.launch.preemption import StopRequest
from tgas_neuro.images.data import FolderImages, iterate_batches

Item = TypeVar("Item")


def build_validation(
    images: FolderImages, config: dict, group: Group
) -> Callable[[nn.Module, StopRequest], Metrics]:
    """A function that measures a network on the whole validation split.

    Parameters
    ----------
    images
        The validation split.
    config
        The section ``final``.
    group
        The processes; batches are dealt to them in turn, and their counts are added up.

    Returns
    -------
    Callable
        Of the network and a `StopRequest`: when a signal comes it raises `PreemptedError`.
    """
    size, listing = config["micro_batch"] or config["batch_size"], images.listing
    numbers = range(len(images))
    batches = [numbers[start : start + size] for start in range(0, len(images), size)]
    expected = [listing.labels.count(label) for label in range(len(listing.classes))]

    def validate(network: nn.Module, request: StopRequest) -> Metrics:
        own = batches[group.rank :: group.size]
        with contextlib.closing(
            iterate_batches(images, own, group.device, config["workers"])
        ) as loaded:
            found = tally(
                network, _until_stopped(loaded, request), len(listing.classes), group.device
            )
        metrics = Tally.from_tensor(group.sum(found.as_tensor())).to_metrics()
        check_complete(metrics, expected, listing.classes)
        return metrics

    return validate


def _until_stopped(items: Iterable[Item], request: StopRequest) -> Iterator[Item]:
    for item in items:
        request.raise_if_requested()
        yield item
