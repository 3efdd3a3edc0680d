"""Accuracy of a network on a whole split, counted exactly, in one process or several."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import torch
from scipy.stats import binomtest
from torch import nn

from tgas_neuro.config.final import Final
from tgas_neuro.final.launch.processes import Group, StopRequest
from tgas_neuro.images.data import FolderImages, iterate_batches
from tgas_neuro.runtime.errors import UserError

Item = TypeVar("Item")


@dataclass(frozen=True)
class PerClass:
    """Counts of each class, in the order of the classes.

    Attributes
    ----------
    n_images
        Images of the class.
    top1, top5
        Hits among them.
    """

    n_images: list[int]
    top1: list[int]
    top5: list[int]


@dataclass(frozen=True)
class Metrics:
    """The accuracy of a network on one split.

    Attributes
    ----------
    top1, top5
        Share of images whose class has the highest logit, or one of the five highest (one of all,
        if there are fewer classes), in [0, 1].
    top1_interval
        Wilson 95 % interval of `top1`. Unlike the normal approximation it stays in [0, 1] and is
        not empty when none or all of the images are hits.
    loss
        Mean cross-entropy [nat], without label smoothing.
    n_images, n_classes
        Images counted; classes of the network.
    per_class
        Counts of each class.
    """

    top1: float
    top5: float
    top1_interval: tuple[float, float]
    loss: float
    n_images: int
    n_classes: int
    per_class: PerClass

    def to_dict(self) -> dict[str, Any]:
        """Convert to JSON's types."""
        return asdict(self) | {"top1_interval": list(self.top1_interval)}


