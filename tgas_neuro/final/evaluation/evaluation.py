"""Accuracy of a network on a whole split, counted exactly, with its interval."""

import contextlib
import csv
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import nn

from tgas_neuro.images.data import FolderImages, iterate_batches
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import written_whole

# Standard normal quantile of 97.5 %.
Z_95 = 1.959963984540054


@dataclass(frozen=True)
class PerClass:
    """Counts of each class, in the order of the classes.

    Attributes
    ----------
    n_images
        Images of the class.
    top1, top5
        How many of them were hits.
    """

    n_images: list[int]
    top1: list[int]
    top5: list[int]


@dataclass(frozen=True)
class Metrics:
    """How well a network classifies one split.

    Attributes
    ----------
    top1, top5
        Share of images whose class is the highest, or among the five highest, of the logits
        (among all of them, if there are fewer classes), in [0, 1].
    top1_interval
        Wilson 95 % interval of `top1`.
    loss
        Mean cross-entropy [nat], without label smoothing.
    n_images, n_classes
        Images counted; classes the network tells apart.
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

    def to_dict(self) -> dict[str, object]:
        """As it is written to JSON."""
        return asdict(self) | {"top1_interval": list(self.top1_interval)}


@dataclass
class Tally:
    """Counts of an evaluation, which may be added up over batches, processes and machines.

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
        """Nothing counted yet."""
        return cls.from_tensor(torch.zeros(3 * n_classes + 1, dtype=torch.float64, device=device))

    @classmethod
    def from_tensor(cls, counts: torch.Tensor) -> "Tally":
        """From what `as_tensor` gave, or a sum of such."""
        return cls(*counts[:-1].view(3, -1).clone(), loss=counts[-1].clone())

    def as_tensor(self) -> torch.Tensor:
        """(3 * class + 1,), float64: for an all-reduce that sums."""
        return torch.cat([self.n_images, self.hits1, self.hits5, self.loss[None]])

    def __add__(self, other: "Tally") -> "Tally":
        return Tally.from_tensor(self.as_tensor() + other.as_tensor())

    def count(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Count a batch: logits (sample, class) of any floating type, labels (sample,).

        Of equal logits the lower class counts as the higher one (`calc_ranks`), so that a network
        with constant output scores at chance, the same on every device; `torch.topk` leaves that
        order open.
        """
        logits = logits.float()
        ranks = calc_ranks(logits, labels)
        ones = torch.ones_like(ranks, dtype=torch.float64)
        self.n_images.index_add_(0, labels, ones)
        self.hits1.index_add_(0, labels, (ranks < 1).double())
        self.hits5.index_add_(0, labels, (ranks < 5).double())
        self.loss += nn.functional.cross_entropy(logits, labels, reduction="none").double().sum()

    def to_metrics(self) -> Metrics:
        """Shares of all images; of none there are no metrics."""
        n_images, hits1, hits5 = (
            int(counts.sum()) for counts in (self.n_images, self.hits1, self.hits5)
        )
        if n_images == 0:
            raise UserError("no image was evaluated; the validation split is empty")
        counts = (self.n_images, self.hits1, self.hits5)
        return Metrics(
            top1=hits1 / n_images,
            top5=hits5 / n_images,
            top1_interval=calc_wilson_interval(hits1, n_images),
            loss=float(self.loss) / n_images,
            n_images=n_images,
            n_classes=len(self.n_images),
            per_class=PerClass(*([int(count) for count in found.tolist()] for found in counts)),
        )


def tally(
    network: Callable[[torch.Tensor], torch.Tensor],
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    n_classes: int,
    device: torch.device,
) -> Tally:
    """Count the hits of `network` on every image of `batches`, whatever their sizes.

    Parameters
    ----------
    network
        Inputs to logits (sample, class). A module is put into evaluation mode and given back in
        the mode it was in.
    batches
        Pairs (inputs, labels) on `device`, as `iterate_batches` yields them.
    n_classes
        Classes that the network tells apart.
    device
        Where the counts are kept.

    Raises
    ------
    UserError
        The network gives something else than logits, or another number of them.
    """
    training = getattr(network, "training", None)
    if training:
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
        if training:
            network.train()
    return found


def check_complete(metrics: Metrics, expected: Sequence[int], classes: Sequence[str]) -> None:
    """Raise `UserError` unless every image of each class was counted once.

    Parameters
    ----------
    metrics
        What was found.
    expected
        (class,), images of each class.
    classes
        Their names.
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


def write_per_class(path: str | Path, metrics: Metrics, classes: Sequence[str]) -> None:
    """Write a row for each class as CSV: name, images, hits, their share (empty of no image)."""
    names = [field.name for field in fields(PerClass)]
    columns = [getattr(metrics.per_class, name) for name in names]
    with written_whole(path) as beside, beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["class", "n_images", "hits1", "hits5", "top1", "top5"])
        for name, n, hits1, hits5 in zip(classes, *columns, strict=True):
            shares = (hits1 / n, hits5 / n) if n else ("", "")
            writer.writerow([name, n, hits1, hits5, *shares])


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
        On `device`; inputs to logits (sample, class).
    images
        The split; labels are in [0, n_classes).
    n_classes
        Classes that the network tells apart, of which the images may lack some.
    device
        Where to compute.
    batch_size, workers
        See `iterate_batches`; counts do not depend on them.
    """
    numbers = range(len(images))
    batches = [numbers[start : start + batch_size] for start in range(0, len(images), batch_size)]
    with contextlib.closing(iterate_batches(images, batches, device, workers)) as loaded:
        return tally(network, loaded, n_classes, device).to_metrics()


def calc_ranks(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How many classes stand before the right one, (sample,), in [0, n_classes].

    Parameters
    ----------
    logits
        (sample, class). Of equal ones the lower class stands before the higher; NaN stands
        before every number, and a right class that is NaN has rank n_classes.
    labels
        (sample,), the right classes.
    """
    right = logits.gather(1, labels[:, None])
    classes = torch.arange(logits.shape[1], device=logits.device)
    behind = (logits < right) | ((logits == right) & (classes >= labels[:, None]))
    return (~behind).sum(dim=1)


def calc_wilson_interval(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a share of `hits` out of `n` (Wilson 1927).

    Unlike the normal approximation it stays within [0, 1] and is not empty at 0 or n hits.
    """
    share = hits / n
    middle = (share + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    spread = Z_95 / (1 + Z_95**2 / n) * math.sqrt(share * (1 - share) / n + Z_95**2 / (4 * n * n))
    # Exact at the ends, where the two terms differ by rounding alone.
    return (0.0 if hits == 0 else middle - spread), (1.0 if hits == n else middle + spread)
