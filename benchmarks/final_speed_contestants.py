"""What final_speed.py times: training steps of one network in two loops, and the cores' peak."""

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import torch
from image_loading_inputs import CLASSES
from torch import nn

SEED = 0
LEARNING_RATE, MOMENTUM, DECAY, SMOOTHING = 0.002, 0.9, 4e-5, 0.1
WORKERS = 2
PRODUCT = 2048  # rows and columns of the product that measures the cores' peak


def prepare_ours(case: dict[str, Any], folder: str) -> Callable[[], dict[str, Any]]:
    """The package's steps, `Stepper.take`, on batches as `Training` gives them in an epoch."""
    from tgas_neuro.config.final import Final
    from tgas_neuro.final.launch.processes import Group
    from tgas_neuro.final.network.network import FinalNetwork
    from tgas_neuro.final.training.epochs import Training
    from tgas_neuro.images.data import FolderImages
    from tgas_neuro.images.image_folder import load_image_folder
    from tgas_neuro.runtime.devices import keep_freed_memory

    keep_freed_memory()  # as the rule `final` does
    settings = Final.model_validate(build_settings(case))
    network = FinalNetwork(build_ours(case), None, 0.0).to(memory_format=torch.channels_last)
    group = Group(0, 1, torch.device("cpu"))
    listing = load_image_folder(folder, "training", "folder")
    images = FolderImages(listing, case["size"], "resized_crop", SEED)
    nowhere = Path(folder, "no checkpoint")
    training = Training(settings, network, images, len, nowhere, "", group, print)

    def take(batches: Iterator[Any]) -> float:
        return float(training.stepper.take(batches, LEARNING_RATE)) / case["batch"]

    def run() -> dict[str, Any]:
        in_memory = itertools.repeat((*make_batch(case), None))
        found = {"steps": time_steps(take, in_memory, case["steps"])}
        loaded = training._iterate_micro_batches()
        return found | {"from files": time_steps(take, loaded, case["steps"])}

    return run


