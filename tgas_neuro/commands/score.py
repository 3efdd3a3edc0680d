"""`score`: compare the layers of any network with neural recordings.

The network is torchvision:<name> or timm:<name> with local weights, package.module:function, or the
folder of a final training, results/final/<run>. Several networks make one table. Each sees the
stimuli with its own size, mean and deviation; options change them. The recordings are data sets
by name, or by default those of config.yaml in this folder. docs/scoring.md has examples.
"""

import argparse
import csv
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tgas_neuro.commands.terminal import degrees, format_table, natural, positive, report, share
from tgas_neuro.config.section import dump_section
from tgas_neuro.plan.plan import build_plan, refuse_stale
from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.datasets.data_set import DESCRIPTIONS, read_data_set
from tgas_neuro.recordings.datasets.description import Description, calc_description_digest
from tgas_neuro.recordings.ingest import RESULT_FILES
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import check_writable, write_json, written_whole
from tgas_neuro.runtime.ledger import check_source
from tgas_neuro.runtime.yaml_files import load_configuration
from tgas_neuro.scoring.layers import Score, format_layer_map

if TYPE_CHECKING:
    from tgas_neuro.teacher.teacher import Teacher

CONFIG = Path("config.yaml")
MADE = {"data": {"kind": "simulated"}}  # for the sections that nothing is read of here
COLUMNS = ("model", "region", "layer", "similarity", "ceiling", "corrected", "half_0", "half_1")


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
    add("--comparison", help=f"spearman, pearson, kendall or cka {own.format('spearman')}")
    add("--splits", type=positive, help=f"random splits for the ceiling {own.format(50)}")
    own = "(default: the network's own)"
    add("--size", type=positive, help=f"width and height of the input [px] {own}")
    for key in ("--mean", "--deviation"):
        add(key, type=share, nargs=3, metavar=("R", "G", "B"), help=f"in [0, 1] {own}")
    parser.set_defaults(resize=None, interpolation=None)  # stimuli are shown whole, in one way
    add("--batch-size", type=positive, default=32, help="stimuli in one batch (default: 32)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:<n>")
    add("--threads", type=positive, default=1, help="threads of torch (default: 1)")
    add("--seed", type=natural, default=0, help="of splits and projections (default: 0)")
    add("--exact", action="store_true", help="nothing is projected or binned; slower")
    add("--csv", type=Path, metavar="FILE.csv", help="also write every layer as CSV")
    add("--json", type=Path, metavar="FILE.json", help="also write all results as JSON")


def run(arguments: argparse.Namespace) -> None:
    """Score each network, print its layers, and write the files that are named."""
    from tgas_neuro.runtime.devices import choose_device, computing_with, keep_freed_memory

    for key, path in (("--csv", arguments.csv), ("--json", arguments.json)):
        check_writable(path, key)  # before the minutes that a network may take
    weights = arguments.weights or [None] * len(arguments.models)
    if len(weights) != len(arguments.models):
        raise UserError(
            f"--weights: {len(weights)} files for {len(arguments.models)} networks; give one for "
            "each, in their order"
        )
    device = choose_device(arguments.device, "--device")
    keep_freed_memory()
    scored: dict[str, Score] = {}
    with recorded(arguments) as build, computing_with(arguments.threads):
        for name, file in zip(arguments.models, weights, strict=True):
            title = name if name not in scored else f"{name} ({len(scored) + 1})"
            scored[title] = score_model(name, file, arguments, build, device)
            lines = format_layer_map(scored[title]["regions"], "paper")
            print("\n".join([title, *lines, ""]), flush=True)
    print(format_table(list_best(scored)))
    if arguments.csv:
        with written_whole(arguments.csv) as beside, beside.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(list_rows(scored))
        print(f"CSV   {arguments.csv}")
    if arguments.json:
        write_json(arguments.json, scored)
        print(f"JSON  {arguments.json}")


@contextmanager
def recorded(arguments: argparse.Namespace) -> Iterator[Callable[[int], "Teacher"]]:
    """A function that builds the teacher for networks whose inputs have a size [px].

    Recordings that a run in this folder has read are taken from there, others are read.
    """
    from tgas_neuro.teacher.build import build_teacher
    from tgas_neuro.teacher.options import read_options, read_sources

    config, name = build_config(arguments)
    plan = build_plan(config, DESCRIPTIONS, name)
    sections = {key: dump_section(getattr(plan.config, key)) for key in ("recordings", "teacher")}
    if arguments.data:  # of these no more is known than the descriptions say
        sections["teacher"]["uncorrected"] = [
            region
            for region, datasets in plan.regions.items()
            if all(plan.descriptions[dataset].provides == "rdm" for dataset in datasets)
        ]
    mirror = arguments.mirror or sections["recordings"]["mirror"]
    with tempfile.TemporaryDirectory(prefix="tgas-score-") as folder:
        for dataset, description in plan.descriptions.items():
            there, place = Path("results/recordings", dataset), Path(folder, dataset)
            if is_read(there, description):
                place.symlink_to(there.resolve())
                continue
            for problem in read_data_set(description, place, mirror and Path(mirror)):
                raise UserError(problem)
        sources = read_sources(sections["recordings"], plan.regions, folder)
        known: dict[int, Teacher] = {}

        def build(size: int) -> "Teacher":
            if size not in known:
                sections["teacher"]["stimuli"]["size"] = size
                options = read_options(sections, plan.config.search.seed)
                known[size] = build_teacher(sources, options, {}, report)
            return known[size]

        yield build


