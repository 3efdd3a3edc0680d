"""What image_loading.py times: epochs of two loaders over the same files, and single steps."""

import contextlib
import hashlib
import resource
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from harness import read_busy_seconds

SIZE, RESIZE = 224, 256
BATCH = 64
WORKERS = 2
SEED, EPOCH = 0, 0
N_PROFILE = 100  # images that the single steps are timed on
CROP = (60, 80, 300, 250)  # left, top, width, height: about half of the area, as the mean crop


def prepare_ours(folder: str, training: bool) -> Callable[[], dict[str, Any]]:
    """An epoch as the final stage reads it, up to normalised inputs in the main process."""
    import torch

    from tgas_neuro.images.data import FolderImages, iterate_batches
    from tgas_neuro.images.image_folder import load_image_folder
    from tgas_neuro.runtime.devices import keep_freed_memory

    keep_freed_memory()  # as the rule `final` and the command `evaluate` do
    listing = load_image_folder(folder, "training", "folder")
    order = draw_order(len(listing), training)
    # memory_mb=0: every image is read from its file, in the evaluation too
    images = FolderImages(listing, SIZE, "resized_crop", SEED if training else None, memory_mb=0)
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    epoch = EPOCH if training else None

    def run() -> dict[str, Any]:
        since = Meter()
        loaded = iterate_batches(images, batches, torch.device("cpu"), WORKERS, epoch)
        with contextlib.closing(loaded):
            labels = collect(loaded)
        used = since.read()
        return describe(listing.paths, order, labels, listing.labels) | used

    return run


def prepare_plain(folder: str, training: bool) -> Callable[[], dict[str, Any]]:
    """An epoch of torchvision's ``ImageFolder``, its first transforms and torch's loader."""
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    from tgas_neuro.images.pixels import DEVIATION, MEAN

    bicubic = transforms.InterpolationMode.BICUBIC
    cut = (
        [
            transforms.RandomResizedCrop(SIZE, interpolation=bicubic),
            transforms.RandomHorizontalFlip(),
        ]
        if training
        else [transforms.Resize(RESIZE, bicubic), transforms.CenterCrop(SIZE)]
    )
    steps = [*cut, transforms.ToTensor(), transforms.Normalize(MEAN, DEVIATION)]
    images = ImageFolder(folder, transforms.Compose(steps))
    order = draw_order(len(images), training)
    paths = [Path(path).relative_to(folder).as_posix() for path, _ in images.samples]

    def run() -> dict[str, Any]:
        since = Meter()
        labels = collect(DataLoader(images, batch_size=BATCH, sampler=order, num_workers=WORKERS))
        used = since.read()
        return describe(paths, order, labels, images.targets) | used

    return run


def prepare_check(folder: str) -> Callable[[], dict[str, Any]]:
    """How far inputs of the evaluation are from the plain loader's, in levels of 255; not timed."""
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    from tgas_neuro.images.data import FolderImages
    from tgas_neuro.images.image_folder import load_image_folder

    resize = transforms.Resize(RESIZE, transforms.InterpolationMode.BICUBIC)
    plain = ImageFolder(folder, transforms.Compose([resize, transforms.CenterCrop(SIZE)]))
    ours = FolderImages(
        load_image_folder(folder, "training", "folder"), SIZE, "resized_crop", memory_mb=0
    )

    def run() -> dict[str, Any]:
        chosen = np.linspace(0, len(plain) - 1, min(N_PROFILE, len(plain))).astype(int).tolist()
        differences = np.stack(
            [
                np.abs(ours.load([number])[0].numpy().astype(int) - np.asarray(plain[number][0]))
                for number in chosen
            ]
        )
        return {"largest": int(differences.max()), "share": float((differences > 0).mean())}

    return run


