"""`evaluate`: measure top-1, top-5 and loss of any network on labelled images.

The network is torchvision:<name> or timm:<name> with local weights, package.module:function, or the
folder of a final training, results/final/<run>. The images are in <folder>/<class>/, in one folder
with Tiny-ImageNet's val_annotations.txt, or in one folder with ImageNet's devkit beside it. Every
image is seen once, with the size, crop, filter, mean and deviation that timm or torchvision states
for the network; options change them. docs/images.md has examples.
"""

import argparse
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tgas_neuro.commands.terminal import natural, positive, share
from tgas_neuro.runtime.files import check_writable, write_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("--model", required=True, help="torchvision:<name>, timm:<name>, module:function, a run")
    add("--weights", type=Path, metavar="FILE", help="state dict (default for a run: its own)")
    add(
        "--images",
        type=Path,
        metavar="FOLDER",
        help="the validation split (default for a run: its own)",
    )
    add(
        "--devkit",
        type=Path,
        metavar="FOLDER",
        help="ImageNet's devkit, if all images are in one folder",
    )
    add(
        "--classes",
        type=Path,
        metavar="FILE",
        help="class of each output of the network, one a line",
    )
    add(
        "--order",
        metavar="ORDER",
        help="how classes are numbered if their names can be sorted in two ways: name (A before a, "
        "10 before 2) or natural (2 before 10, without regard to case)",
    )
    add(
        "--expect", type=positive, metavar="N", help="expected number of images, 50000 for ImageNet"
    )
    add(
        "--size",
        type=positive,
        help="width and height of the input [px] (default: the network's own, else 224)",
    )
    add(
        "--resize",
        type=positive,
        help="shorter side before cropping [px] (default: the network's own, else 8/7 of --size)",
    )
    add("--interpolation", help="bilinear or bicubic (default: the network's own, else bilinear)")
    add(
        "--mean",
        type=share,
        nargs=3,
        metavar=("R", "G", "B"),
        help="in [0, 1] (default: the network's own, else ImageNet's)",
    )
    add(
        "--deviation",
        type=share,
        nargs=3,
        metavar=("R", "G", "B"),
        help="in [0, 1] (default: the network's own, else ImageNet's)",
    )
    add("--fast", action="store_true", help="pixels may differ from Pillow's by one of 255 levels")
    add("--batch-size", type=positive, default=64, help="images in one batch (default: 64)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:<n>")
    add(
        "--workers", type=natural, default=0, help="extra processes that decode images (default: 0)"
    )
    add("--threads", type=positive, default=1, help="threads of torch (default: 1)")
    add("--per-class", type=Path, metavar="FILE.csv", help="also write the results of each class")
    add("--json", type=Path, metavar="FILE.json", help="also write all results as JSON")


def run(arguments: argparse.Namespace) -> None:
    """Evaluate the network, print the metrics, and write the files that are named."""
    from tgas_neuro.final.evaluation.named import evaluate_named, write_per_class  # slow: torch

    for key, path in (("--per-class", arguments.per_class), ("--json", arguments.json)):
        check_writable(path, key)  # before the hours that an evaluation may take
    found = evaluate_named(arguments)
    metrics, classes, used = found.metrics, found.classes, found.used
    content = metrics.to_dict() | {"classes": list(classes), "input": asdict(used)}
    print(describe(content))
    if arguments.per_class:
        write_per_class(arguments.per_class, metrics, classes)
        print(f"per class  {arguments.per_class}")
    if arguments.json:
        loss = content["loss"] if math.isfinite(content["loss"]) else None  # JSON has no NaN
        write_json(arguments.json, content | {"loss": loss})
        print(f"JSON       {arguments.json}")


def describe(metrics: dict[str, Any]) -> str:
    """Format the metrics as lines of text."""
    low, high = metrics["top1_interval"]
    used = metrics["input"]
    cut = f"{used['size']} px" + (f" of {used['resize']}" if used["resize"] != used["size"] else "")
    colours = ", ".join(
        f"{key} {' '.join(f'{value:g}' for value in used[key])}" for key in ("mean", "deviation")
    )
    seen = sum(count > 0 for count in metrics["per_class"]["n_images"])
    return "\n".join(
        [
            f"input      {cut}{', squashed' if used['squashed'] else ''}, {used['interpolation']}, "
            f"{colours} ({used['source']})",
            *(f"Note: {note}" for note in used["notes"]),
            f"images     {metrics['n_images']:,} in {seen:,} of {metrics['n_classes']:,} classes",
            f"top-1      {metrics['top1']:.4%} (95 % interval {low:.2%} to {high:.2%})",
            f"top-5      {metrics['top5']:.4%}",
            f"loss       {metrics['loss']:.5f} nat",
        ]
    )