def is_read(folder: Path, description: Description) -> bool:
    """Whether a run has read these recordings, of this description and of files as they are now.

    Raises
    ------
    UserError
        What was read has changed since, or the files that it was read from.
    """
    found = [folder / name for name in RESULT_FILES if (folder / name).is_file()]
    if not found:
        return False
    for path in found:
        refuse_stale(str(path))
    for path in folder.iterdir():
        check_source(path)
    dataset = load_netcdf(found[0])
    digests = [one.attrs.get("description_digest") for one in (dataset, *dataset.values())]
    return calc_description_digest(description) in digests


def build_config(arguments: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """The configuration of the teacher, and what messages call it."""
    name = "--data" if arguments.data else str(CONFIG)
    config: dict[str, Any] = {"premature": MADE, "final": MADE, "search": {"seed": arguments.seed}}
    if arguments.data:
        regions: dict[str, Any] = {}
        for text in arguments.data:
            region, _, names = text.partition("=")
            if not names:
                raise UserError(
                    f"--data: {text!r}: expected a region and its data sets, as V4=cowley2023_v4"
                )
            regions[region] = {"datasets": names.split(",")}
        config |= {"recordings": {"regions": regions}, "teacher": {}}
    elif CONFIG.is_file():
        given = load_configuration(CONFIG)
        config |= {key: given[key] for key in ("recordings", "teacher") if key in given}
    else:
        raise UserError(
            "--data: is missing, and there is no config.yaml here; name recordings, as "
            "V4=cowley2023_v4 (see neural_data/)"
        )
    teacher = dict(config.get("teacher") or {})
    stimuli = {"size": 224, "visual_degrees": 8} | dict(teacher.get("stimuli") or {})
    if arguments.degrees is not None:
        stimuli["visual_degrees"] = arguments.degrees
    given = {"comparison": arguments.comparison, "splits": arguments.splits}
    teacher |= {key: value for key, value in given.items() if value is not None}
    return config | {"teacher": teacher | {"stimuli": stimuli}}, name


def score_model(
    name: str,
    weights: Path | None,
    arguments: argparse.Namespace,
    build: Callable[[int], "Teacher"],
    device: Any,
) -> Score:
    """Score one network, at the size and in the colours that it was made for."""
    from tgas_neuro.final.evaluation.named import choose_settings, load_named_network
    from tgas_neuro.scoring.networks import OwnColours, find_layers, try_layers
    from tgas_neuro.scoring.scoring import score_network

    named = load_named_network(name, weights)
    used = choose_settings(arguments, named.settings)
    network = named.network.to(device)
    own = OwnColours(network, used.mean, used.deviation).to(device).eval()
    layers = try_layers(own, find_layers(network, arguments.layers), used.size, name, report)
    teacher = build(used.size)
    report(
        f"{name}: input {used.size} px, mean {_list(used.mean)}, deviation {_list(used.deviation)}"
        f" ({used.source})"
    )
    for note in used.notes:
        report(f"Note: {note}")
    return score_network(
        own,
        layers,
        teacher,
        None,
        device,
        arguments.seed,
        max_units=None if arguments.exact else "auto",
        exact=arguments.exact,
        batch_size=arguments.batch_size,
    )


def list_rows(scored: Mapping[str, Score]) -> list[dict[str, Any]]:
    """A row for each network, region and layer; a layer that is not defined has no numbers."""
    return [
        {
            "model": model,
            "region": name,
            "layer": layer,
            "similarity": values and values["all"],
            "ceiling": region["ceiling"],
            "corrected": values and correct(values["all"], region["ceiling"]),
            "half_0": values and values["half_0"],
            "half_1": values and values["half_1"],
        }
        for model, score in scored.items()
        for name, region in score["regions"].items()
        for layer, values in region["layers"].items()
    ]


def list_best(scored: Mapping[str, Score]) -> list[dict[str, Any]]:
    """A row for each network and region: the best layer, and what crossed halves say of it."""
    rows = []
    for model, score in scored.items():
        for name, region in score["regions"].items():
            paper, crossed = region["paper"], region["crossed"]
            corrected = region["corrected_for_noise"] or None
            rows.append(
                {
                    "model": model,
                    "region": name,
                    "best layer": paper and paper["layer"],
                    "similarity": paper and paper["raw"],
                    "ceiling": region["ceiling"],
                    "corrected": corrected and paper and paper["corrected"],
                    "crossed": crossed and crossed["corrected" if corrected else "raw"],
                }
            )
    return rows


def correct(similarity: float, ceiling: float | None) -> float | None:
    """A similarity divided by the noise ceiling; None where there is none."""
    return None if ceiling is None else similarity / ceiling


def _list(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)
