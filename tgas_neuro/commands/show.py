"""`show`: print the genotype, scores, layers and cost of one candidate."""

import argparse
from pathlib import Path
from typing import Any, cast

import yaml

from tgas_neuro.commands.terminal import Answer, add_forms, add_run, print_answer, show_lines
from tgas_neuro.runtime.files import check_writable
from tgas_neuro.scoring.layers import (
    LayerChoice,
    RegionScore,
    format_layer_map,
    get_similarity,
    list_chosen,
)
from tgas_neuro.search.records import CandidateRecord, ProposedCandidate, ReachedRung
from tgas_neuro.search.runs import Run, describe_choice, find_candidate, find_run, load_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("candidate", help="id of the candidate, for example g001_c02")
    add_run(parser)
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="also draw the candidate")
    add_forms(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print the candidate, and draw it with `--picture`."""
    check_writable(arguments.picture, "--picture")
    if arguments.picture:
        from tgas_neuro.figures.style import check_ending  # matplotlib

        check_ending(arguments.picture)
    folder = find_run(arguments.run)
    found = load_run(folder)
    record = find_candidate(found, arguments.candidate)
    rows = list_layers(record)
    columns = ["layer", "region", "all", "half_0", "half_1"]

    def describe() -> str:
        head = f"candidate {record['id']} of run {describe_choice(folder, arguments.run)}"
        # layers and genotypes are drawn as they are: their columns would lose their places
        lines = describe_candidate(record, found)
        return "\n".join(
            [head, *(line if line.startswith("  ") else show_lines(line) for line in lines)]
        )

    print_answer(arguments, Answer(rows, columns, describe, build_content(record, found)))
    if arguments.picture:
        from tgas_neuro.figures.pictures import draw_candidate

        draw_candidate(record, found.rating.layer_choice, arguments.picture)
        if not (arguments.json or arguments.csv):
            print(f"picture    {arguments.picture}")


def build_content(found: CandidateRecord | ProposedCandidate, run: Run) -> dict[str, Any]:
    """The record or proposal, with the name of the run, the formula and the reward."""
    entries = {entry.id: entry for entry in run.list_entries()}
    reward = entries[found["id"]].reward if found["id"] in entries else None
    return {"run": run.name, **run.rating.to_json(), "reward": reward, "record": dict(found)}


def list_layers(found: CandidateRecord | ProposedCandidate) -> list[dict[str, Any]]:
    """Raw similarity of each layer with each region: on all stimuli and on either half."""
    teacher = cast(CandidateRecord, found)["teacher"] if "state" in found else None
    return [
        {"layer": layer, "region": region}
        | {key: None if values is None else values[key] for key in ("all", "half_0", "half_1")}
        for region, score in (teacher["regions"].items() if teacher else ())
        for layer, values in score["layers"].items()
    ]


def describe_candidate(found: CandidateRecord | ProposedCandidate, run: Run) -> list[str]:
    """Describe a record, or the proposal of a candidate that has not finished, line by line."""
    if "state" not in found:
        return ["state      not finished yet", *_describe_genotype(found)]
    record = cast(CandidateRecord, found)  # only records have a state
    state = record["state"] + (f" ({record['message']})" if record["message"] else "")
    lines = [f"state      {state}"]
    if not record["complete"]:
        lines.append("complete   no: it teaches the strategy and cannot win")
    lines += _describe_measures(record, run)
    lines += [_describe_rung(rung) for rung in record["rungs"]]
    lines += _describe_probe(record)
    complexity, cost = record["complexity"], record["cost"]
    lines += [
        f"size       {complexity['params']:,} parameters, {complexity['macs']:,} multiply-adds",
        f"cost       {cost['images_seen']:,} training images, {cost['seconds']:.1f} s, "
        f"{cost['peak_memory_mb']:.0f} MB",
        *_describe_genotype(record),
    ]
    if record["teacher"]:
        lines += _describe_teacher(record["teacher"]["regions"], run.rating.layer_choice)
    return lines


def _describe_measures(record: CandidateRecord, run: Run) -> list[str]:
    premature = record["premature"]
    if premature is None:
        return []
    lines = [
        f"P          {premature['accuracy']:.3f} (loss {premature['loss']:.3f} nat) on "
        f"{premature['n_held_back']:,} held-back training images"
    ]
    if record["state"] != "ok":
        return lines
    rating = run.rating
    entry = next(entry for entry in run.list_entries() if entry.id == record["id"])
    before = "not recorded" if entry.TG_untrained is None else f"{entry.TG_untrained:.3f}"
    reward = "none" if entry.reward is None else f"{entry.reward:.3f}"
    basis = [f"           {run.describe_basis()}"] if rating.compares else []
    return [
        f"reward     {reward} = {rating.describe()}",
        *basis,
        *lines,
        f"TG         {entry.TG:.3f} ({rating.layer_choice}); before the training {before}",
    ]


def _describe_rung(rung: ReachedRung) -> str:
    needed = "" if rung["threshold"] is None else f", {rung['threshold']:.3f} to go on"
    value = "none" if rung["value"] is None else f"{rung['value']:.3f}"
    return f"rung       {rung['epoch']:g} epochs: {value}{needed} (of {rung['of']} candidates)"


def _describe_probe(record: CandidateRecord) -> list[str]:
    probe = record.get("probe")
    if not probe:
        return []
    found = "diverged" if probe["accuracy"] is None else f"{probe['accuracy']:.3f}"
    return [f"probe      {found} after {probe['epochs']:g} epochs"]


def _describe_genotype(record: CandidateRecord | ProposedCandidate) -> list[str]:
    text = yaml.safe_dump(record["genotype"], sort_keys=False, default_flow_style=None)
    return [f"genotype   {record['hash']}", *(f"  {line}" for line in text.splitlines())]


def _describe_teacher(regions: dict[str, RegionScore], layer_choice: LayerChoice) -> list[str]:
    lines = ["regions    similarity, raw and divided by the ceiling, and the matching layers"]
    chosen = list_chosen(regions, layer_choice)
    for name, region in regions.items():
        found = get_similarity(region, layer_choice)
        if found is None:
            lines.append(f"  {name:<8} undefined: no layer distinguishes all stimuli")
            continue
        ceiling = region["ceiling"] if region["corrected_for_noise"] else None
        lines.append(
            f"  {name:<8} raw {found['raw']:.3f}  corrected {found['corrected']:.3f}  ceiling "
            f"{'none' if ceiling is None else format(ceiling, '.3f')}  "
            f"{', '.join(chosen[name]) or _describe_mean(region)}"
        )
    marks = "" if layer_choice == "mean" else f"; < marks the matching layers ({layer_choice})"
    lines.append(f"layers     raw similarity with each region{marks}")
    return lines + [f"  {line}" for line in format_layer_map(regions, layer_choice)]


def _describe_mean(region: RegionScore) -> str:
    """How many layers a mean is over, and how many have no similarity."""
    undefined = sum(values is None for values in region["layers"].values())
    left = f" ({undefined} more undefined)" if undefined else ""
    return f"mean of {len(region['layers']) - undefined} layers{left}"
