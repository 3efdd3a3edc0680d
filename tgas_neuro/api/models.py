"""The network that `score` is given or that is named to it, made ready for a teacher's stimuli."""

from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from tgas_neuro.api.options import InputOptions
from tgas_neuro.final.evaluation.named import LIBRARIES, NamedNetwork, load_named_network
from tgas_neuro.final.evaluation.named import choose_settings as choose_stated
from tgas_neuro.final.evaluation.published import DEFAULTS, Settings, download_network
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.scoring.feature_files import FORMATS
from tgas_neuro.scoring.graphs import GRAPHS, GraphNetwork
from tgas_neuro.scoring.networks import OwnColours, find_layers
from tgas_neuro.scoring.trial import try_layers


def load_model(model: Any, weights: str | Path | None, download: bool) -> tuple[NamedNetwork, str]:
    """The network in evaluation mode with its settings, and what it is called."""
    if not isinstance(model, nn.Module | str | Path):
        raise UserError(
            f"model: a {type(model).__name__}; expected a network (torch.nn.Module), its name, or "
            "a mapping of layers to arrays, (stimulus, unit)"
        )
    if not isinstance(weights, str | Path | None):
        raise UserError(
            f"weights: a {type(weights).__name__}; expected a file with a state dict, or load it "
            "into the network and give that"
        )
    if download and weights is not None:
        raise UserError(f"download: is given beside the weights {weights}; leave one out")
    is_graph = isinstance(model, str | Path) and Path(model).suffix in GRAPHS
    if (isinstance(model, nn.Module) or is_graph) and (weights is not None or download):
        key = "weights" if weights is not None else "download"
        raise UserError(f"{key}: is for networks by name; this one has its weights")
    if isinstance(model, nn.Module):
        model = getattr(model, "_orig_mod", model)  # of torch.compile, which bypasses hooks
        return NamedNetwork(model.eval()), type(model).__name__
    if is_graph:
        network = GRAPHS[Path(model).suffix](Path(model))
        size = network.size or DEFAULTS.size
        settings = replace(DEFAULTS, size=size, notes=network.notes)
        return NamedNetwork(network.eval(), settings), str(model)
    if Path(model).is_file():
        raise UserError(
            f"model: {model}: ending {Path(model).suffix!r}; files of networks end in "
            f"{', '.join(GRAPHS)}, of features in {', '.join(FORMATS)}; a state dict belongs to "
            "weights, beside the name of its network"
        )
    if weights is None and not download and str(model).partition(":")[0] in LIBRARIES:
        raise UserError(
            f"weights: is missing; {model} comes without weights: name a local file with them, or "
            "let them be downloaded (--download; in Python download=True)"
        )
    if download:
        return NamedNetwork(*download_network(str(model))), str(model)
    return load_named_network(str(model), Path(weights) if weights else None), str(model)


def choose_settings(named: NamedNetwork, options: InputOptions) -> Settings:
    """How stimuli become the inputs of a network: as it states, or as the options say."""
    # stimuli are shown whole, in one way
    given = {key: getattr(options, key) for key in InputOptions.model_fields}
    everything = Namespace(resize=None, interpolation=None, **given)
    return choose_stated(everything, named.settings)


def prepare_network(
    named: NamedNetwork,
    called: str,
    patterns: Sequence[str],
    used: Settings,
    device: torch.device,
    report: Callable[[str], None],
) -> tuple[nn.Module, dict[str, nn.Module]]:
    """The network for stimuli in the colours that candidates see, and its layers."""
    network = named.network.to(device)
    own = OwnColours(network, used.mean, used.deviation).to(device).eval()
    if isinstance(network, GraphNetwork):
        found = network.find_layers(patterns)
    else:
        found = find_layers(network, patterns)
    return own, try_layers(own, found, used.size, called, report)
