"""Batches of images for the final training: kept decoded where they fit, else read each time."""

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from tgas_neuro.candidate.training import DEVIATION, MEAN
from tgas_neuro.classification.image_folder import ImageFolder
from tgas_neuro.errors import UserError
from tgas_neuro.final.augmentation import AUGMENTATIONS, draw_augmentation, resize_square
from tgas_neuro.seeds import derive_generator


class FolderImages(Dataset):
    """The images of one split as uint8 tensors (channel, height, width) with their labels.

    Parameters
    ----------
    listing
        The split.
    size
        Width and height of what is given out [pixel].
    augmentation
        A key of `AUGMENTATIONS`.
    seed
        For the training split: augments by (seed, epoch, sample). None: never augments.
    memory_mb
        Images are decoded once and kept (resized to squares of `size`) if all of them fit into
        so many megabytes. Random resized crops need the whole image and are never kept.
    """

    def __init__(
        self,
        listing: ImageFolder,
        size: int,
        augmentation: str,
        seed: int | None = None,
        memory_mb: float = 2048,
    ):
        self.listing, self.size, self.seed = listing, size, seed
        self.augment, self.prepare = AUGMENTATIONS[augmentation]
        self.draws = None
        self.kept = None
        whole_needed = augmentation == "resized_crop" and seed is not None
        if not whole_needed and len(listing) * size * size * 3 <= memory_mb * 2**20:
            self.kept = self._decode_all()

    def _decode_all(self) -> np.ndarray:
        """All images, (sample, height, width, channel), uint8, resized but not augmented."""
        prepare = self.prepare if self.seed is None else resize_square
        kept = np.empty((len(self.listing), self.size, self.size, 3), dtype=np.uint8)
        for index in range(len(self.listing)):
            kept[index] = np.asarray(prepare(self._decode(index), self.size))
        return kept

    def _decode(self, index: int) -> Image.Image:
        path = self.listing.folder / self.listing.paths[index]
        try:
            with Image.open(path) as image:
                return image.convert("RGB")
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise UserError(
                f"{path}: not a readable image ({error}); replace it or remove it"
            ) from None

    def set_epoch(self, epoch: int) -> None:
        """Draw what will happen to each image in this epoch; workers start after it."""
        if self.seed is not None:
            self.draws = draw_augmentation(self.seed, epoch, len(self))

    def __len__(self) -> int:
        return len(self.listing)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if self.seed is not None:
            whole = self._decode(index) if self.kept is None else Image.fromarray(self.kept[index])
            pixels = np.asarray(self.augment(whole, self.size, self.draws[index]))
        elif self.kept is None:
            pixels = np.asarray(self.prepare(self._decode(index), self.size))
        else:
            pixels = self.kept[index]
        image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
        return image, self.listing.labels[index]


def build_train_loader(
    images: FolderImages, epoch: int, batch_size: int, workers: int = 0
) -> DataLoader:
    """Batches of one epoch in an order that depends on (seed, epoch) alone.

    The last, incomplete batch is left out (batch norm is noisy there, and impossible with one
    image); a split smaller than a batch is one batch.
    """
    images.set_epoch(epoch)
    order = derive_generator(images.seed, "final", "order", epoch).permutation(len(images))
    size = min(batch_size, len(images))
    batches = order[: len(order) // size * size].reshape(-1, size).tolist()
    return DataLoader(images, batch_sampler=batches, **_describe_workers(workers))


def build_val_loader(images: FolderImages, batch_size: int, workers: int = 0) -> DataLoader:
    """Batches of the whole split in its own order; the last one may be smaller."""
    order = range(len(images))
    batches = [order[start : start + batch_size] for start in range(0, len(images), batch_size)]
    return DataLoader(images, batch_sampler=batches, **_describe_workers(workers))


def _describe_workers(workers: int) -> dict[str, object]:
    # A DataLoader draws a seed for its workers from torch's global generator unless it gets its
    # own; the workers use no random numbers, so a constant one keeps the global state untouched.
    return {
        "num_workers": workers,
        "pin_memory": torch.cuda.is_available(),
        "generator": torch.Generator().manual_seed(0),
    }


def count_batches(n_samples: int, batch_size: int) -> int:
    """Batches of one training epoch (see `build_train_loader`)."""
    return n_samples // min(batch_size, n_samples)


def iterate_normalised(
    loader: DataLoader, device: torch.device
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (images, labels) on `device`; images (sample, channel, height, width), float32.

    Normalised by ImageNet's mean and deviation after the transfer: a quarter of the bytes travel.
    """
    mean = torch.tensor(MEAN, device=device).view(1, 3, 1, 1) * 255
    deviation = torch.tensor(DEVIATION, device=device).view(1, 3, 1, 1) * 255
    for images, labels in _with_short_errors(loader):
        images = images.to(device, non_blocking=True).float().sub_(mean).div_(deviation)
        yield images.contiguous(memory_format=torch.channels_last), labels.to(device)


def _with_short_errors(loader: DataLoader) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of the loader; of a worker's `UserError`, the message without its traceback."""
    try:
        yield from loader
    except UserError as error:
        raise UserError(str(error).rsplit("UserError: ", 1)[-1]) from None
