"""Does guidance help? Early accuracies and teachers as predictors of what cells reach in the end.

    python benchmarks/guidance.py train --data FOLDER [--cells 24] [--part 1/2] [--long-from RESULT]
    python benchmarks/guidance.py score --data FOLDER
    python benchmarks/guidance.py report [--long-from RESULT]

FOLDER holds ``cifar10_subset.tar.gz`` (10 classes, ``train/`` and ``test/``) and, as a mirror, the
recordings that the teachers are made from. ``train`` takes minutes a cell and goes on where it was
stopped; parts run beside each other. ``score`` compares the kept networks with every teacher;
``report`` prints the tables and writes ``results/guidance.json`` and ``.png``. With ``--long-from``
the accuracies of the long training are those of an earlier ``guidance.json``, and cells are trained
up to the last early step: a third of the time where only the teachers are others.
"""

import argparse
import sys
import tarfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from guidance_report import build_report, build_table, draw_report
from guidance_teachers import (
    ON_CIFAR10,
    build_configured,
    build_on_cifar10,
    list_configured,
)
from guidance_training import Form, draw_cells, train_cell
from harness import describe_machine

from tgas_neuro.architecture.network import build_network
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.figures.style import save_figure
from tgas_neuro.images.decoded import decode_listing
from tgas_neuro.images.image_folder import load_image_folder
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.provenance import get_time
from tgas_neuro.scoring.layers import calc_teacher_guidance
from tgas_neuro.scoring.scores import score_network
from tgas_neuro.scoring.scoring import write_ranks
from tgas_neuro.teacher.teacher import Teacher, load_teacher

HERE = Path(__file__).parent
WORK = HERE / "work" / "guidance"
SPLITS = {"train": "train", "val": "test"}  # ours, and the archive's
SIZE = Form.image_size
N_CLASSES = 10
LEAST_CELLS = 10
BETWEEN = " | "  # a teacher's name and its region's


def main() -> None:
    """Parse the command line and run one phase."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phase", choices=PHASES)
    parser.add_argument("--data", type=Path, help="folder with cifar10_subset.tar.gz, recordings")
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--part", default="1/1", help="train every n-th cell: 1/2, 2/2")
    parser.add_argument("--steps", type=int, default=Form.long, help="of the long training")
    parser.add_argument(
        "--long-from",
        type=Path,
        help="guidance.json whose accuracies of the long training are taken over",
    )
    parser.add_argument("--work", type=Path, default=WORK, help="what is kept between phases")
    parser.add_argument("--output", type=Path, default=HERE / "results")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    PHASES[chosen.phase](chosen)


def train(chosen: argparse.Namespace) -> None:
    """Train the cells of one part that are not done."""
    images = decode_images(chosen.data, chosen.work)
    part, parts = map(int, chosen.part.split("/"))
    form = replace(Form(), long=chosen.steps)
    earlier = read_earlier(chosen.long_from, form) if chosen.long_from else None
    known = {cell["hash"]: cell["long"] for cell in earlier["cells"]} if earlier else {}
    for number, genotype in enumerate(draw_cells(chosen.cells, form.seed)):
        folder = chosen.work / "cells" / f"{number:03d}_{genotype.hash}"
        if number % parts != part - 1 or (folder / "cell.json").is_file():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        content = train_cell(genotype, form, images, folder, known.get(genotype.hash))
        print(f"{folder.name}: {content['long']['val']['accuracy']:.3f}", flush=True)


def read_earlier(path: Path, form: Form) -> dict[str, Any]:
    """An earlier result, whose cells were trained in the same form."""
    content = read_json(path)
    if content["form"] != {**asdict(form), "early": [*form.early]}:
        sys.exit(f"{path}: its cells were trained in another form")
    return content


def decode_images(data: Path, work: Path) -> Path:
    """The folder of the decoded splits, made at first."""
    images = work / "images"
    for ours, theirs in SPLITS.items():
        if (images / ours / "classes.json").is_file():
            continue
        with tarfile.open(data / "cifar10_subset.tar.gz") as archive:
            archive.extractall(work, filter="data")
        listing = load_image_folder(work / "cifar10_subset" / theirs, "training", "--data")
        decode_listing(listing, SIZE, images / ours)
    return images


def score(chosen: argparse.Namespace) -> None:
    """Compare the kept networks of all finished cells with all teachers, where not done."""
    images = decode_images(chosen.data, chosen.work)
    teacher = join_teachers(build_teachers(chosen.data, images, chosen.work))
    ranks = chosen.work / "ranks"
    if not ranks.is_dir():
        write_ranks(ranks, teacher)
    for folder, cell in list_cells(chosen.work):
        if not (folder / "scores.json").is_file():
            write_json(folder / "scores.json", score_cell(folder, cell, teacher, ranks))
            print(folder.name, flush=True)


def join_teachers(paths: dict[str, Path]) -> Teacher:
    """One teacher with the regions of all, so that regions on the same stimuli share a pass."""
    regions = {}
    for name, path in paths.items():
        for region, content in load_teacher(path).regions.items():
            regions[f"{name}{BETWEEN}{region}"] = content
    return Teacher(regions, {})


def build_teachers(data: Path, images: Path, work: Path) -> dict[str, Path]:
    """Teacher to its file, made where it is not there."""
    paths = {
        name: build_configured(name, config, data.resolve(), work)
        for name, config in list_configured().items()
    }
    return paths | {name: build_on_cifar10(name, images, work) for name in ON_CIFAR10}


def list_cells(work: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Folder and content of every finished cell, in the order in which they were drawn."""
    found = sorted((work / "cells").glob("*/cell.json"))
    return [(path.parent, read_json(path)) for path in found]


