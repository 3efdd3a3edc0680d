"""What a configuration makes of the workflow: which data sets, and the names of the results.

A name is readable text and eight hexadecimal digits of the digest of exactly the configuration
that determines the result, so that another data set or strategy never overwrites or mixes with
older results.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.images.source import Images
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.plan.options import drop_unused_sections
from tgas_neuro.recordings.datasets.description import (
    calc_description_digest,
    load_description,
    take_window,
)
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.search.strategies import build_strategy
from tgas_neuro.teacher.options import find_weights, read_options
from tgas_neuro.teacher.source import read_sources, refuse_published

ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")
LONGEST_NAME = 100  # of a file or folder a system takes 255 bytes
RUNG_KEYS = ("rungs", "keep_fraction")  # of premature; they end trainings early and no more
# of final; numbers do not depend on them
COMPUTING_KEYS = ("workers", "memory_mb", "processes", "checkpoint_minutes")


@dataclass(frozen=True)
class Plan:
    """The names and inputs of all stages.

    Attributes
    ----------
    config
        Checked and completed.
    descriptions
        Data set, as its folder in ``results/recordings`` is called, to its checked description.
    regions
        Region to its data sets, of that name.
    teacher, search, final
        Names of the three results' folders.
    weights
        Local file of the teacher's weights, if any: a changed one makes the teacher anew.
    premature_images, final_images
        See `Images`.
    digests
        Digests of the configuration of each stage, for provenance.
    """

    config: dict[str, Any]
    descriptions: dict[str, dict[str, Any]]
    regions: dict[str, list[str]]
    teacher: str
    search: str
    final: str
    premature_images: Images
    final_images: Images
    weights: list[str]
    digests: dict[str, str]


def build_plan(config: Any, folders: Sequence[Path], name: str = "config.yaml") -> Plan:
    """Check a configuration and plan the workflow that it asks for.

    Parameters
    ----------
    config
        As parsed from YAML.
    folders
        Where ``<dataset>.yaml`` is looked for, in order.
    name
        The configuration's file, for messages.

    Raises
    ------
    UserError
        The configuration or the description of a data set is wrong.
    """
    config = check_configuration(config, name)
    config["search"] = drop_unused_sections(config["search"])
    if not config["premature"]["rungs"]:
        del config["premature"]["keep_fraction"]
    _check_search(config["search"], name)
    regions, descriptions = _plan_recordings(config["recordings"]["regions"], folders, name)
    digests = _calc_digests(config, descriptions)
    _check_teacher(config, regions, descriptions, name)
    kind, strategy = _name_kind(config["teacher"]), config["search"]["strategy"]
    return Plan(
        config=config,
        descriptions=descriptions,
        regions=regions,
        teacher=f"{_name_datasets(descriptions)}_{kind}-{digests['teacher'][:8]}",
        search=f"{config['search']['space']}_{strategy}-{digests['search'][:8]}",
        final=f"{config['search']['space']}_{strategy}-{digests['final'][:8]}",
        premature_images=_plan_images(config["premature"]),
        final_images=_plan_images(config["final"]),
        weights=_list_weights(config["teacher"]["network"]),
        digests=digests,
    )


def _plan_recordings(
    wanted: Mapping[str, dict], folders: Sequence[Path], name: str
) -> tuple[dict[str, list[str]], dict[str, dict[str, Any]]]:
    """Data sets of each region, and the description of each data set."""
    regions: dict[str, list[str]] = {}
    descriptions: dict[str, dict[str, Any]] = {}
    for region, source in wanted.items():
        regions[region] = []
        for dataset in source["datasets"]:
            folder, description = dataset, load_description(dataset, folders)
            window = source["select"].get("window_ms")
            if window is not None:
                key = f"{name}: recordings.regions.{region}.select.window_ms"
                folder, description = take_window(description, window, key)
            regions[region].append(folder)
            descriptions[folder] = description
    return regions, descriptions


def _name_datasets(descriptions: Mapping[str, dict]) -> str:
    """All data sets, or the first and how many more there are: a folder's name has a length."""
    joined = "_".join(descriptions)
    if len(joined) <= LONGEST_NAME:
        return joined
    return f"{next(iter(descriptions))[:LONGEST_NAME]}_and_{len(descriptions) - 1}_more"


def _name_kind(teacher: dict[str, Any]) -> str:
    """The kind as a part of the teacher's name, with what tells one of its kind from another."""
    if teacher["kind"] == "control":
        return f"control_{teacher['control']['type']}"
    if teacher["kind"] == "network":
        return "network_" + re.sub(r"[^A-Za-z0-9_]+", "_", teacher["network"]["model"])
    return teacher["kind"]


def _list_weights(network: dict[str, Any] | None) -> list[str]:
    path = find_weights(network["weights"]) if network else None
    return [str(path)] if path else []


def _check_teacher(
    config: dict[str, Any],
    regions: dict[str, list[str]],
    descriptions: dict[str, dict],
    name: str,
) -> None:
    """What the teacher asks of its data sets and files is there, before any work."""
    options = read_options(config, config["search"]["seed"])
    for path in _list_weights(config["teacher"]["network"]):
        if not Path(path).is_file():
            raise UserError(
                f"{name}: teacher.network.weights: {path}: no such file; give a file with a state "
                "dict, download, or null"
            )
    if options.shows_stimuli_only:
        return
    for region, source in read_sources(config["recordings"], regions).items():
        for dataset in source.folders:
            if descriptions[dataset]["provides"] == "rdm":
                try:
                    refuse_published(region, source, dataset, options)
                except UserError as error:
                    raise UserError(f"{name}: {error}") from None


def _check_search(search: dict[str, Any], name: str) -> None:
    """Space and strategy take their options, before any work."""
    try:
        build_strategy(search)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _calc_digests(config: dict[str, Any], descriptions: dict[str, dict]) -> dict[str, str]:
    """Digest of exactly the configuration that determines each stage's results."""
    search = dict(config["search"])
    generations = search.pop("generations")  # a longer search begins with the shorter one
    del search["candidates_per_job"]  # numbers do not depend on it
    seed = search["seed"]
    recordings = {key: value for key, value in config["recordings"].items() if key != "mirror"}
    teacher = calc_digest(
        {
            "recordings": recordings,
            "datasets": {
                name: calc_description_digest(found) for name, found in descriptions.items()
            },
            "teacher": config["teacher"],
            "seed": seed,
        }
    )
    # with teacher and seed what P and TG of a genotype follow from, so that runs may share records
    premature = {key: value for key, value in config["premature"].items() if key not in RUNG_KEYS}
    run = calc_digest({"teacher": teacher, "search": search, "premature": config["premature"]})
    settings = {key: value for key, value in config["final"].items() if key not in COMPUTING_KEYS}
    final = calc_digest({"search": run, "generations": generations, "final": settings})
    return {
        "teacher": teacher,
        "premature": calc_digest(premature),
        "scoring": calc_digest(search["scoring"]),
        "search": run,
        "final": final,
    }


def _plan_images(stage: dict[str, Any]) -> Images:
    data, size = stage["data"], stage["image_size"]
    path = data.get("path", "")
    archive = path if path.endswith(ARCHIVES) else None
    rendered = {"size": size} if data["kind"] == "simulated" else {}
    digest = calc_digest({**data, **rendered})
    return Images(f"{data['kind']}-{digest[:8]}", data["kind"], data, archive, size)
