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
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from tgas_neuro.api.options import InferenceOptions, check_options
from tgas_neuro.api.score_tables import COLUMNS, Scores, name_apart
from tgas_neuro.api.scores import score
from tgas_neuro.api.teachers import load_teacher
from tgas_neuro.commands.terminal import (
    degrees,
    natural,
    positive,
    report,
    share,
    show_progress,
    show_table,
)
from tgas_neuro.config.teacher import Comparison
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
    *comparisons, last = get_args(Comparison)
    add("--comparison", help=f"{', '.join(comparisons)} or {last} {own.format('spearman')}")
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
    add("--bootstrap", type=natural, default=0, metavar="N", help="resamples for 95 %% intervals")
    add(
        "--bootstrap-over",
        choices=("auto", "stimuli", "sites", "both"),
        default="auto",
        help="what is resampled (default: auto, both where responses are known, else stimuli)",
    )
    add("--picture", type=Path, metavar="FILE", help="draw layers and models: .png, .svg or .pdf")
    add("--csv", type=Path, metavar="FILE.csv", help="also write every layer as CSV")
    add("--json", type=Path, metavar="FILE.json", help="also write all results as JSON")
    add("--parquet", type=Path, metavar="FILE.parquet", help="also write every layer as parquet")


OPTIONS = (
    *("layers", "download", "size", "mean", "deviation", "device", "threads", "seed", "exact"),
    "batch_size",
)
OF_TEACHER = ("mirror", "degrees", "comparison", "splits", "uncorrected", "by", "seed")
OTHER_NAMES = {"n_resamples": "bootstrap", "over": "bootstrap-over"}
NAMED = ("teacher", "data", "weights", "resize", *OF_TEACHER, *OPTIONS, *OTHER_NAMES)
PARQUET_ENGINES = ("fastparquet", "pyarrow")
OUTPUTS = ("csv", "json", "parquet", "picture")


def run(arguments: argparse.Namespace) -> None:
    """Score each network, print its layers, and write the files that are named."""
    outputs = {key: getattr(arguments, key) for key in OUTPUTS}
    for key, path in outputs.items():
        check_writable(path, f"--{key}")  # before the minutes that a network may take
    refuse_overwriting(outputs, [*arguments.models, *(arguments.weights or [])])
    if arguments.parquet:
        find_parquet_engine()
    if arguments.picture:
        from tgas_neuro.figures.style import check_ending

        check_ending(arguments.picture)
    if arguments.bootstrap:
        check_resamples(arguments.bootstrap, arguments.comparison)
    weights = assign_weights(arguments.models, arguments.weights)
    given = {key: getattr(arguments, key) for key in OF_TEACHER}
    regions = read_regions(arguments.data) if arguments.data else None
    options = {key: getattr(arguments, key) for key in OPTIONS}
    options["keep_rdms"] = arguments.bootstrap > 0
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
        if arguments.bootstrap:
            scored = scored.infer(
                teacher, arguments.bootstrap, arguments.seed, arguments.bootstrap_over
            )
    print(show_table(scored.list_best()))
    print_inferences(scored)
    for key, path in outputs.items():
        if path is not None:
            WRITERS[key](scored, path)
            print(f"{LABELS[key]} {path}")


def assign_weights(models: Sequence[str], weights: Sequence[Path] | None) -> list[Path | None]:
    """The file of each model; features and saved graphs take none."""
    from tgas_neuro.scoring.feature_files import FORMATS
    from tgas_neuro.scoring.graphs import GRAPHS

    if not weights:
        return [None] * len(models)
    takes = [Path(model).suffix not in {*FORMATS, *GRAPHS} for model in models]
    if sum(takes) != len(weights):
        raise UserError(
            f"--weights: {len(weights)} files for {sum(takes)} networks; give one for each, in "
            "their order; features and saved graphs take none"
        )
    files = iter(weights)
    return [next(files) if one else None for one in takes]


def refuse_overwriting(outputs: Mapping[str, Path | None], inputs: Sequence[str | Path]) -> None:
    """Refuse a file that is named twice, as a result or as what is read."""
    taken = {Path(one).absolute(): "read" for one in inputs}
    for key, path in outputs.items():
        if path is None:
            continue
        if path.absolute() in taken:
            raise UserError(f"--{key}: {path}: is {taken[path.absolute()]}, too; name another file")
        taken[path.absolute()] = f"written by --{key}"


@contextmanager
def named_as_options() -> Iterator[None]:
    """Messages about an argument of `load_teacher` or `score` name the option."""
    try:
        yield
    except UserError as error:
        found = re.match(r"(\w+)((?:\[\d+\])?:.*)", str(error))
        if found is None or found[1] not in NAMED:
            raise
        name = OTHER_NAMES.get(found[1], found[1]).replace("_", "-")
        raise UserError(f"--{name}{found[2]}") from None


def find_parquet_engine() -> str:
    """The package that writes parquet; refuse to begin where there is none."""
    reasons = []
    for engine in PARQUET_ENGINES:
        try:
            importlib.import_module(engine)
        except ImportError as error:  # absent, or made for another numpy
            reasons.append(describe_error(error))
        else:
            return engine
    raise UserError(
        f"--parquet: no package that writes it can be used ({'; '.join(reasons)}): pip install "
        f"{PARQUET_ENGINES[0]}, or write --csv"
    )


def write_csv(scored: Scores, path: Path) -> None:
    """Write a row for each network, region and layer."""
    with written_whole(path) as beside, beside.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(scored.list_rows())


def check_resamples(number: int, comparison: str | None) -> None:
    """Refuse resamples that give no intervals before any network is scored."""
    from tgas_neuro.scoring.inference import check_comparison, check_number

    check_number(number, "--bootstrap")
    with named_as_options():
        check_options(InferenceOptions, n_resamples=number)
    if comparison is not None:
        check_comparison(comparison, "--bootstrap")


def print_inferences(scored: Scores) -> None:
    """Print what was resampled, and how networks differ."""
    from tgas_neuro.figures.scores import describe_resampled

    for region, found in scored.inferences.items():
        print(f"\n{region}: 95 % intervals {describe_resampled(found)}")
        for note in found["notes"]:
            print(f"Note: {region}: {note}")
        if found["differences"]:
            print(show_table([_show_p(one) for one in found["differences"]]))


def _show_p(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose p values are not rounded to 0."""
    small = {key: "<0.001" for key in ("p", "p_adjusted") if row[key] < 0.0005}
    return {**row, **small}


def write_parquet(scored: Scores, path: Path) -> None:
    """Write the same rows; numbers that are not defined are null."""
    with written_whole(path) as beside:
        scored.to_frame().to_parquet(beside, engine=find_parquet_engine(), index=False)


def write_picture(scored: Scores, path: Path) -> None:
    """Draw the layers of each network and, of several or with intervals, their comparison."""
    from tgas_neuro.figures.scores import draw_scores

    draw_scores(scored.models, scored.inferences, path)


WRITERS: dict[str, Callable[[Scores, Path], None]] = {
    "csv": write_csv,
    "json": lambda scored, path: write_json(path, scored.to_dict()),
    "parquet": write_parquet,
    "picture": write_picture,
}
LABELS = {"csv": "CSV    ", "json": "JSON   ", "parquet": "Parquet", "picture": "Picture"}


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
