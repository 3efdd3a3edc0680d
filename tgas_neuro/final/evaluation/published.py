"""How a published network sees images: the settings that timm and torchvision state for it."""

import importlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from torch import nn
from torchvision import models

from tgas_neuro.config.messages import suggest
from tgas_neuro.images.pixels import DEVIATION, INTERPOLATIONS, MEAN
from tgas_neuro.runtime.errors import UserError, describe_error


@dataclass(frozen=True)
class Settings:
    """How images become inputs of a network.

    Attributes
    ----------
    source
        Who states the settings, in words.
    size, resize
        Width and height of the input, and length of the shorter side before the cut [px].
    squashed
        Whether an image becomes a square of `resize` pixels, whatever its proportions.
    interpolation
        Filter of the resize, a key of `INTERPOLATIONS`.
    mean, deviation
        Of red, green and blue in [0, 1]: subtracted, and divided by.
    notes
        What a user should know of the choice, a line each.
    """

    source: str = "the command's defaults"
    size: int = 224
    resize: int = 256
    squashed: bool = False
    interpolation: str = "bilinear"
    mean: tuple[float, float, float] = MEAN
    deviation: tuple[float, float, float] = DEVIATION
    notes: tuple[str, ...] = ()

    def scale_resize(self, size: int) -> int:
        """Length of the shorter side for an input of another `size`, in the same proportion."""
        return round(size * self.resize / self.size)


DEFAULTS = Settings()


@dataclass(frozen=True)
class TimmSettings(Settings):
    """The settings of timm, which states the share of the side that is cut out, `crop`."""

    crop: float = 0.875

    def scale_resize(self, size: int) -> int:
        """Length of the shorter side for an input of another `size`, rounded down as by timm."""
        return math.floor(size / self.crop)


def find_timm_settings(network: nn.Module, name: str) -> Settings:
    """Find the settings that timm states for a network.

    They are those of ``timm.data.resolve_model_data_config``. A tag behind the name chooses the
    weights whose settings are taken (``vit_base_patch16_224.augreg_in21k``); without one they are
    those of timm's default weights, with a note if other weights have other settings.

    Parameters
    ----------
    network
        Built by timm.
    name
        Its name, with or without a tag.

    Raises
    ------
    UserError
        The tag is unknown, or the settings are none that `evaluate` can follow.
    """
    registry, data = (importlib.import_module(f"timm.{part}") for part in ("models", "data"))
    architecture, _, tag = name.partition(".")
    known = [
        full.partition(".")[2]
        for full in registry.list_pretrained(f"{architecture}.*")
        if full.partition(".")[0] == architecture
    ]
    stated: Any = getattr(network, "pretrained_cfg", None) or {}
    if tag:
        if tag not in known:
            raise UserError(
                f"--model: {name!r}: {tag!r} is not a tag of timm's weights of {architecture}"
                f"{suggest(tag, known)}; they are: {', '.join(known) or 'none'}"
            )
        stated = registry.get_pretrained_cfg(name).to_dict()
    config = data.resolve_data_config(pretrained_cfg=stated) if stated else {}
    if not config:
        return Settings(
            notes=(f"timm states no settings for {name}: set --size, --mean and the like",)
        )
    chosen = tag or str(stated.get("tag") or "")
    settings = _read_timm(config, f"{architecture}{'.' if chosen else ''}{chosen}")
    if tag:
        return settings
    others = [
        other
        for other in known
        if other != chosen
        and data.resolve_data_config(
            pretrained_cfg=registry.get_pretrained_cfg(f"{architecture}.{other}").to_dict()
        )
        != config
    ]
    if others:
        note = (
            f"timm's weights {', '.join(others)} have other settings; if yours are among them, "
            f"name them: --model timm:{architecture}.{others[0]}"
        )
        return replace(settings, notes=(note,))
    return settings


def _read_timm(config: dict[str, Any], name: str) -> TimmSettings:
    channels, height, width = config["input_size"]
    mode, interpolation = config["crop_mode"], config["interpolation"]
    wrong = {
        f"input_size {config['input_size']}": channels != 3 or height != width,
        f"crop_mode {mode!r}": mode not in ("center", "squash"),
        f"interpolation {interpolation!r}": interpolation not in INTERPOLATIONS,
    }
    found = [what for what, is_wrong in wrong.items() if is_wrong]
    if found:
        raise UserError(
            f"--model: timm:{name} wants {' and '.join(found)}; evaluate can cut out squares of "
            f"three colours, resized by {' or '.join(INTERPOLATIONS)}: evaluate it with timm"
        )
    return TimmSettings(
        f"timm's settings of {name}",
        height,
        math.floor(height / config["crop_pct"]),
        mode == "squash",
        interpolation,
        tuple(config["mean"]),
        tuple(config["std"]),
        crop=config["crop_pct"],
    )


