"""The winner as a model plugin for Brain-Score, in a folder of its own.

It needs torch and Brain-Score alone: its network is plain source (see `write_source`).
"""

from collections.abc import Mapping
from pathlib import Path
from string import Template

import torch

from tgas_neuro import __version__
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import list_modules, read_genotype
from tgas_neuro.final.network.network import load_trained
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.final.result.source import compare_logits, run_source, write_source
from tgas_neuro.final.result.winner import describe_preprocessing
from tgas_neuro.runtime.files import copy_whole, write_json, written_whole

INIT = Template('''"""$identifier: the best cell of a teacher-guided architecture search."""

from brainscore_vision import model_registry
from brainscore_vision.model_helpers.brain_transformation import ModelCommitment

from .model import LAYERS, REGION_LAYER_MAP, VISUAL_DEGREES, get_model

model_registry['$identifier'] = lambda: ModelCommitment(
    identifier='$identifier',
    activations_model=get_model(),
    layers=LAYERS,
    region_layer_map=REGION_LAYER_MAP,
    visual_degrees=VISUAL_DEGREES,
)
''')

MODEL = '''"""The winner of a teacher-guided architecture search as a base model of Brain-Score.

The files beside this one define it: `network.py` and `weights.pt`, a state dict; `model.json` (its
layers and its images) and `region_layer_map/` (the layer of each region).
"""

import functools
import json
from pathlib import Path

import numpy as np
import torch
from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper, load_images
from PIL import Image

from .network import build_network

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
    weights = torch.load(FOLDER / "weights.pt", map_location="cpu", weights_only=True)
    return build_network(weights)


def preprocess(paths, size, interpolation, mean, deviation, **others) -> np.ndarray:
    """Whole images as squares of `size` pixels, in the colours of the training, (n, 3, y, x)."""
    resampling = Image.Resampling[interpolation.upper()]
    images = [image.convert("RGB").resize((size, size), resampling) for image in load_images(paths)]
    pixels = np.stack([np.asarray(image, dtype=np.float32) for image in images]) / 255
    normalised = (pixels - np.float32(mean)) / np.float32(deviation)
    return np.ascontiguousarray(normalised.transpose(0, 3, 1, 2))


def get_model() -> PytorchWrapper:
    """The network as Brain-Score records it, on images of the size that it was trained on."""
    wrapper = PytorchWrapper(
        identifier=IDENTIFIER,
        model=build_torch_model(),
        preprocessing=functools.partial(preprocess, **MODEL["preprocessing"]),
    )
    wrapper.image_size = MODEL["preprocessing"]["size"]
    return wrapper


def get_bibtex(model_identifier: str) -> str:
    """How to cite the method; `model_identifier` is this plugin's only one."""
    assert model_identifier == IDENTIFIER
    return BIBTEX
'''

TEST = Template('''"""Tests of $identifier that need no recordings."""

import brainscore_vision


def test_it_is_registered_with_its_layers():
    model = brainscore_vision.load_model("$identifier")
    assert model.identifier == "$identifier"
    modules = dict(model.activations_model._model.named_modules())
    assert set(model.layers) <= set(modules)
    assert set(model.layer_model.region_layer_map.values()) <= set(model.layers)
''')

REQUIREMENTS = """numpy
pillow
torch>=2.0
"""


def write_plugin(
    folder: str | Path, identifier: str, result: BestCell, weights: str | Path
) -> float:
    """Write the plugin of a finished run.

    Parameters
    ----------
    folder
        The plugin's folder; files of the same names are replaced.
    identifier
        See `tgas_neuro.plan.plan.name_plugin`.
    result
        Content of ``best_cell.json``.
    weights
        The state dict of the final network; copied.

    Returns
    -------
    float
        The largest difference of its logits from the network's.

    Raises
    ------
    UserError
        Its network gives other logits, or torch.export makes no graph of the network.
    """
    folder, final = Path(folder), result.final
    genotype, skeleton = result.genotype.model_dump(), Skeleton(**final.network.model_dump())
    network = load_trained(read_genotype(genotype), skeleton, weights, identifier)
    layers = list_modules(read_genotype(genotype), skeleton)
    shape = (skeleton.channels, skeleton.image_size, skeleton.image_size)
    source = write_source(network, layers, shape, identifier)
    read = torch.load(weights, map_location="cpu", weights_only=True)
    difference = compare_logits(network, shape, run_source(source, read), folder)
    committed = {
        name: region.layer for name, region in final.teacher.regions.items() if region.layer
    }
    names = {"identifier": identifier}
    _write(folder / "__init__.py", INIT.substitute(names))
    _write(folder / "test.py", TEST.substitute(names))
    _write(folder / "requirements.txt", REQUIREMENTS)
    _write(folder / "README.md", _describe(identifier, committed, result))
    _write(folder / "model.py", MODEL)
    _write(folder / "network.py", source)
    write_json(folder / "genotype.json", genotype)
    write_json(
        folder / "model.json",
        {
            "identifier": identifier,
            "skeleton": vars(skeleton),
            "layers": layers,
            "preprocessing": describe_preprocessing(result),
            "visual_degrees": result.configuration["teacher"]["stimuli"]["visual_degrees"],
            "simulated_or_toy": result.simulated_or_toy,
            "tgas_neuro": __version__,
        },
    )
    write_json(folder / "region_layer_map" / f"{identifier}.json", committed)
    copy_whole(weights, folder / "weights.pt")
    return difference


def _describe(identifier: str, committed: Mapping[str, str], result: BestCell) -> str:
    warnings = result.simulated_or_toy
    lines = [
        f"# {identifier}",
        "",
        "A convolutional network found by teacher-guided architecture search (Bashivan, Tensen, "
        "DiCarlo 2019).",
        "",
        *(f"- {warning}" for warning in warnings),
        *(["", "**Not to be submitted: see the lines above.**", ""] if warnings else []),
        f"- final training: {result.final.dataset}, top-1 {result.final.top1:.4f}",
        *(f"- {region}: layer `{module}`" for region, module in committed.items()),
        "",
        result.note,
        "",
        "It needs torch and Brain-Score; tgas-neuro generated `network.py`. How to score and "
        "submit it: docs/brainscore.md of tgas-neuro.",
    ]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")
