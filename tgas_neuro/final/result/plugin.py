"""The winner as a ready model plugin of Brain-Score, a folder of its own.

Written from the files of a run, without importing Brain-Score or torch.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from tgas_neuro import __version__
from tgas_neuro.architecture.genotype import read_genotype
from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.final.network.modules import list_modules
from tgas_neuro.runtime.files import copy_whole, write_json, written_whole

MODEL = Path(__file__).with_name("plugin_model.py")

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

TEST = Template('''"""What can be said of $identifier without recordings."""

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
# Not on PyPI: write here where your copy of the project is to be had, as in
# tgas-neuro @ git+https://<host>/<owner>/<repository>@<commit>
# This model was made with version $version.
""")


def name_plugin(final: str) -> str:
    """The plugin's identifier, a Python name, from the name of the folder of the final results."""
    return "tgas_neuro_" + final.replace("-", "_")


def list_plugin_files(identifier: str) -> list[str]:
    """What `write_plugin` writes, relative to the plugin's folder."""
    return [
        "__init__.py",
        "model.py",
        "genotype.json",
        "model.json",
        "weights.pt",
        f"region_layer_map/{identifier}.json",
        "requirements.txt",
        "test.py",
        "README.md",
    ]


def write_plugin(
    folder: str | Path,
    identifier: str,
    genotype: Mapping[str, Any],
    skeleton: Skeleton,
    committed: Mapping[str, str],
    visual_degrees: float,
    weights: str | Path,
    facts: Mapping[str, Any],
) -> None:
    """Write the plugin.

    Parameters
    ----------
    folder
        Of the plugin; files of the same names are replaced.
    identifier
        See `name_plugin`.
    genotype
        As `read_genotype` reads it.
    skeleton
        Of the final network.
    committed
        Region of the ventral stream, by Brain-Score's name, to the module that stands for it.
    visual_degrees
        Width of the field of view [deg].
    weights
        The state dict of the final network; copied.
    facts
        Lines for the README: ``note``, ``simulated_or_toy``, ``top1``, ``dataset``.
    """
    folder = Path(folder)
    names = {"identifier": identifier, "version": __version__}
    _write(folder / "__init__.py", INIT.substitute(names))
    _write(folder / "test.py", TEST.substitute(names))
    _write(folder / "requirements.txt", REQUIREMENTS.substitute(names))
    _write(folder / "README.md", _describe(identifier, committed, facts))
    _write(folder / "model.py", MODEL.read_text(encoding="utf-8"))
    write_json(folder / "genotype.json", dict(genotype))
    write_json(
        folder / "model.json",
        {
            "identifier": identifier,
            "skeleton": vars(skeleton),
            "layers": list_modules(read_genotype(genotype), skeleton),
            "visual_degrees": visual_degrees,
            "simulated_or_toy": list(facts["simulated_or_toy"]),
            "tgas_neuro": __version__,
        },
    )
    write_json(folder / "region_layer_map" / f"{identifier}.json", dict(committed))
    copy_whole(weights, folder / "weights.pt")


def _describe(identifier: str, committed: Mapping[str, str], facts: Mapping[str, Any]) -> str:
    warnings: Sequence[str] = facts["simulated_or_toy"]
    lines = [
        f"# {identifier}",
        "",
        "A convolutional network found by teacher-guided architecture search (Bashivan, Tensen, "
        "DiCarlo 2019).",
        "",
        *(f"- {warning}" for warning in warnings),
        *(["", "**Not to be submitted: see the lines above.**", ""] if warnings else []),
        f"- final training: {facts['dataset']}, top-1 {facts['top1']:.4f}",
        *(f"- {region}: layer `{module}`" for region, module in committed.items()),
        "",
        facts["note"],
        "",
        "It needs the package tgas-neuro (see requirements.txt). How to score and submit it: "
        "docs/brainscore.md of the project.",
    ]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    with written_whole(path) as beside:
        beside.write_text(text, encoding="utf-8")