def find_torchvision_settings(network: nn.Module, name: str, file: Path) -> Settings:
    """Find the settings that torchvision states for the weights in `file`.

    The weights are those that a tag behind the name says (``resnet50.IMAGENET1K_V2``), else those
    whose file torchvision would download under the same name, else the network's only ones.
    Where several have other settings, the first one's are taken, with a note.

    Parameters
    ----------
    network
        Built by torchvision.
    name
        Its name, with or without a tag.
    file
        The user's weights.

    Raises
    ------
    UserError
        The tag is unknown.
    """
    architecture, _, tag = name.partition(".")
    stated = {one.name: one for one in models.get_model_weights(architecture)}
    if tag and tag not in stated:
        raise UserError(
            f"--model: {name!r}: {tag!r} is not one of torchvision's weights of {architecture}"
            f"{suggest(tag, list(stated))}; they are: {', '.join(stated) or 'none'}"
        )
    settings = {key: _read_torchvision(one, architecture) for key, one in stated.items()}
    by_file = [key for key, one in stated.items() if PurePosixPath(one.url).name == file.name]
    if tag or by_file:
        return settings[tag or by_file[0]]
    # a vision transformer states its input's size, which some of its weights cannot have
    size = getattr(network, "image_size", None)
    fitting = {key: one for key, one in settings.items() if size in (None, one.size)}
    if not fitting:
        return DEFAULTS
    first, *others = fitting
    usual = fitting[first]
    differing = [key for key in others if replace(fitting[key], source=usual.source) != usual]
    if not differing:
        return usual
    note = (
        f"torchvision's weights {', '.join(differing)} have other settings; if yours are among "
        f"them, name them: --model torchvision:{architecture}.{differing[0]}"
    )
    return replace(usual, notes=(note,))


def _read_torchvision(weights: Any, architecture: str) -> Settings:
    transforms = weights.transforms()
    return Settings(
        f"torchvision's settings of {architecture}.{weights.name}",
        int(transforms.crop_size[0]),
        int(transforms.resize_size[0]),
        False,
        str(transforms.interpolation.value),
        tuple(transforms.mean),
        tuple(transforms.std),
    )


def download_network(name: str) -> tuple[nn.Module, Settings]:
    """Build a published network with the weights that its library downloads, and its settings.

    Parameters
    ----------
    name
        ``torchvision:<name>`` or ``timm:<name>``, perhaps with the tag of its weights behind it:
        ``torchvision:resnet50.IMAGENET1K_V1``. Without a tag they are the library's default.

    Raises
    ------
    UserError
        The library does not know the network, or the weights cannot be downloaded.
    """
    library, _, rest = name.partition(":")
    if library not in DOWNLOADS:
        raise UserError(f"--download: is for torchvision:<name> and timm:<name>, not for {name}")
    network, settings = DOWNLOADS[library](rest)
    return network.eval().requires_grad_(False), settings


def _download_torchvision(name: str) -> tuple[nn.Module, Settings]:
    architecture, _, tag = name.partition(".")
    known = models.list_models(module=models)
    if architecture not in known:
        raise UserError(
            f"--model: {architecture!r} is not a classification network of torchvision"
            f"{suggest(architecture, known)}"
        )
    tag = tag or models.get_model_weights(architecture).DEFAULT.name
    # the tag is checked before anything is downloaded
    settings = find_torchvision_settings(nn.Identity(), f"{architecture}.{tag}", Path())
    try:
        network = models.get_model(architecture, weights=tag)
    except (OSError, RuntimeError) as error:  # no connection, or a wrong digest
        raise _refuse_download(name, "torchvision", error) from None
    return network, settings


def _download_timm(name: str) -> tuple[nn.Module, Settings]:
    try:
        timm = importlib.import_module("timm")
    except ImportError:
        raise UserError("--model: timm is not installed: pip install timm") from None
    known = timm.list_models()
    if name.partition(".")[0] not in known:
        raise UserError(
            f"--model: {name!r} is not a network of timm{suggest(name.partition('.')[0], known)}"
        )
    settings = find_timm_settings(timm.create_model(name.partition(".")[0]), name)
    try:
        network = timm.create_model(name, pretrained=True)
    except Exception as error:  # of requests, httpx or the hub, as their versions have it
        raise _refuse_download(name, "timm", error) from None
    return network, settings


def _refuse_download(name: str, library: str, error: Exception) -> UserError:
    return UserError(
        f"--download: {library}'s weights of {name} cannot be downloaded "
        f"({describe_error(error)}); name a local file with --weights"
    )


DOWNLOADS: dict[str, Callable[[str], tuple[nn.Module, Settings]]] = {
    "torchvision": _download_torchvision,
    "timm": _download_timm,
}
