"""The plan of a run: its data sets, its images, and the names of its results.

A name is readable text and eight hexadecimal digits of a digest, which covers exactly the
configuration that determines the result. Results of another data set or strategy therefore have
another name; they neither overwrite nor mix with older ones.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.config.configuration import Configuration
from tgas_neuro.config.final import Final
from tgas_neuro.config.premature import Premature
from tgas_neuro.config.recordings import RegionSource
from tgas_neuro.config.section import dump_decisive, dump_section
from tgas_neuro.config.teacher import NetworkOptions, TeacherOptions
from tgas_neuro.images.decoded import Images
from tgas_neuro.loggers import check_loggers
from tgas_neuro.plan.configuration import check_configuration, check_sources
from tgas_neuro.recordings.datasets.description import (
    Description,
    calc_description_digest,
    expand_patterns,
    load_description,
    take_window,
)
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_digest
from tgas_neuro.runtime.ledger import calc_params_digest, get_state, load_entry
from tgas_neuro.search.strategies import check_search
from tgas_neuro.teacher.options import (
    find_module,
    find_weights,
    read_options,
    read_sources,
    refuse_published,
)

ARCHIVES = (".tar.gz", ".tgz", ".tar", ".zip")
LONGEST_NAME = 100  # file systems allow 255 bytes


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
        Region to its data sets, of that name; those of ``ceiling_from`` come last.
    teacher, search, final
        Names of the three results' folders.
    network
        Files of the teacher's network: its weights and the module that makes it, if they lie in
        files; the teacher is made again when one changes.
    premature_images, final_images
        See `Images`.
    digests
        Digests of the configuration of each stage, for provenance.
    """

    config: Configuration
    descriptions: dict[str, Description]
    regions: dict[str, list[str]]
    teacher: str
    search: str
    final: str
    premature_images: Images
    final_images: Images
    network: list[str]
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
    checked = check_configuration(config, name)
    check_loggers(checked.loggers, name)
    try:
        if checked.search.strategy == "progressive":  # the only one that a budget is too small for
            check_search(checked.search)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    regions, descriptions = _plan_recordings(checked.recordings.regions, folders, name)
    check_sources(regions, descriptions, name)
    digests = calc_digests(checked, descriptions)
    _check_teacher(checked, regions, descriptions, name)
    search = f"{checked.search.space}_{checked.search.strategy}"
    return Plan(
        config=checked,
        descriptions=descriptions,
        regions=regions,
        teacher=(
            f"{_name_datasets(descriptions)}_{_name_kind(checked.teacher)}-{digests['teacher'][:8]}"
        ),
        search=f"{search}-{digests['search'][:8]}",
        final=f"{search}-{digests['final'][:8]}",
        premature_images=plan_images(checked.premature),
        final_images=plan_images(checked.final),
        network=_list_files(checked.teacher.network),
        digests=digests,
    )


def _plan_recordings(
    wanted: Mapping[str, RegionSource], folders: Sequence[Path], name: str
) -> tuple[dict[str, list[str]], dict[str, Description]]:
    """Data sets of each region, and the description of each data set."""
    regions: dict[str, list[str]] = {}
    descriptions: dict[str, Description] = {}
    for region, source in wanted.items():
        regions[region] = []
        for dataset in (*source.datasets, *source.ceiling_from):
            if dataset in source.datasets and dataset in source.ceiling_from:
                raise UserError(
                    f"{name}: recordings.regions.{region}.ceiling_from: {dataset!r} is in "
                    "datasets, too, and its own repetitions count; name another data set"
                )
            window = source.select.window_ms
            for folder, description in expand_patterns(load_description(dataset, folders)).items():
                if window is not None:
                    key = f"{name}: recordings.regions.{region}.select.window_ms"
                    at, description = take_window(description, window, key)
                    folder += at.removeprefix(description.name)
                regions[region].append(folder)
                descriptions[folder] = description
    return regions, descriptions


def _name_datasets(descriptions: Mapping[str, Description]) -> str:
    """All data sets, or the first and the number of others: names of folders are limited."""
    joined = "_".join(descriptions)
    if len(joined) <= LONGEST_NAME:
        return joined
    return f"{next(iter(descriptions))[:LONGEST_NAME]}_and_{len(descriptions) - 1}_more"


def _name_kind(teacher: TeacherOptions) -> str:
    """The kind as a part of the teacher's name, with the type of control or the network."""
    if teacher.control is not None:
        return f"control_{teacher.control.type}"
    if teacher.network is not None:
        return "network_" + re.sub(r"[^A-Za-z0-9_]+", "_", teacher.network.model)
    return teacher.kind


def _list_files(network: NetworkOptions | None) -> list[str]:
    found = [find_weights(network.weights), find_module(network.model)] if network else []
    return [str(path) for path in found if path]


