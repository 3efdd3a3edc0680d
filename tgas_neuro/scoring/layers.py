"""The layers of a candidate against the regions of the teacher, as its record holds them."""

from collections.abc import Mapping
from typing import Any

# How a region gets its layers: chosen on one half of the stimuli and scored on the other, or the
# maximum on all of them, as in the paper. Keys of a region's score.
LAYER_CHOICES = ("crossed", "paper")
# Shades of a text heat map, from the lowest value to the highest.
SHADES = " .:-=+*#%@"
CELL = 11  # characters of a value with its shade; longer names of regions are cut


def list_similarities(regions: Mapping[str, Any]) -> dict[str, dict[str, float | None]]:
    """Region to layer to its raw similarity on all stimuli; None where it has no value."""
    return {
        name: {
            layer: None if values is None else values["all"]
            for layer, values in region["layers"].items()
        }
        for name, region in regions.items()
    }


def list_chosen(regions: Mapping[str, Any], layer_choice: str) -> dict[str, list[str]]:
    """Region to the layers that stand for it: one (``paper``), or one for each half."""
    if layer_choice == "paper":
        return {name: [region["paper"]["layer"]] for name, region in regions.items()}
    return {
        name: list(dict.fromkeys(region["crossed"]["layers"])) for name, region in regions.items()
    }


def format_layer_map(regions: Mapping[str, Any], layer_choice: str) -> list[str]:
    """The layer map as lines of text: a number and a shade for each layer and region.

    The layers that stand for a region have a ``<`` behind them. Shades run from 0, or the lowest
    value, to the highest of the map.
    """
    similarities, chosen = list_similarities(regions), list_chosen(regions, layer_choice)
    layers = list(next(iter(similarities.values())))
    values = [value for found in similarities.values() for value in found.values()]
    known = [value for value in values if value is not None]
    low, high = min([0.0, *known]), max(known, default=1.0)
    width = max(len(name) for name in ["layer", *layers])
    lines = ["layer".ljust(width) + "".join(f"  {name[:CELL]:<{CELL}}" for name in similarities)]
    for layer in layers:
        cells = [
            _format_cell(found[layer], low, high, layer in chosen[name])
            for name, found in similarities.items()
        ]
        lines.append(layer.ljust(width) + "".join(f"  {cell}" for cell in cells))
    return [line.rstrip() for line in lines]


def _format_cell(value: float | None, low: float, high: float, chosen: bool) -> str:
    if value is None:
        return "none".ljust(CELL)
    share = (value - low) / (high - low) if high > low else 0.0
    shade = SHADES[min(int(share * len(SHADES)), len(SHADES) - 1)]
    return f"{value:6.3f} {shade * 2} {'<' if chosen else ' '}"
