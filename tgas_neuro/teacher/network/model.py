"""The network of a teacher: a torchvision model or the user's own, its weights and its layers."""

import importlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision import models

from tgas_neuro.architecture.network import catching_outputs, find_overwritten
from tgas_neuro.config.messages import suggest
from tgas_neuro.config.teacher import NetworkOptions
from tgas_neuro.images.pixels import normalise
from tgas_neuro.runtime.devices import in_whole_float32
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.options import DOWNLOAD
from tgas_neuro.teacher.region import Shown
from tgas_neuro.teacher.teacher import show_stimuli

KEY = "teacher.network"


def build_model(model: str, weights: str | None, seed: int) -> nn.Module:
    """Build the network that ``teacher.network`` names, with its weights, in evaluation mode.

    Parameters
    ----------
    model
        One of torchvision's classification networks by name, or ``package.module:function``, called
        without arguments.
    weights
        A file with a state dict; ``download``: torchvision's default weights; None: as the network
        was made.
    seed
        Of weights drawn while the network is made. Modules draw them from torch's global
        generator and take no other, so it is seeded for the time of the call and then put back
        as it was; nothing else sees it.

    Raises
    ------
    UserError
        The model is unknown or cannot be imported, or the weights do not fit it.
    """
    downloading = weights == DOWNLOAD
    build = _find_factory(model) if ":" in model else _find_model(model)
    if ":" in model and downloading:
        raise UserError(
            f"{KEY}.weights: 'download' is for torchvision's models, not for {model}; "
            "name a file, or null for the weights that the function gives"
        )
    with torch.random.fork_rng(devices=[]):  # made on the CPU: no GPU's generator is touched
        torch.default_generator.manual_seed(seed)
        network = _download(build, model) if downloading else build()
    if not isinstance(network, nn.Module):
        raise UserError(
            f"{KEY}.model: {model} returns a {type(network).__name__}, expected a torch.nn.Module"
        )
    if weights is not None and not downloading:
        _load_weights(network, Path(weights), model)
        if ":" not in model and hasattr(network, "transform_input"):
            # torchvision's Inception and GoogLeNet, as it builds them with weights: inputs in the
            # colours that it states are brought to those of the training
            network.transform_input = True  # type: ignore[assignment]
    return network.eval().requires_grad_(False)


def describe_weights(options: NetworkOptions) -> str:
    """Where the weights come from, in words."""
    if options.weights == DOWNLOAD:
        return "torchvision's weights"
    if options.weights is not None:
        return f"weights {Path(options.weights).name}"
    return "the function's own weights" if ":" in options.model else "random weights"


def _find_model(name: str) -> Callable[..., nn.Module]:
    known = models.list_models(module=models)  # detectors and the like would download a part
    if name not in known:
        raise UserError(
            f"{KEY}.model: {name!r} is not a classification network of torchvision"
            f"{suggest(name, known)}; give the name of one, or package.module:function"
        )

    def build(weights: str | None = None) -> nn.Module:
        return models.get_model(name, weights=weights)

    return build


def _find_factory(name: str) -> Callable[[], nn.Module]:
    module, _, function = name.partition(":")
    try:
        imported = importlib.import_module(module)
    except Exception as error:  # absent, or whatever the user's own code raises
        raise UserError(
            f"{KEY}.model: {module!r} of {name!r} cannot be imported ({type(error).__name__}: "
            f"{error}); install it, or put its folder into PYTHONPATH"
        ) from error
    found = getattr(imported, function, None)
    if found is None:
        raise UserError(
            f"{KEY}.model: {module} has no {function!r}{suggest(function, dir(imported))}; "
            "expected package.module:function"
        )
    if not callable(found):
        raise UserError(f"{KEY}.model: {name} is a {type(found).__name__}, not a function")

    def build() -> nn.Module:
        try:
            return found()
        except Exception as error:  # whatever the user's own code raises
            raise UserError(
                f"{KEY}.model: {name}() raised {type(error).__name__}: {error}; it is called "
                "without arguments and returns a torch.nn.Module"
            ) from error

    return build


def _download(build: Callable[..., nn.Module], name: str) -> nn.Module:
    try:
        return build("DEFAULT")
    except (OSError, RuntimeError) as error:  # no connection, or a wrong digest
        raise UserError(
            f"{KEY}.weights: torchvision's weights of {name} cannot be downloaded ({error}); "
            "name a local file with them"
        ) from None


