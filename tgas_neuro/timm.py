"""Winners as models of timm: ``timm.create_model("tgas_<run>")``.

`register` makes the models of exported folders known to timm (see `tgas export --format timm`).
Importing this module registers those in the folders that the environment variable ``TGAS_EXPORTS``
lists, separated as in ``PATH``.

Examples
--------
>>> import timm
>>> import tgas_neuro.timm
>>> tgas_neuro.timm.register("exports")  # doctest: +SKIP
['tgas_cell_tpe_0123abcd']
>>> network = timm.create_model("tgas_cell_tpe_0123abcd", pretrained=True)  # doctest: +SKIP
"""

import os
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from tgas_neuro.architecture.network import GenotypeNetwork, build_network
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import read_genotype
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json

try:
    from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
except ModuleNotFoundError as error:
    raise UserError(
        f"tgas_neuro.timm: needs the package {error.name}, which is not installed; "
        "pip install 'tgas-neuro[export]'"
    ) from None

ENVIRONMENT = "TGAS_EXPORTS"
ARGUMENTS = ("num_classes", "in_chans")  # of timm's create_model that reach the network

default_cfgs: dict[str, Any] = {}  # timm looks here for the settings of a model that it registers
__all__ = ["register"]


class TimmNetwork(GenotypeNetwork):
    """What timm asks of a model, beside what a winner's own class has (see `_adapt`).

    Attributes
    ----------
    num_classes
        Outputs; with 0 the network gives the features before the linear layer, (n, num_features).
    num_features
        Channels that the linear layer reads.
    feature_info
        The last layer of each size of feature map: its channels, its reduction and its name.
    """

    num_classes: int
    num_features: int
    head_hidden_size: int
    feature_info: list[dict[str, Any]]
    linear: nn.Module

    def get_classifier(self) -> nn.Module:
        """The linear layer; an identity where there are no classes."""
        return self.linear

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Put a fresh linear layer of `num_classes` outputs in place; 0 gives features."""
        if global_pool not in (None, "avg"):
            raise UserError(f"global_pool: {global_pool!r}; these networks have 'avg' alone")
        self.num_classes = num_classes
        self.linear = nn.Identity()
        if num_classes > 0:
            linear = nn.Linear(self.num_features, num_classes)
            nn.init.normal_(linear.weight, 0.0, 0.01)
            nn.init.zeros_(linear.bias)
            self.linear = linear


def _adapt(network: GenotypeNetwork, feature_info: list[dict[str, Any]]) -> TimmNetwork:
    """Give a network the methods of `TimmNetwork`; its modules and their names stay."""
    linear = network.get_submodule("linear")
    assert isinstance(linear, nn.Linear)
    network.__class__ = type("TimmNetwork", (TimmNetwork, type(network)), {})
    adapted = cast(TimmNetwork, network)
    adapted.num_classes, adapted.num_features = linear.out_features, linear.in_features
    adapted.head_hidden_size, adapted.feature_info = linear.in_features, feature_info
    return adapted


def register(folder: str | Path) -> list[str]:
    """Make exported models known to timm.

    Parameters
    ----------
    folder
        A folder that `tgas export --format timm` wrote, or the one that holds such folders.

    Returns
    -------
    list of str
        Names for ``timm.create_model``.

    Raises
    ------
    UserError
        There is no exported model, or it is damaged.
    """
    folder = Path(folder)
    places = [folder] if (folder / "config.json").is_file() else sorted(folder.glob("*/"))
    contents = {place: _read_config(place) for place in places if (place / "config.json").is_file()}
    found = {place: content for place, content in contents.items() if "tgas" in content}
    if not found:
        raise UserError(
            f"{folder}: no model of this package in it; name a folder that "
            "`tgas export --format timm` wrote, or the one above"
        )
    return [_register(place.resolve(), content) for place, content in found.items()]


def _read_config(place: Path) -> dict[str, Any]:
    content = read_json(place / "config.json")
    return content if isinstance(content, dict) else {}


def _register(place: Path, content: dict[str, Any]) -> str:
    try:
        name, described = content["architecture"], content["tgas"]
        genotype = read_genotype(described["genotype"])
        skeleton = Skeleton(**described["skeleton"])
        stated = content["pretrained_cfg"].items()
        settings = {key: tuple(one) if isinstance(one, list) else one for key, one in stated}
        feature_info = list(described["feature_info"])
    except (AttributeError, LookupError, TypeError) as error:
        raise UserError(
            f"{place / 'config.json'}: is damaged ({type(error).__name__}: {error}); export the "
            "model again"
        ) from None
    if not (place / "model.safetensors").is_file():
        raise UserError(f"{place}: holds no model.safetensors; export the model again")
    settings |= {
        "file": str(place / "model.safetensors"),
        "label_names": content.get("label_names"),
    }
    default_cfgs.update(generate_default_cfgs({name: settings}))

    def build(**options: Any) -> TimmNetwork:
        for key in options:
            if key not in ARGUMENTS:
                raise UserError(
                    f"{name}: {key}: {options[key]!r}; create_model may change {ARGUMENTS[0]} "
                    "alone, and features_only with out_indices"
                )
        if options.get("in_chans", skeleton.channels) != skeleton.channels:
            raise UserError(
                f"{name}: in_chans: {options['in_chans']}; it was trained on images of "
                f"{skeleton.channels} channels"
            )
        # from torch's own generator, as the weights of timm's other models
        seed = int(torch.empty((), dtype=torch.int64).random_())
        network = build_network(genotype, skeleton, torch.Generator().manual_seed(seed))
        made = _adapt(network, feature_info)
        if options.get("num_classes", skeleton.n_classes) != skeleton.n_classes:
            made.reset_classifier(options["num_classes"])
        return made

    indices = tuple(range(len(feature_info)))

    def create(pretrained: bool = False, **options: Any) -> nn.Module:
        features = {"feature_cls": "hook", "no_rewrite": True, "out_indices": indices}
        return build_model_with_cfg(build, name, pretrained, feature_cfg=features, **options)

    create.__name__ = create.__qualname__ = name
    register_model(create)
    return name


for one in filter(None, os.environ.get(ENVIRONMENT, "").split(os.pathsep)):
    register(one)
