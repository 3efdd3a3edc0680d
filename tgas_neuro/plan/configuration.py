"""The configuration: read, completed with defaults, checked key by key and across keys."""

from pathlib import Path
from typing import Any

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.config.schema_errors import check_schema
from tgas_neuro.final.network.scaling import check_scaling
from tgas_neuro.final.training.order import check_batches
from tgas_neuro.recordings.datasets.description import load_yaml
from tgas_neuro.runtime.errors import UserError

SCHEMAS = Path(__file__).parents[2] / "workflow" / "schemas"

CHECK_KEYS = ("check", "max_corrupt")  # of images that are the user's own

# Which keys of a classification data set belong to which kind: the first is required.
DATA_KEYS = {
    "simulated": ("images_per_class", "seed"),
    "image_folder": ("path", *CHECK_KEYS),
    "cifar10": ("root",),
    "imagenet": ("root", "devkit", "class_ids", *CHECK_KEYS),
    "tiny_imagenet": ("root", *CHECK_KEYS),
}
DEFAULT_IMAGES_PER_CLASS = 160


def load_configuration(path: str | Path) -> dict[str, Any]:
    """Load a configuration file and check it (see `check_configuration`)."""
    return check_configuration(load_yaml(path), str(path))


def check_configuration(config: Any, name: str = "config.yaml") -> dict[str, Any]:
    """Check a configuration and return a copy with all defaults filled in.

    Parameters
    ----------
    config
        As parsed from YAML; not changed.
    name
        The file, for messages.

    Raises
    ------
    UserError
        One line that names the key, the value received, what is allowed and what to do.
    """
    config = check_schema(config, SCHEMAS / "config.schema.yaml", name)
    regions = config["recordings"]["regions"]
    for position, region in enumerate(config["teacher"]["uncorrected"]):
        if region not in regions:
            raise UserError(
                f"{name}: teacher.uncorrected[{position}]: {region!r} is not a region of "
                f"recordings.regions; there are: {', '.join(regions)}"
            )
    _check_teacher(config["teacher"], list(regions), name)
    for stage in ("premature", "final"):
        config[stage]["data"] = _check_data(config[stage]["data"], stage, name)
    if config["final"]["data"]["kind"] == "cifar10":
        raise UserError(
            f"{name}: final.data.kind: 'cifar10' is for premature only; allowed here: simulated, "
            "image_folder, imagenet, tiny_imagenet"
        )
    _check_sizes(config, name)
    check_scaling(config["final"], config["search"]["space"], name)
    _check_batches(config["final"], name)
    _check_guidance(config["search"], config["premature"], name)
    return config


def _check_teacher(teacher: dict[str, Any], regions: list[str], name: str) -> None:
    """Sections that belong to another kind, regions without a layer, distances without noise."""
    kind, network, control = teacher["kind"], teacher["network"], teacher["control"]
    if kind == "control" and control is None:
        raise UserError(
            f"{name}: teacher.control: is missing; kind 'control' needs it, for example "
            "{type: shuffled}"
        )
    if kind != "control" and control is not None:
        raise UserError(
            f"{name}: teacher.control: belongs to kind 'control', teacher.kind is {kind!r}; "
            "remove the section or change the kind"
        )
    what = f"teacher.control.type {control['type']!r}" if control else f"teacher.kind {kind!r}"
    with_network = kind == "network" or (control and control["type"] == "random_network")
    if with_network and network is None:
        raise UserError(f"{name}: teacher.network: is missing; {what} needs its model and layers")
    if not with_network and network is not None:
        raise UserError(
            f"{name}: teacher.network: belongs to kind 'network' and the control 'random_network', "
            f"not to {what}; remove the section"
        )
    if network is not None:
        _check_network(network, control is not None, regions, name)
    noise_free = with_network and network["electrodes"] is None
    if (noise_free or "'pixels'" in what) and teacher["distance"] == "crossnobis":
        raise UserError(
            f"{name}: teacher.distance: 'crossnobis' needs repetitions, of which {what} has none"
            f"{'; set teacher.network.electrodes or' if with_network else '; '} take correlation, "
            "cosine or euclidean"
        )


def _check_network(network: dict[str, Any], random: bool, regions: list[str], name: str) -> None:
    if random and network["weights"] is not None:
        raise UserError(
            f"{name}: teacher.network.weights: {network['weights']!r}, but the control "
            "'random_network' has learned nothing; remove the key or take kind network"
        )
    for region in network["layers"]:
        if region not in regions:
            raise UserError(
                f"{name}: teacher.network.layers: {region!r} is not a region of "
                f"recordings.regions; there are: {', '.join(regions)}"
            )
    for region in regions:
        if region not in network["layers"]:
            raise UserError(
                f"{name}: teacher.network.layers: region {region} has no layer; name one, as in "
                f"{{{region}: layer4}}"
            )


def _check_data(data: dict[str, Any], stage: str, name: str) -> dict[str, Any]:
    kind = data["kind"]
    allowed = DATA_KEYS[kind]
    for key in data:
        if key != "kind" and key not in allowed:
            raise UserError(
                f"{name}: {stage}.data.{key}: does not belong to kind {kind!r}, whose keys are "
                f"{', '.join(allowed)}; remove it"
            )
    if kind == "simulated":
        return {"kind": kind, "images_per_class": DEFAULT_IMAGES_PER_CLASS, "seed": 0} | data
    if allowed[0] not in data:
        raise UserError(
            f"{name}: {stage}.data.{allowed[0]}: is missing; kind {kind!r} needs it: the folder "
            "that holds the images"
        )
    return data


def _check_batches(final: dict[str, Any], name: str) -> None:
    try:
        check_batches(final)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _check_sizes(config: dict[str, Any], name: str) -> None:
    """The resolution must not be used up by the stages (the stem halves it too for imagenet)."""
    for stage, size_key in (
        ("premature", "premature.image_size"),
        ("premature", "teacher.stimuli.size"),
        ("final", "final.image_size"),
    ):
        network = config[stage]["network"]
        halvings = network["stages"] - 1 + (3 if network["stem"] == "imagenet" else 0)
        size = config
        for key in size_key.split("."):
            size = size[key]
        if size < 2**halvings:
            raise UserError(
                f"{name}: {size_key}: {size} pixels are halved {halvings} times by "
                f"{stage}.network; at least {2**halvings} are needed: raise it or lower stages"
            )
    premature = config["premature"]
    try:  # the final network's, which may be scaled, is checked where its width is found
        Skeleton(**premature["network"], n_classes=1, image_size=premature["image_size"])
    except UserError as error:
        raise UserError(f"{name}: premature.network.{error}") from None


def _check_guidance(search: dict[str, Any], premature: dict[str, Any], name: str) -> None:
    """What the guidance needs is recorded; rungs ascend and lie within the training."""
    if search["guidance"] == "tg_epoch0" and not search["untrained"]:
        raise UserError(
            f"{name}: search.untrained: false, but search.guidance 'tg_epoch0' needs it; set it to "
            "true or take another guidance"
        )
    rungs, epochs = premature["rungs"], premature["epochs"]
    if rungs != sorted(rungs) or any(rung >= epochs for rung in rungs):
        raise UserError(
            f"{name}: premature.rungs: {rungs}; expected ascending numbers of epochs below "
            f"premature.epochs, {epochs:g}"
        )
