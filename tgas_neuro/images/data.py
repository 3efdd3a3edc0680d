"""Batches of images for the final training, decoded once if they fit into memory."""

import math
import mmap
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from tgas_neuro.images.augmentation import (
    AUGMENTATIONS,
    Cut,
    choose_middle,
    choose_squashed,
    draw_augmentation,
)
from tgas_neuro.images.image_folder import ImageFolder
from tgas_neuro.images.pixels import READING, Reading, decode_square, normalise
from tgas_neuro.runtime.errors import UserError, check_choice

AHEAD = 2  # batches that each worker prepares in advance


class FolderImages:
    """The images of one split as squares of uint8 pixels.

    Parameters
    ----------
    listing
        The split.
    size
        Width and height of the squares [pixel].
    augmentation
        A key of `AUGMENTATIONS`.
    seed
        Of the augmentation, a function of (seed, epoch, sample). None never augments.
    memory_mb
        Images are decoded when they are first wanted and kept as squares of `size` if all of them
        fit into this memory [MiB]. What a worker of `iterate_batches` decodes is kept for all
        processes. Random resized crops need the whole image, which is never kept.
    reading
        How files become inputs.

    Attributes
    ----------
    labels
        (sample,), int64.
    """

    def __init__(
        self,
        listing: ImageFolder,
        size: int,
        augmentation: str,
        seed: int | None = None,
        memory_mb: float = 2048,
        reading: Reading = READING,
    ):
        check_choice("augmentation", augmentation, AUGMENTATIONS)
        self.listing, self.size, self.seed, self.reading = listing, size, seed, reading
        self.augmentation = AUGMENTATIONS[augmentation]
        self.labels = torch.tensor(listing.labels, dtype=torch.int64)
        # One array instead of many strings: a worker that counts references to strings copies the
        # pages that it shares with this process.
        self._paths = np.array([os.fsencode(path) for path in listing.paths])
        self.kept: torch.Tensor | None = None
        whole_needed = self.augmentation.crop is not None and seed is not None
        if not whole_needed and len(listing) * size * size * 3 <= memory_mb * 2**20:
            # Filled image by image: a training that goes on after a break starts at once.
            self.kept = _share_pixels((len(listing), size, size, 3))
            self._is_kept = _share_pixels((len(listing),))  # 0 or 1

    def __len__(self) -> int:
        return len(self.listing)

    def load(
        self,
        samples: Sequence[int],
        epoch: int | None = None,
        images: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Load samples, (sample, y, x, rgb), uint8.

        Parameters
        ----------
        samples
            Their numbers, in the order in which they are wanted.
        epoch
            Selects the augmentation; None does not augment.
        images
            A tensor to fill and return; None makes a new one.

        Raises
        ------
        UserError
            A file cannot be read.
        """
        if images is None:
            images = torch.empty((len(samples), self.size, self.size, 3), dtype=torch.uint8)
        pixels = images.numpy()
        if epoch is None or self.seed is None:
            for place, sample in enumerate(samples):
                pixels[place] = self._load_view(sample)
            return images
        draws = draw_augmentation(self.seed, epoch, samples)
        for place, sample in enumerate(samples):
            pixels[place] = self._load_part(sample, draws[place])
        self.augmentation.alter(images, draws)
        return images

    def _load_view(self, sample: int) -> np.ndarray:
        if self.kept is None:
            return self._decode_view(sample)
        place = self.kept[sample].numpy()
        if not self._is_kept[sample]:
            place[:] = self._decode_view(sample)
            self._is_kept[sample] = 1  # not before: a worker may be killed while it decodes
        return place

    def _decode_view(self, sample: int) -> np.ndarray:
        return decode_square(self._get_path(sample), self._choose_view, self.size, self.reading)

    def _choose_view(self, width: int, height: int) -> Cut:
        if self.reading.squashed and self.reading.resize is not None:
            return choose_squashed(width, height, self.size, self.reading.resize)
        if self.reading.resize is not None:
            return choose_middle(width, height, self.size, self.reading.resize)
        return self.augmentation.view(width, height, self.size)

    def _load_part(self, sample: int, draws: np.ndarray) -> np.ndarray:
        crop = self.augmentation.crop
        if crop is None:
            return self._load_view(sample)
        return decode_square(
            self._get_path(sample),
            lambda width, height: crop(width, height, self.size, draws),
            self.size,
            self.reading,
            reduce=True,
        )

    def _get_path(self, sample: int) -> Path:
        return self.listing.folder / os.fsdecode(self._paths[sample])


def iterate_batches(
    images: FolderImages,
    batches: Sequence[Sequence[int]],
    device: torch.device,
    workers: int = 0,
    epoch: int | None = None,
) -> Generator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (inputs, labels) of each batch on `device`, in the order of `batches`.

    Parameters
    ----------
    images
        The split.
    batches
        Numbers of the samples of each batch.
    device
        Where the batches are wanted. Pixels travel as uint8, a quarter of the bytes.
    workers
        Processes that decode whole batches; 0 decodes in this one. Values and order do not
        depend on it. The processes end with the iterator, even if it is closed early.
    epoch
        Selects the augmentation (see `FolderImages`); None does not augment.

    Yields
    ------
    inputs
        (sample, channel, y, x), float32, channels last, normalised by the mean and deviation of
        ``images.reading``.
    labels
        (sample,), int64.
    """
    source = _Batches(images, batches, epoch, workers)
    loader = DataLoader(
        source,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=AHEAD if workers else None,
        worker_init_fn=_prepare_worker,
        # Without its own generator it draws a seed from torch's global one.
        generator=torch.Generator().manual_seed(0),
    )
    loaded = iter(loader)
    try:
        for number in _with_short_errors(loaded):
            pixels, labels = source.get_pixels(number), source.get_labels(number)
            if device.type == "cuda":  # only pinned memory is copied while the network computes
                pixels, labels = pixels.pin_memory(), labels.pin_memory()
            reading = images.reading
            yield (
                normalise(pixels.to(device, non_blocking=True), reading.mean, reading.deviation),
                labels.to(device, non_blocking=True),
            )
    finally:
        if workers:  # torch ends them with the last reference, which a traceback may hold
            loaded._shutdown_workers()  # type: ignore[attr-defined]  # of the class for workers


class _Batches(Dataset):
    """Whole batches: one process decodes one batch into one tensor.

    Workers write pixels into a ring of places that they share with the main process, and send only
    the number of the batch. Mapping new memory for each batch would take a sixth of the time of
    decoding.
    """

    def __init__(
        self,
        images: FolderImages,
        batches: Sequence[Sequence[int]],
        epoch: int | None,
        workers: int,
    ):
        self.images, self.batches, self.epoch = images, batches, epoch
        # While the main process uses a batch, the workers fill at most the next `AHEAD` ones each:
        # one more place is enough.
        places = min(len(batches), AHEAD * workers + 1)
        largest = max(map(len, batches), default=0)
        shape = (places, largest, images.size, images.size, 3)
        self.places = _share_pixels(shape) if workers else torch.empty(shape, dtype=torch.uint8)

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> int:
        self.images.load(self.batches[number], self.epoch, self.get_pixels(number))
        return number

    def get_pixels(self, number: int) -> torch.Tensor:
        """Pixels of a batch, (sample, y, x, rgb), valid until its place is used again."""
        return self.places[number % len(self.places), : len(self.batches[number])]

    def get_labels(self, number: int) -> torch.Tensor:
        """Labels of a batch, (sample,), int64."""
        return self.images.labels[list(self.batches[number])]


def _share_pixels(shape: tuple[int, ...]) -> torch.Tensor:
    """Make a uint8 tensor in memory that this process shares with those that it starts.

    Torch's shared memory is in /dev/shm, which has 64 MB in a container. Memory mapped without a
    file has no such limit, but only forked processes share it.
    """
    if multiprocessing.get_start_method() != "fork":
        return torch.empty(shape, dtype=torch.uint8).share_memory_()
    length = math.prod(shape)
    memory = mmap.mmap(-1, max(length, 1))
    return torch.frombuffer(memory, dtype=torch.uint8)[:length].view(shape)


def _prepare_worker(number: int) -> None:
    """Let the main process decide when workers end.

    A cluster signals all processes of a job, and a terminal all processes in the foreground, but
    the main process may need a few more batches until it has written its checkpoint.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


def _with_short_errors(loaded: Iterator[int]) -> Iterator[int]:
    """Iterate over a loader; a worker's `UserError` loses its traceback and keeps its message."""
    try:
        yield from loaded
    except UserError as error:
        raise UserError(str(error).rsplit("UserError: ", 1)[-1]) from None