def _load_weights(network: nn.Module, path: Path, model: str) -> None:
    state = _read_state(path)
    expected = network.state_dict()
    wrong = {
        "missing": [key for key in expected if key not in state],
        "unexpected": [key for key in state if key not in expected],
        "of another shape": [
            key for key in expected if key in state and expected[key].shape != state[key].shape
        ],
    }
    found = [f"{len(keys)} {what} (first {keys[0]!r})" for what, keys in wrong.items() if keys]
    if found:
        raise UserError(
            f"{KEY}.weights: {path} is not of {model}: of its {len(expected)} keys "
            f"{', '.join(found)}; give the weights of this network, or the network of these weights"
        )
    network.load_state_dict(state)


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(
            f"{KEY}.weights: {path}: no such file; give a file with a state dict, download, or null"
        ) from None
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        if isinstance(error, pickle.UnpicklingError):  # of many lines, on how to trust a file
            reason = "it holds other objects than tensors, or was not written by torch"
        raise UserError(
            f"{KEY}.weights: {path} is not a state dict that can be loaded safely ({reason}); "
            "save it with torch.save(network.state_dict(), path)"
        ) from None
    if not isinstance(state, dict) or not all(torch.is_tensor(value) for value in state.values()):
        keys = f" of {', '.join(map(str, list(state)[:3]))}" if isinstance(state, dict) else ""
        raise UserError(
            f"{KEY}.weights: {path} holds a {type(state).__name__}{keys}, not a state dict (name "
            "to tensor); save it with torch.save(network.state_dict(), path)"
        )
    return state


Chooser = Callable[[str, int], torch.Tensor | None]


def find_layers(network: nn.Module, layers: dict[str, str]) -> dict[str, nn.Module]:
    """The modules that ``teacher.network.layers`` names, by region."""
    modules = {name: module for name, module in network.named_modules() if name}
    for region, name in layers.items():
        if name not in modules:
            first = ", ".join(key for key in modules if "." not in key)
            raise UserError(
                f"teacher.network.layers.{region}: the network has no module {name!r}"
                f"{suggest(name, modules)}; its outermost are: {first}"
            )
    return {region: modules[name] for region, name in layers.items()}


@torch.inference_mode()
@in_whole_float32()
def record_layers(
    network: nn.Module,
    layers: dict[str, nn.Module],
    shown: Shown,
    visual_degrees: float,
    options: NetworkOptions,
    device: torch.device,
    choose: Chooser = lambda region, n_units: None,
) -> dict[str, torch.Tensor]:
    """Record layers while the stimuli go through the network, batch by batch.

    Parameters
    ----------
    network
        In evaluation mode, on `device`.
    layers
        Region to module of the network. Of a module that is called more than once in a pass, as
        a shared ReLU, the last output counts.
    shown
        The stimuli.
    visual_degrees
        Width of the field of view, which ``options.size`` pixels show [deg].
    options
        ``size``, ``mean``, ``deviation`` (of pixel values in [0, 1]), ``batch_size``.
    device
        Where to compute.
    choose
        Called once for each region with its name and number of units: which units to keep, or
        None for all.

    Returns
    -------
    features
        Region to (stimulus, unit), float32, on the CPU.

    Raises
    ------
    UserError
        The network refuses the images, or the output of a layer is no tensor with a row for each,
        or is overwritten by an operation in place.
    """
    n_stimuli = len(shown.stimuli)
    features: dict[str, torch.Tensor] = {}
    units: dict[str, torch.Tensor | None] = {}
    with catching_outputs(layers) as outputs:
        for start in range(0, n_stimuli, options.batch_size):
            batch = shown.stimuli.iloc[start : start + options.batch_size]
            seen = show_stimuli(batch, shown.folder / "stimuli", options.size, visual_degrees)
            images = normalise(torch.from_numpy(seen).to(device), options.mean, options.deviation)
            _pass_through(network, images, options)
            for region in layers:
                output = _get_output(outputs, region, len(batch), options)
                if region not in features:
                    chosen = units[region] = choose(region, output.shape[1])
                    width = output.shape[1] if chosen is None else len(chosen)
                    features[region] = torch.empty((n_stimuli, width))
                chosen = units[region]
                if chosen is not None:
                    output = output[:, chosen.to(device)]
                features[region][start : start + len(batch)] = output
            if start == 0:
                _refuse_overwritten(find_overwritten(network, layers, images[:2]), options)
            outputs.clear()
    return features


def _pass_through(network: nn.Module, images: torch.Tensor, options: NetworkOptions) -> None:
    try:
        network(images)
    except (RuntimeError, ValueError, TypeError, AssertionError, IndexError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(
            f"teacher.network.model: {options.model} cannot process images of shape "
            f"{tuple(images.shape)} ({reason}); look at teacher.network.size and batch_size"
        ) from error


def _get_output(
    outputs: dict[str, Any], region: str, n_images: int, options: NetworkOptions
) -> torch.Tensor:
    key, layer = f"teacher.network.layers.{region}", options.layers[region]
    if region not in outputs:
        raise UserError(f"{key}: {layer!r} is not used when an image is shown; take another module")
    output = outputs[region]
    if not torch.is_tensor(output):
        raise UserError(
            f"{key}: {layer!r} gives a {type(output).__name__}, not a tensor; take a module inside "
            "or behind it"
        )
    if output.ndim < 2 or output.shape[0] != n_images:
        raise UserError(
            f"{key}: {layer!r} gives a tensor of shape {tuple(output.shape)} for {n_images} "
            "images; the first dimension must be theirs: take another module"
        )
    return output.flatten(1).float()


def _refuse_overwritten(regions: set[str], options: NetworkOptions) -> None:
    for region in sorted(regions):
        raise UserError(
            f"teacher.network.layers.{region}: the network writes into the output of "
            f"{options.layers[region]!r} (an operation in place after it); take the module that "
            "writes, or the block that ends with it"
        )
