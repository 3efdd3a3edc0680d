"""`summary`: print what a run found and where its files are."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.commands.terminal import Answer, add_forms, print_answer, show_lines
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.search.guidance import Rating


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("path", nargs="?", default="results/best_cell.json", type=Path)
    add_forms(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the summary of a finished run."""
    path = arguments.path
    row = _read(path, lambda content: _flatten(content, path))
    print_answer(arguments, Answer([row], list(row), lambda: summarise(path).strip(), row))


def summarise(path: Path, figures: Sequence[str] = ()) -> str:
    """The summary of a ``best_cell.json``.

    Parameters
    ----------
    path
        The file.
    figures
        Page and pictures to list after it.

    Raises
    ------
    UserError
        The file is missing, or another version wrote it.
    """
    lines = _read(path, lambda content: _describe(content, path))
    return show_lines(*lines, *(f"{' ' * 11}{figure}" for figure in figures))


def _read(path: Path, take: Callable[[dict[str, Any]], Any]) -> Any:
    content = read_json(path)
    try:
        return take(content)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: not a best_cell.json of this version ({type(error).__name__}: {error}); name "
            "another file, or make it again: snakemake --cores 2"
        ) from None


def _flatten(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """The numbers of the summary, one value a key."""
    final, search, teacher = content["final"], content["search"], content["teacher"]
    choice, row = teacher["layer_choice"], {"path": str(path), "run": search["name"]}
    row |= {"name": get_name(content), "id": content["id"], "reward": content["reward"]}
    row |= {"P": content["premature"]["accuracy"], "TG": teacher["TG"], "layer_choice": choice}
    for prefix, regions in (("", teacher["regions"]), ("final_", final["teacher"]["regions"])):
        for name, region in regions.items():
            row[f"{prefix}TG_{name}"] = (region[choice] or {}).get("corrected")
    for name, region in teacher["regions"].items():
        row[f"ceiling_{name}"] = region["ceiling"] if region["corrected"] else None
    low, high = final["top1_interval"]
    row |= {"top1": final["top1"], "top1_low": low, "top1_high": high, "top5": final["top5"]}
    row |= {key: final[key] for key in ("n_images", "params", "macs")}
    for stage in ("search", "final"):
        row[f"{stage}_images_seen"] = content["cost"][stage]["images_seen"]
        row[f"{stage}_seconds"] = content["cost"][stage]["seconds"]
    return row | {"evaluated": search["evaluated"], **search["states"], "note": content["note"]}


def get_name(content: dict[str, Any]) -> str | None:
    """``search.name`` of the configuration that made a ``best_cell.json``."""
    name: str | None = content.get("configuration", {}).get("search", {}).get("name")
    return name


def _describe(content: dict[str, Any], path: Path) -> list[str]:
    final, search, cost = content["final"], content["search"], content["cost"]
    regions = content["teacher"]["regions"]
    at_full_size = {
        name: regions[name] | region for name, region in final["teacher"]["regions"].items()
    }
    choice = content["teacher"]["layer_choice"]
    states = ", ".join(f"{count} {state}" for state, count in search["states"].items())
    low, high = final["top1_interval"]
    return [
        "",
        f"Best cell: {content['id']} of {search['evaluated']} candidates ({states})"
        + (f", {name}" if (name := get_name(content)) else ""),
        f"  reward   {_describe_reward(content)}",
        f"  teacher  {_describe_regions(regions, choice)}",
        f"  final    top-1 {final['top1']:.3f} (95 % interval {low:.3f} to {high:.3f}), "
        f"top-5 {final['top5']:.3f} on {final['n_images']} validation images, "
        f"{final['params']:,} parameters, {final['macs']:,} multiply-adds",
        f"           {_describe_regions(at_full_size, choice)}",
        f"  cost     search {cost['search']['images_seen']:,} training images in "
        f"{cost['search']['seconds']:.0f} s of candidates, final "
        f"{cost['final']['images_seen']:,} in {cost['final']['seconds']:.0f} s",
        f"  note     {content['note']}",
        f"Where:     {path}",
        f"           results/search/{search['name']}/ (every candidate)",
        f"           results/teacher/{content['teacher']['name']}/",
        f"           {content['files']['brainscore']}/ (for Brain-Score: docs/brainscore.md)",
    ]


def _describe_reward(content: dict[str, Any]) -> str:
    """Describe the reward by P and TG, or by its own formula with P and TG after it."""
    reward, P, TG = content["reward"], content["premature"]["accuracy"], content["teacher"]["TG"]
    settings: Any = content | {"layer_choice": content["teacher"]["layer_choice"]}
    rating = Rating.read(settings)
    if rating.guidance == "p_plus_tg" and not rating.standardises:
        return f"{reward:.3f} = P {P:.3f} + {rating.calc_alpha(1.0):g} x TG {TG:.3f}"
    basis = f" ({content['reward_basis']})" if "reward_basis" in content else ""
    return f"{reward:.3f} = {rating.describe()}{basis}; P {P:.3f}, TG {TG:.3f}"


def _describe_regions(regions: dict[str, dict[str, Any]], layer_choice: str) -> str:
    return ", ".join(_describe_region(*region, layer_choice) for region in regions.items())


def _describe_region(name: str, region: dict[str, Any], layer_choice: str) -> str:
    if region["paper"] is None:
        return f"{name} undefined (no layer distinguishes all stimuli)"
    chosen = region[layer_choice]
    if layer_choice == "paper":
        where = f"at {chosen['layer']}"
    elif layer_choice == "crossed":
        where = f"at {'/'.join(dict.fromkeys(chosen['layers']))}"
    else:
        where = "in the mean of all layers"
    ceiling = f"ceiling {region['ceiling']:.3f}" if region["corrected"] else "no ceiling"
    if region["corrected"] and region.get("ceiling_from"):
        ceiling += f" from {region['ceiling_from']}"
    return f"{name} {chosen['corrected']:.3f} {where} ({ceiling})"
