"""`score`: compare the layers of any network with neural recordings.

The network is torchvision:<name> or timm:<name> with local weights or --download,
package.module:function, a program of torch.export (.pt2), an ONNX file, or the folder of a final
training, results/final/<run>. Features that another program recorded are read from .npy, .npz,
.h5, .hdf5 and .pt. Several make one table. Each network sees the stimuli with its own size, mean
and deviation; options change them. The recordings are data sets by name, a teacher.nc, or by
default those of config.yaml in this folder. docs/scoring.md has examples.
"""

import argparse
import csv
import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tgas_neuro.api.score_tables import COLUMNS, Scores, name_apart
from tgas_neuro.api.scores import score
from tgas_neuro.api.teachers import load_teacher
from tgas_neuro.commands.terminal import (
    degrees,
    format_table,
    natural,
    positive,
    report,
    share,
    show_progress,
)
from tgas_neuro.runtime.errors import UserError, describe_error
from tgas_neuro.runtime.files import check_writable, write_json, written_whole
from tgas_neuro.scoring.layers import format_layer_map


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="a network or a file; several make one table")
    add("--weights", type=Path, nargs="+", metavar="FILE", help="state dicts, one a network")
    add("--download", action="store_true", help="let torchvision or timm download its weights")
    add(
        "--teacher",
        type=Path,
        metavar="FILE",
        help="a teacher.nc of a run, or a configuration (default: config.yaml)",
    )
    add(
        "--data",
        nargs="+",
        metavar="REGION=NAME",
        help="data sets, as V4=cowley2023_v4; several of a region are pooled: IT=a,b "
        "(default: those of --teacher)",
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
    add(
        "--by",
        choices=["category"],
        help="split each region by the category of its stimuli (no ceiling)",
    )
    add("--splits", type=positive, help=f"random splits for the ceiling {own.format(50)}")
    add(
        "--uncorrected",
        nargs="+",
        default=[],
        metavar="REGION",
        help="regions without a noise ceiling, whose similarity is used as measured",
    )
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
    add("--parquet", type=Path, metavar="FILE.parquet", help="also write every layer as parquet")


OPTIONS = (
    *("layers", "download", "size", "mean", "deviation", "device", "threads", "seed", "exact"),
    "batch_size",
)
OUTPUTS = ("csv", "json", "parquet")


def run(arguments: argparse.Namespace) -> None:
    """Score each network, print its layers, and write the files that are named."""
    outputs = {key: getattr(arguments, key) for key in OUTPUTS}
    for key, path in outputs.items():
        check_writable(path, f"--{key}")  # before the minutes that a network may take
    if arguments.parquet:
        check_parquet()
    weights = arguments.weights or [None] * len(arguments.models)
    if len(weights) != len(arguments.models):
        raise UserError(
            f"--weights: {len(weights)} files for {len(arguments.models)} networks; give one for "
            "each, in their order"
        )
    keys = ("mirror", "degrees", "comparison", "splits", "uncorrected", "by", "seed")
    given = {key: getattr(arguments, key) for key in keys}
    regions = read_regions(arguments.data) if arguments.data else None
    options = {key: getattr(arguments, key) for key in OPTIONS}
    scored = Scores({})
    with named_as_options():
        teacher = load_teacher(arguments.teacher, data=regions, report=report, **given)
        for model, file in zip(arguments.models, weights, strict=True):
            one = score(
                model, teacher, weights=file, report=report, progress=show_progress, **options
            )
            (found,) = one.models.values()
            title = name_apart(model, scored.models)
            lines = format_layer_map(found["regions"], "paper")
            print("\n".join([title, *lines, ""]), flush=True)
            scored = Scores.concat([scored, one])
    print(format_table(scored.list_best()))
    for key, path in outputs.items():
        if path is not None:
            WRITERS[key](scored, path)
            print(f"{LABELS[key]} {path}")


@contextmanager
def named_as_options() -> Iterator[None]:
    """Messages about an argument of `load_teacher` or `score` name the option."""
    try:
        yield
    except UserError as error:
        key, _, rest = str(error).partition(":")
        known = (
            "teacher",
            "data",
            "weights",
            "mirror",
            "degrees",
            "comparison",
            "uncorrected",
            "by",
        )
        named = key in (*known, *OPTIONS, "resize")
        raise UserError(f"--{key.replace('_', '-')}:{rest}" if named else str(error)) from None


def check_parquet() -> None:
    """Refuse to begin where the package that writes parquet cannot be used."""
    try:
        importlib.import_module("pyarrow")
    except ImportError as error:  # absent, or made for another numpy
        raise UserError(
            f"--parquet: the package pyarrow cannot be used ({describe_error(error)}): pip install "
            "pyarrow, in a version for the numpy that is here; or write --csv"
        ) from None


def write_csv(scored: Scores, path: Path) -> None:
    """Write a row for each network, region and layer."""
    with written_whole(path) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(scored.list_rows())


def write_parquet(scored: Scores, path: Path) -> None:
    """Write the same rows; numbers that are not defined are null."""
    with written_whole(path) as beside:
        scored.to_frame().to_parquet(beside, engine="pyarrow", index=False)


WRITERS: dict[str, Callable[[Scores, Path], None]] = {
    "csv": write_csv,
    "json": lambda scored, path: write_json(path, scored.to_dict()),
    "parquet": write_parquet,
}
LABELS = {"csv": "CSV    ", "json": "JSON   ", "parquet": "Parquet"}


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
