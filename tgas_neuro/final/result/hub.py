"""The winner's folder for the Hugging Face hub and timm: its config.json and its model card."""

import math
from string import Template
from typing import Any

import torch
import yaml
from torch import nn

from tgas_neuro.architecture.network import catching_outputs
from tgas_neuro.final.result.winner import Winner


def build_hub_config(winner: Winner) -> dict[str, Any]:
    """``config.json`` of the folder, as timm reads it; the key ``tgas`` is ours."""
    pixels, n_classes = winner.preprocessing, winner.skeleton.n_classes
    size, resize = pixels["size"], pixels["resize"]
    share = size / resize
    if math.floor(size / share) != resize:  # timm rounds the shorter side down
        share = size / (resize + 0.5)
    names = {} if winner.classes is None else {"label_names": winner.classes}
    return {
        "architecture": winner.name,
        "num_classes": n_classes,
        **names,
        "pretrained_cfg": {
            "tag": "",
            "custom_load": False,
            "input_size": [winner.skeleton.channels, size, size],
            "fixed_input_size": False,
            "interpolation": pixels["interpolation"],
            "crop_pct": share,
            "crop_mode": "center",
            "mean": pixels["mean"],
            "std": pixels["deviation"],
            "num_classes": n_classes,
            "pool_size": None,
            "first_conv": find_first_conv(winner.network),
            "classifier": "linear",
        },
        "tgas": winner.describe() | {"feature_info": list_features(winner)},
    }


def list_features(winner: Winner) -> list[dict[str, Any]]:
    """The last layer of each size of feature map: channels, reduction, name, as timm has them."""
    modules = {name: winner.network.get_submodule(name) for name in winner.layers}
    with torch.no_grad(), catching_outputs(modules) as outputs:
        winner.network(torch.zeros(1, *winner.shape))
    found: dict[int, dict[str, Any]] = {}
    for name, output in outputs.items():
        _, channels, _, width = output.shape
        reduction = round(winner.shape[2] / width)
        found[width] = {"num_chs": channels, "reduction": reduction, "module": name}
    return list(found.values())


def find_first_conv(network: nn.Module) -> str:
    """Name of the convolution that sees the image."""
    return next(name for name, one in network.named_modules() if isinstance(one, nn.Conv2d))


CARD = Template("""---
$front---

# $name

$warnings$note

A convolutional network found by teacher-guided architecture search (Bashivan, Tensen and DiCarlo
2019): among its candidates the one that $reason. tgas-neuro $version made it.

| | |
|---|---|
| images of the final training | $images |
| top-1 | $top1 (95 % interval $low to $high, $n_images validation images, one training) |
| size | $params parameters, $macs multiply-adds at $size x $size pixels |
| search | $evaluated candidates of the space $space, strategy $strategy |

## Similarity to the brain

$similarity

$regions

## How to load it

Without tgas-neuro, from this folder:

```python
from network import build_network
from safetensors.torch import load_file

network = build_network(load_file("model.safetensors"))
logits = network(images)  # (n, $channels, $size, $size)
```

With timm and tgas-neuro:

```python
import timm
import tgas_neuro.timm

tgas_neuro.timm.register("path/of/this/folder")
network = timm.create_model("$name", pretrained=True).eval()
```

Layers can be recorded with forward hooks on: $layers.

## Preprocessing

Resize the shorter side to $resize pixels ($interpolation, antialiased), cut out the middle
$size x $size pixels, scale to [0, 1], subtract the mean $mean and divide by the deviation
$deviation of red, green and blue. `config.json` holds the same numbers.

## Licence

The software tgas-neuro, `network.py` included, is under the MIT licence. The weights were made from
the images and recordings named above, whose own terms apply to them.

## Citation

```bibtex
@inproceedings{bashivan2019teacher,
    title = {Teacher Guided Architecture Search},
    author = {Bashivan, Pouya and Tensen, Mark and DiCarlo, James J.},
    booktitle = {Proceedings of the IEEE/CVF International Conference on Computer Vision},
    year = {2019},
    url = {https://arxiv.org/abs/1808.01405}
}
```
""")
REASONS = {
    "p_plus_tg": "had the highest accuracy after a short training plus similarity to the teacher",
    "p": "had the highest accuracy after a short training",
    "tg": "was most similar to the teacher after a short training",
    "params": "had the most parameters",
    "macs": "had the most multiply-adds",
    "learned": "had the highest accuracy predicted from a short training, size and the teacher",
    "tg_epoch0": "was most similar to the teacher before any training",
}


