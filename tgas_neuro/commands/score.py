"""`score`: compare the layers of any network with neural recordings.

The network is torchvision:<name> or timm:<name> with local weights, package.module:function, or the
folder of a final training, results/final/<run>. Several networks make one table. Each sees the
stimuli with its own size, mean and deviation; options change them. The recordings are data sets
by name, or by default those of config.yaml in this folder. docs/scoring.md has examples.
"""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from tgas_neuro.api.scores import COLUMNS, Scores, name_apart, score
from tgas_neuro.api.teachers import load_teacher
from tgas_neuro.commands.terminal import degrees, format_table, natural, positive, report, share
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import check_writable, write_json, written_whole
from tgas_neuro.scoring.layers import format_layer_map


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="a network; several make one table")
    add("--weights", type=Path, nargs="+", metavar="FILE", help="state dicts, one a network")
    add(
        "--data",
        nargs="+",
        metavar="REGION=NAME",
        help="data sets, as V4=cowley2023_v4; several of a region are pooled: IT=a,b "
        "(default: the recordings of config.yaml)",
    )
    add("--mirror", type=Path, metavar="FOLDER", help="searched before the internet")
    add("--degrees", type=degrees, help="width of the input [deg] (default: config.yaml's, else 8)")
    add(
        "--layers",
        nargs="+",
        default=["auto"],
        metavar="NAME",
        help="names of modules, * stands for any text; all; or auto, the ends of blocks (default)",
    )
    own = "(default: config.yaml's, else {})"
    comparisons = "spearman, pearson, kendall, cka, ridge or pls"
    add("--comparison", help=f"{comparisons} {own.format('spearman')}")
    add("--splits", type=positive, help=f"random splits for the ceiling {own.format(50)}")
    own = "(default: the network's own)"
    add("--size", type=positive, help=f"width and height of the input [px] {own}")
    for key in ("--mean", "--deviation"):
        add(key, type=share, nargs=3, metavar=("R", "G", "B"), help=f"in [0, 1] {own}")
    add("--batch-size", type=positive, default=32, help="stimuli in one batch (default: 32)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:<n>")
    add("--threads", type=positive, default=1, help="threads of torch (default: 1)")
    add("--seed", type=natural, default=0, help="of splits and projections (default: 0)")
    add("--exact", action="store_true", help="nothing is projected or binned; slower")
    add("--csv", type=Path, metavar="FILE.csv", help="also write every layer as CSV")
    add("--json", type=Path, metavar="FILE.json", help="also write all results as JSON")


def run(arguments: argparse.Namespace) -> None:
    """Score each network, print its layers, and write the files that are named."""
    for key, path in (("--csv", arguments.csv), ("--json", arguments.json)):
        check_writable(path, key)  # before the minutes that a network may take
    weights = arguments.weights or [None] * len(arguments.models)
    if len(weights) != len(arguments.models):
        raise UserError(
            f"--weights: {len(weights)} files for {len(arguments.models)} networks; give one for "
            "each, in their order"
        )
    teacher = load_teacher(
        data=read_regions(arguments.data) if arguments.data else None,
        mirror=arguments.mirror,
        degrees=arguments.degrees,
        comparison=arguments.comparison,
        splits=arguments.splits,
        seed=arguments.seed,
        report=report,
    )
    keys = ("layers", "size", "mean", "deviation", "device", "threads", "seed", "exact")
    options = {key: getattr(arguments, key) for key in (*keys, "batch_size")}
    scored = Scores({})
    for model, file in zip(arguments.models, weights, strict=True):
        one = score(model, teacher, weights=file, **options, report=report)
        (regions,) = (found["regions"] for found in one.models.values())
        title = name_apart(model, scored.models)
        print("\n".join([title, *format_layer_map(regions, "paper"), ""]), flush=True)
        scored = Scores.concat([scored, one])
    print(format_table(scored.list_best()))
    if arguments.csv:
        with written_whole(arguments.csv) as beside, beside.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(scored.list_rows())
        print(f"CSV   {arguments.csv}")
    if arguments.json:
        write_json(arguments.json, scored.to_dict())
        print(f"JSON  {arguments.json}")


def read_regions(texts: Sequence[str]) -> dict[str, list[str]]:
    """Region to its data sets, from texts as V4=cowley2023_v4 and IT=a,b."""
    regions: dict[str, list[str]] = {}
    for text in texts:
        region, _, names = text.partition("=")
        if not names:
            raise UserError(
                f"--data: {text!r}: expected a region and its data sets, as V4=cowley2023_v4"
            )
        if region in regions:
            raise UserError(
                f"--data: {text!r}: region {region} is named twice; to pool data sets name them "
                f"together: {region}={','.join(regions[region])},{names}"
            )
        regions[region] = names.split(",")
    return regions