def _check_teacher(
    config: Configuration,
    regions: dict[str, list[str]],
    descriptions: dict[str, Description],
    name: str,
) -> None:
    """Check before any work that data sets and files have what the teacher needs."""
    sections = {key: dump_section(getattr(config, key)) for key in ("recordings", "teacher")}
    options = read_options(sections, config.search.seed)
    weights = find_weights(options.network.weights) if options.network else None
    if weights is not None and not weights.is_file():
        raise UserError(
            f"{name}: teacher.network.weights: {weights}: no such file; give a file with a state "
            "dict, download, or null"
        )
    if options.shows_stimuli_only:
        return
    for region, source in read_sources(sections["recordings"], regions).items():
        for dataset in source.ceilings:
            if descriptions[dataset].provides == "rdm":
                raise UserError(
                    f"{name}: recordings.regions.{region}.ceiling_from: of {dataset} only an RDM "
                    "was published, which has no repetitions; name a data set with responses"
                )
        for dataset in source.folders:
            if descriptions[dataset].provides == "rdm":
                try:
                    refuse_published(region, source, dataset, options)
                except UserError as error:
                    raise UserError(f"{name}: {error}") from None


def calc_digests(config: Configuration, descriptions: Mapping[str, Description]) -> dict[str, str]:
    """Digest of exactly the configuration that determines each stage's results.

    A key is in the digest of the stage that it decides and of all later ones. The number of
    generations, for example, is in that of the final training only: a longer search begins with
    the shorter one.
    """
    teacher = calc_digest(
        {
            **_dump(config, ("recordings", "teacher")),
            "datasets": {
                name: calc_description_digest(found) for name, found in descriptions.items()
            },
            "seed": config.search.seed,
        }
    )
    searched = ("recordings", "teacher", "search", "premature")
    run = calc_digest({"before": teacher, **_dump(config, searched, "search")})
    final = calc_digest({"before": run, **_dump(config, (*searched, "final"), "search", "final")})
    return {
        "teacher": teacher,
        # with teacher and seed, P and TG of a genotype follow from these; runs may share records
        "premature": calc_digest(dump_decisive(config.premature)),
        "scoring": calc_digest(dump_decisive(config.search.scoring)),
        "search": run,
        "final": final,
    }


def _dump(config: Configuration, sections: Sequence[str], *stages: str) -> dict[str, Any]:
    return {name: dump_decisive(getattr(config, name), *stages) for name in sections}


def plan_images(stage: Premature | Final) -> Images:
    """The images of a stage, and the name of the files that are made from them."""
    data, size = dump_section(stage.data), stage.image_size
    path = data.get("path", "")
    archive = path if path.endswith(ARCHIVES) else None
    rendered = {"size": size} if data["kind"] == "simulated" else {}
    digest = calc_digest({**data, **rendered})
    return Images(f"{data['kind']}-{digest[:8]}", data["kind"], data, archive, size)


def name_plugin(final: str) -> str:
    """Make the plugin's identifier, a Python name, from the folder of the final results."""
    return "tgas_neuro_" + final.replace("-", "_")


def refuse_stale(path: str, params: Mapping[str, Any] | None = None) -> None:
    """Refuse a result whose sources changed since in a way that Snakemake does not notice.

    Snakemake makes a result again when a source is newer, or when it knows with which params it was
    made and these have changed. It does not notice a file with an older date, nor other params once
    its own notes are gone.

    Parameters
    ----------
    path
        A result. Its sources that no rule has written are compared: by size and date, and by
        content where these differ.
    params
        The params with which it would be made now; None does not compare them.

    Raises
    ------
    UserError
        What has changed, and how to have the result made again.
    """
    entry = load_entry(path) if Path(path).exists() else None
    if entry is None:
        return
    way_out = f"to have it made again: rm -r '{path}'"
    for name, source in entry.sources.items():
        if source.state is None or not Path(name).exists():
            continue
        # of a folder of images Snakemake knows nothing
        newer = Path(name).is_file() and get_state(name).mtime_ns > _get_date(path)
        if not newer and source.has_changed(name):
            raise UserError(f"{name}: has changed since {path} was made from it; {way_out}")
    if params is not None and calc_params_digest(params) != entry.params and not _is_known(path):
        raise UserError(f"{path}: was made from another description of the data set; {way_out}")


def _get_date(path: str) -> int:
    files = [Path(path), *Path(path).rglob("*")]
    return max(file.stat().st_mtime_ns for file in files if file.is_file())


def _is_known(path: str) -> bool:
    """Whether Snakemake has a note of a result, with the params that it was made with."""
    notes = Path(".snakemake/metadata")
    name = base64.urlsafe_b64encode(path.encode()).decode()
    return (notes / name).is_file() or any(notes.glob("*.db"))