@dataclass
class Tally:
    """Counts of an evaluation, which can be added up over batches, processes and machines.

    Attributes
    ----------
    n_images, hits1, hits5
        (class,), float64: images of each class, and hits among the first and the first five.
    loss
        (), float64: sum of the cross-entropy [nat].
    """

    n_images: torch.Tensor
    hits1: torch.Tensor
    hits5: torch.Tensor
    loss: torch.Tensor

    @classmethod
    def start(cls, n_classes: int, device: torch.device) -> "Tally":
        """Start with all counts at zero."""
        return cls.from_tensor(torch.zeros(3 * n_classes + 1, dtype=torch.float64, device=device))

    @classmethod
    def from_tensor(cls, counts: torch.Tensor) -> "Tally":
        """Make it from the result of `as_tensor`, or a sum of such results."""
        n_images, hits1, hits5 = counts[:-1].view(3, -1).clone()
        return cls(n_images, hits1, hits5, counts[-1].clone())

    def as_tensor(self) -> torch.Tensor:
        """All counts in one tensor, (3 * class + 1,), float64, for a sum over processes."""
        return torch.cat([self.n_images, self.hits1, self.hits5, self.loss[None]])

    def __add__(self, other: "Tally") -> "Tally":
        return Tally.from_tensor(self.as_tensor() + other.as_tensor())

    def count(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Count a batch: logits (sample, class) of any floating type, labels (sample,).

        Among equal logits the lower class ranks first (`calc_ranks`): a network with constant
        output scores at chance, the same on every device. `torch.topk` leaves this order open.
        """
        logits = logits.float()
        ranks = calc_ranks(logits, labels)
        ones = torch.ones_like(ranks, dtype=torch.float64)
        self.n_images.index_add_(0, labels, ones)
        self.hits1.index_add_(0, labels, (ranks < 1).double())
        self.hits5.index_add_(0, labels, (ranks < 5).double())
        self.loss += nn.functional.cross_entropy(logits, labels, reduction="none").double().sum()

    def to_metrics(self) -> Metrics:
        """Calculate the metrics; without any image this raises a `UserError`."""
        counts = (self.n_images, self.hits1, self.hits5)
        n_images, hits1, hits5 = (int(found.sum()) for found in counts)
        if n_images == 0:
            raise UserError("no image was evaluated; the validation split is empty")
        interval = binomtest(hits1, n_images).proportion_ci(0.95, method="wilson")
        return Metrics(
            top1=hits1 / n_images,
            top5=hits5 / n_images,
            top1_interval=(float(interval.low), float(interval.high)),
            loss=float(self.loss) / n_images,
            n_images=n_images,
            n_classes=len(self.n_images),
            per_class=PerClass(*([int(count) for count in found.tolist()] for found in counts)),
        )


def tally(
    network: nn.Module | Callable[[torch.Tensor], torch.Tensor],
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    n_classes: int,
    device: torch.device,
) -> Tally:
    """Count the hits of `network` on every image of `batches`, whatever their sizes.

    Parameters
    ----------
    network
        Maps inputs to logits (sample, class). A module is evaluated in evaluation mode and
        returned to its earlier mode.
    batches
        Pairs (inputs, labels) on `device`, as `iterate_batches` yields them.
    n_classes
        Classes of the network.
    device
        Where to keep the counts.

    Raises
    ------
    UserError
        The network returns something other than one logit for each class.
    """
    in_training = isinstance(network, nn.Module) and network.training
    if isinstance(network, nn.Module):
        network.eval()
    found = Tally.start(n_classes, device)
    try:
        with torch.inference_mode():
            for inputs, labels in batches:
                logits = network(inputs)
                if not isinstance(logits, torch.Tensor):
                    raise UserError(
                        f"the network returns a {type(logits).__name__}, expected one tensor of "
                        "logits (sample, class); take a module that returns them alone"
                    )
                if logits.ndim != 2 or logits.shape[1] != n_classes:
                    raise UserError(
                        f"the network's output has shape {tuple(logits.shape)}, expected "
                        f"{(len(labels), n_classes)}: one logit for each of the {n_classes} classes"
                    )
                found.count(logits, labels)
    finally:
        if isinstance(network, nn.Module):
            network.train(in_training)
    return found


def check_complete(metrics: Metrics, expected: Sequence[int], classes: Sequence[str]) -> None:
    """Raise `UserError` unless every image of each class was counted once.

    Parameters
    ----------
    metrics
        The metrics of the evaluation.
    expected, classes
        (class,), images of each class, and the names of the classes.
    """
    wrong = [
        f"{name} {found} of {count}"
        for name, found, count in zip(classes, metrics.per_class.n_images, expected, strict=True)
        if found != count
    ]
    if wrong:
        raise UserError(
            f"{metrics.n_images} of {sum(expected)} validation images were evaluated; wrong in "
            f"{len(wrong)} classes: {', '.join(wrong[:5])}{', ...' if len(wrong) > 5 else ''}; "
            "evaluate again, with the images in place"
        )


def evaluate(
    network: nn.Module,
    images: FolderImages,
    n_classes: int,
    device: torch.device,
    batch_size: int = 64,
    workers: int = 0,
) -> Metrics:
    """Evaluate `network` on every image of `images`, one view of each, in this process.

    Parameters
    ----------
    network
        On `device`; maps inputs to logits (sample, class).
    images
        The split; labels are in [0, n_classes).
    n_classes
        Classes of the network; the images may lack some of them.
    device
        Where to compute.
    batch_size, workers
        See `iterate_batches`; they have no influence on the counts.
    """
    batches = _cut_batches(len(images), batch_size)
    with contextlib.closing(iterate_batches(images, batches, device, workers)) as loaded:
        return tally(network, loaded, n_classes, device).to_metrics()


def calc_ranks(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Number of classes that rank before the right one, (sample,), in [0, n_classes].

    Parameters
    ----------
    logits
        (sample, class). Among equal ones the lower class ranks first; NaN ranks before every
        number, and a right class that is NaN has rank n_classes.
    labels
        (sample,), the right classes.
    """
    right = logits.gather(1, labels[:, None])
    classes = torch.arange(logits.shape[1], device=logits.device)
    behind = (logits < right) | ((logits == right) & (classes >= labels[:, None]))
    return (~behind).sum(dim=1)


def build_validation(
    images: FolderImages, settings: Final, group: Group
) -> Callable[[nn.Module, StopRequest], Metrics]:
    """Build a function that measures a network on the whole validation split.

    Parameters
    ----------
    images
        The validation split.
    settings
        The section ``final``.
    group
        The processes; they take the batches in turn, and their counts are added up.

    Returns
    -------
    Callable
        Takes a network and a `StopRequest`; raises `PreemptedError` when a signal arrives.
    """
    size, listing = settings.micro_batch or settings.batch_size, images.listing
    batches = _cut_batches(len(images), size)
    expected = [listing.labels.count(label) for label in range(len(listing.classes))]

    def validate(network: nn.Module, request: StopRequest) -> Metrics:
        own = batches[group.rank :: group.size]
        with contextlib.closing(
            iterate_batches(images, own, group.device, settings.workers)
        ) as loaded:
            found = tally(
                network, _until_stopped(loaded, request), len(listing.classes), group.device
            )
        metrics = Tally.from_tensor(group.sum(found.as_tensor())).to_metrics()
        check_complete(metrics, expected, listing.classes)
        return metrics

    return validate


def _cut_batches(n_images: int, size: int) -> list[range]:
    return [range(start, min(start + size, n_images)) for start in range(0, n_images, size)]


def _until_stopped(items: Iterable[Item], request: StopRequest) -> Iterator[Item]:
    for item in items:
        request.raise_if_requested()
        yield item