def prepare_profile(folder: str) -> Callable[[], dict[str, Any]]:
    """Milliseconds an image of every step, alone, with one thread; median over images."""
    import torch

    torch.set_num_threads(1)  # as in a worker
    paths = sorted(Path(folder).glob("*/*"))
    chosen = paths[:: max(1, len(paths) // N_PROFILE)][:N_PROFILE]

    def run() -> dict[str, Any]:
        taken: dict[str, list[float]] = {}
        for path in chosen:
            for name, seconds in time_steps(path):
                taken.setdefault(name, []).append(1e3 * seconds)
        return {name: median(found) for name, found in taken.items()}

    return run


def time_steps(path: Path) -> Iterable[tuple[str, float]]:
    """Pairs (step, seconds) of one image."""
    import torch
    from PIL import Image
    from torchvision.io import ImageReadMode, decode_jpeg
    from torchvision.transforms.functional import normalize, to_tensor

    from tgas_neuro.images.pixels import DEVIATION, MEAN, normalise, resize_pixels

    left, top, width, height = CROP
    content, seconds = clock(lambda: np.fromfile(path, dtype=np.uint8))
    yield "read the file", seconds
    encoded = content.tobytes()
    yield "header (Pillow)", clock(lambda: Image.open(BytesIO(encoded)))[1]
    for scale in (2, 4):
        yield f"decode at 1/{scale} (Pillow)", clock(lambda: decode_pillow(encoded, scale))[1]  # noqa: B023
    image, seconds = clock(lambda: decode_pillow(encoded, 1))
    yield "decode (Pillow)", seconds
    tensor, seconds = clock(lambda: decode_jpeg(torch.from_numpy(content), ImageReadMode.RGB))
    yield "decode (torchvision)", seconds
    part, seconds = clock(
        lambda: image.crop((left, top, left + width, top + height)).resize(
            (SIZE, SIZE), Image.Resampling.BICUBIC
        )
    )
    yield "crop and resize (Pillow)", seconds
    cut = tensor.permute(1, 2, 0).numpy()[top : top + height, left : left + width]
    pixels, seconds = clock(lambda: resize_pixels(cut, SIZE, SIZE))
    yield "crop and resize (torch, as here)", seconds
    yield (
        "ToTensor, Normalize (torchvision)",
        clock(lambda: normalize(to_tensor(part), MEAN, DEVIATION))[1],
    )
    batch = torch.from_numpy(pixels.copy())[None].repeat(BATCH, 1, 1, 1)
    yield "normalise (as here, batches)", clock(lambda: normalise(batch))[1] / BATCH


def decode_pillow(encoded: bytes, scale: int) -> Any:
    """The decoded image, at a half or a quarter of its size where `scale` is 2 or 4."""
    from PIL import Image

    image = Image.open(BytesIO(encoded))
    if scale > 1:
        image.draft(None, (image.width // scale, image.height // scale))
    return image.convert("RGB")


def clock(call: Callable[[], Any]) -> tuple[Any, float]:
    """Result, and seconds of the second call: the first one fills caches."""
    call()
    start = time.perf_counter()
    found = call()
    return found, time.perf_counter() - start


def draw_order(number: int, training: bool) -> list[int]:
    """Numbers of the images, in an order of their own for training."""
    if not training:
        return list(range(number))
    return np.random.default_rng(SEED).permutation(number).tolist()


class Meter:
    """Seconds of the processor that an epoch took, workers that ended included."""

    def __init__(self):
        self.start = self._read()

    def read(self) -> dict[str, float]:
        """Seconds since the beginning: of this, and mean number of cores that others used."""
        wall, own, all_cores = (
            now - then for now, then in zip(self._read(), self.start, strict=True)
        )
        return {"cpu_seconds": own, "others": max(0.0, (all_cores - own) / wall)}

    def _read(self) -> tuple[float, float, float]:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        own = sum(one.ru_utime + one.ru_stime for one in used)
        return time.perf_counter(), own, read_busy_seconds()


def collect(loaded: Iterable[tuple[Any, Any]]) -> list[int]:
    """Labels of all batches, whose inputs must be whole."""
    labels: list[int] = []
    for inputs, found in loaded:
        if inputs.shape != (len(found), 3, SIZE, SIZE):
            raise ValueError(f"a batch of shape {tuple(inputs.shape)}")
        labels += found.tolist()
    return labels


def describe(
    paths: Iterable[str], order: list[int], labels: list[int], expected: Iterable[int]
) -> dict[str, Any]:
    """What was read: digests of paths and labels in their order, and of the set of both."""
    paths, expected = list(paths), list(expected)
    if labels != [expected[number] for number in order]:
        raise ValueError("labels are not those of the images in this order")
    read = [f"{paths[number]} {label}" for number, label in zip(order, labels, strict=True)]
    return {
        "images": len(read),
        "ordered": hashlib.sha256("\n".join(read).encode()).hexdigest(),
        "set": hashlib.sha256("\n".join(sorted(read)).encode()).hexdigest(),
    }


CONTESTANTS = {
    "tgas-neuro": prepare_ours,
    "torchvision ImageFolder": prepare_plain,
    "check": prepare_check,
    "profile": prepare_profile,
}