def prepare_timm(
    case: dict[str, Any], folder: str, channels_last: bool = False, own: bool = False
) -> Callable[[], dict[str, Any]]:
    """The steps of timm's ``train.py``, on timm's loader; `own` trains the package's network."""
    from timm.loss import LabelSmoothingCrossEntropy
    from timm.optim import create_optimizer_v2
    from timm.utils import AverageMeter

    network = build_ours(case) if own else build_timm(case)
    form = torch.channels_last if channels_last else torch.contiguous_format
    network = network.to(memory_format=form).train()
    optimizer = create_optimizer_v2(
        network, "sgd", lr=LEARNING_RATE, weight_decay=DECAY, momentum=MOMENTUM
    )
    criterion, losses = LabelSmoothingCrossEntropy(SMOOTHING), AverageMeter()

    def take(batches: Iterator[Any]) -> float:
        inputs, labels = next(batches)
        if channels_last:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        loss = criterion(network(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.update(loss.item(), len(inputs))
        return losses.val

    def run() -> dict[str, Any]:
        inputs, labels = make_batch(case)
        in_memory = itertools.repeat((inputs.contiguous(memory_format=form), labels))
        found = {"steps": time_steps(take, in_memory, case["steps"])}
        loaded = load_timm(case, folder)
        return found | {"from files": time_steps(take, loaded, case["steps"])}

    return run


def load_timm(case: dict[str, Any], folder: str) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The loader of timm for training; of its augmentations those that the package has."""
    from timm.data import create_dataset, create_loader

    loader = create_loader(
        create_dataset("", root=folder, is_training=True),
        (3, case["size"], case["size"]),
        case["batch"],
        is_training=True,
        color_jitter=None,
        interpolation="bicubic",
        num_workers=WORKERS,
        device=torch.device("cpu"),
        persistent_workers=False,
    )
    return iter(loader)


def prepare_peak(case: dict[str, Any], folder: str) -> Callable[[], dict[str, Any]]:
    """Operations and bytes a second of the cores: a product in float32, a copy."""
    one, other = torch.randn(2, PRODUCT, PRODUCT)
    source, copy = torch.randn(2, 2**25)

    def run() -> dict[str, Any]:
        products = time_steps(lambda _: float((one @ other)[0, 0]), iter(()), 5)
        copies = time_steps(lambda _: float(copy.copy_(source)[0]), iter(()), 5)
        # what a busy machine takes away is no property of the cores: the best of five
        return {
            "operations": 2 * PRODUCT**3 / min(products["cpu_seconds"]),
            "bytes": 2 * source.nbytes / min(copies["cpu_seconds"]),
            "bytes_an_image": count_bytes(case),
        }

    return run


def time_steps(
    take: Callable[[Iterator[Any]], float], batches: Iterator[Any], number: int
) -> dict[str, Any]:
    """Seconds, seconds of processor time (workers included) and losses of a few steps.

    One step that is not counted comes first.
    """
    take(batches)
    seconds, cpu_seconds, losses = [], [], []
    for _ in range(number):
        start, busy = time.perf_counter(), read_cpu()
        losses.append(take(batches))
        seconds.append(time.perf_counter() - start)
        cpu_seconds.append(read_cpu() - busy)
    return {"step_seconds": seconds, "cpu_seconds": cpu_seconds, "losses": losses}


def read_cpu() -> float:
    """Processor time so far of this process, exactly, and of its workers, in ticks [s]."""
    total = time.process_time()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def build_settings(case: dict[str, Any]) -> dict[str, Any]:
    """The section ``final`` of this training."""
    return {
        "data": {"kind": "image_folder", "path": "."},  # the listing names the images
        "image_size": case["size"],
        "epochs": 1,
        "batch_size": case["batch"],
        "learning_rate": LEARNING_RATE,
        "momentum": MOMENTUM,
        "weight_decay": DECAY,
        "label_smoothing": SMOOTHING,
        "gradient_clip": None,  # as timm by default
        "augmentation": "resized_crop",
        "workers": WORKERS,
        "threads": torch.get_num_threads(),
        "device": "cpu",
    }


def build_skeleton(case: dict[str, Any]) -> Any:
    """The size of the network, as PNASNet-5 was released."""
    from tgas_neuro.architecture.skeleton import Skeleton

    return Skeleton(
        filters=case["filters"],
        cells_per_stage=case["cells"],
        stages=3,
        n_classes=case["classes"],
        image_size=case["size"],
        stem="imagenet",
        stem_filters=case["stem_filters"],
        downsampling="within",
    )


def build_ours(case: dict[str, Any]) -> nn.Module:
    """The package's PNASNet-5 network; the same weights in every process."""
    from tgas_neuro.architecture.cell.published import PNASNET5
    from tgas_neuro.architecture.network import build_network

    return build_network(PNASNET5, build_skeleton(case), torch.Generator().manual_seed(SEED))


def build_timm(case: dict[str, Any]) -> nn.Module:
    """The network in timm's modules, with the weights of the package's."""
    from final_speed_reference import MobileNetwork, copy_weights

    network = MobileNetwork(case["filters"], case["stem_filters"], case["cells"], case["classes"])
    copy_weights(build_ours(case), network)
    return network


def make_batch(case: dict[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """One batch of noise, channels last, and its labels; the same in every process."""
    generator = torch.Generator().manual_seed(SEED)
    size, n = case["size"], case["batch"]
    inputs = torch.randn(n, size, size, 3, generator=generator).permute(0, 3, 1, 2)
    return inputs, torch.randint(CLASSES, (n,), generator=generator)


def count_bytes(case: dict[str, Any]) -> int:
    """Bytes that convolutions and normalisations of a step move for one image, without a cache.

    Each reads and writes in the forward pass; in the backward pass it reads its input and the
    gradient of its output, and writes the gradient of its input.
    """
    network, values = build_ours(case), []

    def note(module, inputs, output):
        values.append(3 * inputs[0].numel() + 2 * output.numel())

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            module.register_forward_hook(note)
    with torch.no_grad():
        network(make_batch(case | {"batch": 1})[0])
    return 4 * sum(values)


OURS, TIMM = "tgas-neuro", "timm"
TIMM_LAST, MIXED = "timm --channels-last", "timm's loop, tgas-neuro's network"
PEAK = "peak"
CONTESTANTS = {
    OURS: prepare_ours,
    TIMM: prepare_timm,
    TIMM_LAST: lambda case, folder: prepare_timm(case, folder, channels_last=True),
    MIXED: lambda case, folder: prepare_timm(case, folder, channels_last=True, own=True),
    PEAK: prepare_peak,
}
