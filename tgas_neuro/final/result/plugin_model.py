"""The winner of a teacher-guided architecture search as a base model of Brain-Score.

What it is stands beside this file: `genotype.json`, `model.json` (its size, its layers, which of
them stand for which region) and `weights.pt`, a state dict.
"""

import functools
import json
from pathlib import Path

import torch
from brainscore_vision.model_helpers.activations.pytorch import (
    PytorchWrapper,
    load_preprocess_images,
)

try:
    from tgas_neuro.architecture.genotype import read_genotype
    from tgas_neuro.architecture.network import build_network
    from tgas_neuro.architecture.skeleton import Skeleton
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "this model is built by the package tgas-neuro, which is not on PyPI; install it from the "
        "project's folder or repository (pip install <folder or address>), see requirements.txt"
    ) from error

FOLDER = Path(__file__).resolve().parent
MODEL = json.loads((FOLDER / "model.json").read_text(encoding="utf-8"))
IDENTIFIER = MODEL["identifier"]
LAYERS = MODEL["layers"]
VISUAL_DEGREES = MODEL["visual_degrees"]
REGION_LAYER_MAP = json.loads(
    (FOLDER / "region_layer_map" / f"{IDENTIFIER}.json").read_text(encoding="utf-8")
)

BIBTEX = """@inproceedings{bashivan2019teacher,
    title = {Teacher Guided Architecture Search},
    author = {Bashivan, Pouya and Tensen, Mark and DiCarlo, James J.},
    booktitle = {Proceedings of the IEEE/CVF International Conference on Computer Vision},
    year = {2019},
    url = {https://arxiv.org/abs/1808.01405}
}"""


def build_torch_model() -> torch.nn.Module:
    """The trained network in evaluation mode; its forward gives logits, (n, class)."""
    genotype = read_genotype(json.loads((FOLDER / "genotype.json").read_text(encoding="utf-8")))
    network = build_network(genotype, Skeleton(**MODEL["skeleton"]), torch.Generator())
    weights = torch.load(FOLDER / "weights.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return network.eval()


def get_model() -> PytorchWrapper:
    """The network as Brain-Score records it, on images of the size that it was trained on."""
    size = MODEL["skeleton"]["image_size"]
    wrapper = PytorchWrapper(
        identifier=IDENTIFIER,
        model=build_torch_model(),
        preprocessing=functools.partial(load_preprocess_images, image_size=size),
    )
    wrapper.image_size = size
    return wrapper


def get_bibtex(model_identifier: str) -> str:
    """How to cite the method; `model_identifier` is this plugin's only one."""
    assert model_identifier == IDENTIFIER
    return BIBTEX
