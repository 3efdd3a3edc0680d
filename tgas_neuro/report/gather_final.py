"""The final training of a run, and what its numbers can show."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tgas_neuro.config.configuration import Configuration
from tgas_neuro.final.result.best_cell import check_part, make_best_cell, name_images
from tgas_neuro.final.result.content import BestCell, Files
from tgas_neuro.report.facts import FinalFacts
from tgas_neuro.report.sources import BEST_CELL, is_named
from tgas_neuro.runtime.changes import refuse_changed
from tgas_neuro.runtime.files import read_json
from tgas_neuro.scoring.layers import LayerChoice, Score, get_guidance

if TYPE_CHECKING:
    from tgas_neuro.teacher.teacher import Teacher


class Described(NamedTuple):
    """What is simulated or a toy, and what the numbers can show."""

    simulated: tuple[str, ...]
    note: str


def read_result(root: Path, run: str, final: Path | None) -> BestCell | None:
    """``best_cell.json``, if it is of this search and this final training."""
    if final is None or not is_named(root, final):
        return None
    refuse_changed(root / BEST_CELL)
    result = check_part(BestCell, read_json(root / BEST_CELL))
    return result if result.search.name == run else None


def read_guidance(final: Path | None) -> Score | None:
    """The final network compared with the teacher; None before that has been done."""
    path = final and final / "teacher_guidance.json"
    if path is None or not path.is_file():
        return None
    refuse_changed(path)
    guidance: Score = read_json(path)
    return guidance


def gather_final(
    folder: Path | None,
    guidance: Score | None,
    configuration: Configuration | None,
    layer_choice: LayerChoice,
) -> FinalFacts | None:
    """The facts of a final training; None where there is none."""
    if folder is None:
        return None
    for name in ("metrics.json", "log.csv"):
        refuse_changed(folder / name)
    return FinalFacts(
        folder=f"results/final/{folder.name}",
        metrics=read_json(folder / "metrics.json"),
        TG=get_guidance(guidance, layer_choice) if guidance else None,
        log=_read_log(folder / "log.csv"),
        dataset=name_images(configuration.final.data) if configuration else "",
    )


def _read_log(path: Path) -> tuple[tuple[int, float, float | None], ...]:
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            (
                int(row["epoch"]),
                float(row["train_loss"]),
                float(row["val_top1"]) if row["val_top1"] else None,
            )
            for row in csv.DictReader(file)
        )


def describe_result(
    result: BestCell | None,
    configuration: Configuration | None,
    teacher: "Teacher | None",
    final: FinalFacts | None,
    guidance: Score | None,
    best: Path,
) -> Described:
    """What is simulated or a toy, and what the numbers can show, as ``best_cell.json`` says it.

    Parameters
    ----------
    result
        ``best_cell.json``; None where it is of another run or not written yet. It is then made
        again, or as far as the run has come.
    configuration, teacher, final, guidance
        What is known.
    best
        ``best.json`` of the search, if it has ended.
    """
    complete = configuration and teacher and final and guidance and best.is_file()
    if result is None and complete:
        assert configuration and teacher and final and guidance
        result = _make_result(read_json(best), teacher, final, guidance, configuration)
    if result is not None:
        return Described(tuple(result.simulated_or_toy), result.note)
    found = [
        f"recordings of {name}: simulated"
        for name, region in (teacher.regions.items() if teacher else ())
        if region.attrs["simulated"]
    ]
    if configuration is not None:
        for stage, data in (
            ("search", configuration.premature.data),
            ("final training", configuration.final.data),
        ):
            if data.kind == "simulated":
                found.append(f"images of the {stage}: simulated")
    return Described(tuple(found), "")


def _make_result(
    best: Any,
    teacher: "Teacher",
    final: FinalFacts,
    guidance: Score,
    configuration: Configuration,
) -> BestCell:
    """The result of a run whose ``best_cell.json`` a later run has replaced."""
    names = {"search": best["run"], "final": Path(final.folder).name, "teacher": "teacher"}
    files = dict.fromkeys(Files.model_fields, final.folder)
    metrics: Mapping[str, Any] = final.metrics
    return make_best_cell(
        best,
        teacher,
        metrics,  # type: ignore[arg-type]  # read from metrics.json
        guidance,  # type: ignore[arg-type]  # with image_size, as the file has it
        configuration,
        names,
        {},
        files,
    )
