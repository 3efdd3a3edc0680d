"""Features of a network's layers: what each gives for each stimulus."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tgas_neuro.architecture.network import catching_outputs
from tgas_neuro.config.schema_errors import suggest
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.teacher.options import NetworkOptions
from tgas_neuro.teacher.region import Shown
from tgas_neuro.teacher.stimuli import show_stimuli

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
    """
    mean, deviation = (
        torch.tensor(values, device=device).view(1, 3, 1, 1)
        for values in (options.mean, options.deviation)
    )
    n_stimuli = len(shown.stimuli)
    features: dict[str, torch.Tensor] = {}
    units: dict[str, torch.Tensor | None] = {}
    with catching_outputs(layers) as outputs:
        for start in range(0, n_stimuli, options.batch_size):
            batch = shown.stimuli.iloc[start : start + options.batch_size]
            seen = show_stimuli(batch, shown.folder / "stimuli", options.size, visual_degrees)
            images = torch.from_numpy(seen).to(device).permute(0, 3, 1, 2).float() / 255
            _pass_through(network, (images - mean) / deviation, options)
            for region in layers:
                output = _get_output(outputs, region, len(batch), options)
                if region not in features:
                    chosen = units[region] = choose(region, output.shape[1])
                    width = output.shape[1] if chosen is None else len(chosen)
                    features[region] = torch.empty((n_stimuli, width))
                if units[region] is not None:
                    output = output[:, units[region].to(device)]
                features[region][start : start + len(batch)] = output
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
