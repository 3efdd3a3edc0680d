"""Accuracy of a network on a whole split, counted exactly, with its interval."""

import math
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader

from tgas_neuro.final.data import iterate_normalised

# Standard normal quantile of 97.5 %.
Z_95 = 1.959963984540054


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
    """

    top1: float
    top5: float
    top1_interval: tuple[float, float]
    loss: float
    n_images: int
    n_classes: int

    def to_dict(self) -> dict[str, object]:
        """As it is written to JSON."""
        return asdict(self) | {"top1_interval": list(self.top1_interval)}


def evaluate(network: nn.Module, loader: DataLoader, device: torch.device) -> Metrics:
    """Evaluate `network` on every image of `loader`, whatever the size of the last batch.

    The network is put into evaluation mode and given back in the mode it was in. Of equal logits
    the lower class counts as the higher one (`calc_ranks`), so that a network with constant
    output scores at chance, the same on every device; `torch.topk` leaves that order open.
    """
    training = network.training
    network.eval()
    hits1 = hits5 = n_images = n_classes = 0
    loss = 0.0
    with torch.inference_mode():
        for images, labels in iterate_normalised(loader, device):
            logits = network(images).float()
            ranks = calc_ranks(logits, labels)
            hits1 += int((ranks < 1).sum())
            hits5 += int((ranks < 5).sum())
            loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
            n_images += len(labels)
            n_classes = logits.shape[1]
    network.train(training)
    return Metrics(
        top1=hits1 / n_images,
        top5=hits5 / n_images,
        top1_interval=calc_wilson_interval(hits1, n_images),
        loss=loss / n_images,
        n_images=n_images,
        n_classes=n_classes,
    )


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