def write_card(winner: Winner) -> str:
    """Write the model card: what is simulated or a toy first, then numbers, use and citation."""
    result, pixels = winner.result, winner.preprocessing
    final, teacher = result.final, result.teacher
    low, high = final.top1_interval
    toy = result.simulated_or_toy
    warnings = [
        "**Simulated or a toy, so that it says nothing about brains or natural images:**",
        "",
        *(f"- {line}" for line in toy),
        "",
        "",
    ]
    similar = (
        "The final network compared with each region by representational similarity, at its own "
        f"image size. {EXPLANATIONS[teacher.layer_choice]} Corrected is divided by the ceiling, "
        "the most that a model without noise can reach."
    )
    return CARD.substitute(
        front=yaml.safe_dump(_build_front(winner), sort_keys=False, allow_unicode=True),
        name=winner.name,
        warnings="\n".join(warnings) if toy else "",
        note=result.note,
        reason=REASONS[result.guidance],
        version=result.versions.get("tgas_neuro", "of an unknown version"),
        images=f"{final.dataset}, {final.n_train_images:,} images in {final.n_classes:,} classes",
        top1=f"{final.top1:.1%}",
        low=f"{low:.1%}",
        high=f"{high:.1%}",
        n_images=f"{final.n_images:,}",
        params=f"{final.params:,}",
        macs=f"{final.macs:,}",
        evaluated=result.search.evaluated,
        space=result.search.space,
        strategy=result.search.strategy,
        similarity=similar,
        regions=_tabulate(winner),
        channels=winner.skeleton.channels,
        layers=", ".join(f"`{layer}`" for layer in winner.layers),
        **{key: _write_number(pixels[key]) for key in pixels},
    )


EXPLANATIONS = {
    "crossed": "Layers are chosen on one half of the stimuli and scored on the other.",
    "paper": "The best layer on all stimuli counts, which is an optimistic estimate.",
    "mean": "The mean of all layers on all stimuli counts.",
}


def _tabulate(winner: Winner) -> str:
    rows = [
        "| region | recordings | sites | stimuli | similarity | ceiling | corrected | best layer |",
        "|---|---|---|---|---|---|---|---|",
    ]
    result = winner.result
    for name, region in result.final.teacher.regions.items():
        known = result.teacher.regions[name]
        chosen = getattr(region, result.teacher.layer_choice)
        cells = (
            name,
            " and ".join(known.datasets) + (", simulated" if known.simulated else ""),
            known.n_sites or "unknown",
            known.n_stimuli or "unknown",
            _show(chosen.raw if chosen else None),
            _show(known.ceiling),
            _show(chosen.corrected) if chosen and known.corrected else "not corrected",
            f"`{region.layer}`" if region.layer else "none",
        )
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def _show(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _write_number(value: Any) -> str:
    return ", ".join(f"{one:g}" for one in value) if isinstance(value, list) else str(value)


def _build_front(winner: Winner) -> dict[str, Any]:
    """The front matter, in the words of the Hugging Face hub."""
    final = winner.result.final
    tags = ["image-classification", "timm", "teacher-guided-architecture-search"]
    return {
        "license": "other",
        "license_name": "terms-of-the-training-data",
        "license_link": "README.md",
        "library_name": "timm",
        "pipeline_tag": "image-classification",
        "tags": [*tags, *(["simulated-or-toy"] if winner.result.simulated_or_toy else [])],
        "model-index": [
            {
                "name": winner.name,
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {"name": final.dataset, "type": str(final.data["kind"])},
                        "metrics": [{"type": "accuracy", "name": "top-1", "value": final.top1}],
                    }
                ],
            }
        ],
    }
