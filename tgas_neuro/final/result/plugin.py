"""The winner as a model plugin for Brain-Score, in a folder of its own.

It is written from the files of a run, without importing Brain-Score or torch.
"""

from collections.abc import Mapping
from pathlib import Path
from string import Template

from tgas_neuro import __version__
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import list_modules, read_genotype
from tgas_neuro.final.result.content import BestCell
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

The files beside this one define it: `genotype.json`, `model.json` (its size and layers),
`region_layer_map/` (the layer of each region) and `weights.pt`, a state dict.
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
    from tgas_neuro.architecture.spaces import read_genotype
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

REQUIREMENTS = Template("""torch>=2.4
torchvision>=0.19
# Not on PyPI: write here the address of your copy of the project, as in
# tgas-neuro @ git+https://<host>/<owner>/<repository>@<commit>
# This model was made with version $version.
""")


def write_plugin(
    folder: str | Path, identifier: str, result: BestCell, weights: str | Path
) -> None:
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
    """
    folder, final = Path(folder), result.final
    genotype, skeleton = result.genotype.model_dump(), Skeleton(**final.network.model_dump())
    committed = {
        name: region.layer for name, region in final.teacher.regions.items() if region.layer
    }
    names = {"identifier": identifier, "version": __version__}
    _write(folder / "__init__.py", INIT.substitute(names))
    _write(folder / "test.py", TEST.substitute(names))
    _write(folder / "requirements.txt", REQUIREMENTS.substitute(names))
    _write(folder / "README.md", _describe(identifier, committed, result))
    _write(folder / "model.py", MODEL)
    write_json(folder / "genotype.json", genotype)
    write_json(
        folder / "model.json",
        {
            "identifier": identifier,
            "skeleton": vars(skeleton),
            "layers": list_modules(read_genotype(genotype), skeleton),
            "visual_degrees": result.configuration["teacher"]["stimuli"]["visual_degrees"],
            "simulated_or_toy": result.simulated_or_toy,
            "tgas_neuro": __version__,
        },
    )
    write_json(folder / "region_layer_map" / f"{identifier}.json", committed)
    copy_whole(weights, folder / "weights.pt")


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
        "It needs the package tgas-neuro (see requirements.txt). How to score and submit it: "
        "docs/brainscore.md of the project.",
    ]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")