def score_cell(folder: Path, cell: dict[str, Any], teacher: Teacher, ranks: Path) -> dict[str, Any]:
    """Teacher to early step to ``TG`` and ``regions``, as `score_network` gives them."""
    form = Form(**cell["form"])
    network = build_network(
        read_genotype(cell["genotype"]), form.build_skeleton(N_CLASSES), torch.Generator()
    ).to(memory_format=torch.channels_last)
    scores: dict[str, Any] = {}
    for step in form.early:
        network.load_state_dict(torch.load(folder / f"step_{step}.pt", weights_only=True))
        found = score_network(
            network.eval(), network.layers(), teacher, ranks, torch.device("cpu"), form.seed
        )
        for joined, region in found["regions"].items():
            name, part = joined.split(BETWEEN)
            scores.setdefault(name, {}).setdefault(str(step), {})[part] = region
    return {
        name: {
            step: {"TG": calc_teacher_guidance(regions), "regions": regions}
            for step, regions in steps.items()
        }
        for name, steps in scores.items()
    }


def report(chosen: argparse.Namespace) -> None:
    """Print the tables; write them with every number and the machine, and the picture."""
    cells = list_cells(chosen.work)
    if len(cells) < LEAST_CELLS:
        sys.exit(f"{len(cells)} cells are finished; a rank correlation wants {LEAST_CELLS} or more")
    earlier = chosen.long_from and read_earlier(chosen.long_from, Form(**cells[0][1]["form"]))
    if earlier:
        known = {cell["hash"]: cell["long"] for cell in earlier["cells"]}
        cells = [(folder, cell | {"long": known[cell["hash"]]}) for folder, cell in cells]
    found = [read_json(folder / "scores.json") for folder, _ in cells]
    names = list(found[0])
    scores = {name: [scores[name] for scores in found] for name in names}
    steps = cells[0][1]["form"]["early"]
    content = build_report([cell for _, cell in cells], scores, steps)
    print(build_table(content, steps))
    chosen.output.mkdir(parents=True, exist_ok=True)
    save_figure(draw_report(content, steps), chosen.output / "guidance.png")
    content |= {
        "machine": describe_machine(),
        "date": get_time(),
        "form": cells[0][1]["form"],
        "cells": [
            {key: cell[key] for key in ("hash", "early", "long", "complexity")} for _, cell in cells
        ],
        "TG": {
            name: [{step: s["TG"] for step, s in steps.items()} for steps in scores[name]]
            for name in names
        },
    }
    if earlier:
        content["long_from"] = {key: earlier[key] for key in ("machine", "date")}
    write_json(chosen.output / "guidance.json", content)


PHASES = {"train": train, "score": score, "report": report}


if __name__ == "__main__":
    main()
