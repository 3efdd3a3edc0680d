"""Gather the facts of a run from its folders, as they are now."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tgas_neuro.config.configuration import Configuration
from tgas_neuro.final.result.content import BestCell
from tgas_neuro.overview.final_training import find_config
from tgas_neuro.plan.configuration import check_configuration
from tgas_neuro.report.citations import list_citations
from tgas_neuro.report.costs import list_stages
from tgas_neuro.report.facts import Candidate, Facts, Failure, LayerMap, Progress
from tgas_neuro.report.gather_final import (
    describe_result,
    gather_final,
    read_guidance,
    read_result,
)
from tgas_neuro.report.gather_teacher import Scores, gather_teacher
from tgas_neuro.report.sources import Places, find_places
from tgas_neuro.runtime.changes import find_root, refuse_changed
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.processes import find_holder
from tgas_neuro.scoring.layers import Score, list_chosen
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, find_best
from tgas_neuro.search.records import CandidateRecord, RunNote
from tgas_neuro.search.runs import Run, load_run
from tgas_neuro.search.runs.note import load_note

OF_ANOTHER_VERSION = (LookupError, TypeError, AttributeError, ValueError)


def gather_facts(folder: Path, places: Places | None = None) -> Facts:
    """The facts of the run whose search lies in a folder.

    Parameters
    ----------
    folder
        ``results/search/<run>``.
    places
        Where the files beside it are; None finds them by the ledger.

    Raises
    ------
    UserError
        Nothing has been proposed there yet, or a file holds something else than was written.
    """
    folder = folder.absolute()
    for path in [*sorted(folder.glob("generation_*/*.json")), *folder.glob("*.json")]:
        refuse_changed(path)
    run = load_run(folder)
    try:
        root = find_root(folder)
        return _gather(run, root, places or find_places(root, run))
    except OF_ANOTHER_VERSION as error:
        raise UserError(
            f"{folder}: not a run of this version ({type(error).__name__}: {error}); make the page "
            "with the version that ran it, or search again"
        ) from None


def _gather(run: Run, root: Path, places: Places) -> Facts:
    from tgas_neuro.teacher.teacher import load_teacher  # xarray

    missing = list(places.notes)
    records = {name: run.read_record(name) for name in run.records}
    entries = run.list_entries()
    candidates = list_candidates(run, entries, records)
    best = _find(candidates, find_best(entries))
    note = load_note(run.folder)
    total = note["generations"] * note["candidates"] if note else None
    progress = Progress(len(records), total, find_holder(root))
    result = read_result(root, run.name, places.final)
    configuration = find_configuration(note, places.final, result, missing)
    guidance = read_guidance(places.final)
    final = gather_final(places.final, guidance, configuration, run.rating.layer_choice)
    untrained, searched = _read_scores(run, best)
    scores = Scores(untrained, searched, guidance)
    teacher, loaded = None, None
    if places.teacher is not None and places.teacher.is_file():
        refuse_changed(places.teacher)
        loaded = load_teacher(places.teacher, for_scoring=True)
        teacher = gather_teacher(places.teacher, loaded, scores, run.rating.layer_choice)
    else:
        missing.append("The teacher is not known, or not there any more.")
    described = describe_result(
        result, configuration, loaded, final, guidance, run.folder / "best.json"
    )
    classes = places.classes if places.classes and places.classes.is_file() else None
    provenance = next((record["provenance"] for record in records.values()), None)
    return Facts(
        name=run.name,
        title=_find_title(configuration) or run.name,
        phase=describe_phase(progress, final is not None, guidance is not None),
        finished=guidance is not None,
        progress=progress,
        rating=run.rating,
        basis=run.describe_basis(),
        results_version=provenance["results_version"] if provenance else None,
        seed=provenance["seed"] if provenance else None,
        configuration=configuration,
        simulated=described.simulated,
        note=described.note,
        candidates=candidates,
        best=best,
        best_alone=_find(candidates, find_best(run.rate(Rating("p")))),
        n_held_back=_get_held_back(records),
        chance=1 / len(read_json(classes)["classes"]) if classes else None,
        failures=list_failures(candidates),
        teacher=teacher,
        maps=list_maps(scores, best, run.rating),
        final=final,
        stages=list_stages(root, candidates, records, places.teacher, places.classes, final),
        chain=result.digests.get("chain", "") if result else "",
        digests=result.digests if result else provenance["digests"] if provenance else {},
        versions=result.versions if result else {},
        citations=list_citations(root, configuration, teacher),
        missing=tuple(missing),
    )


def list_candidates(
    run: Run, entries: Sequence[Entry], records: Mapping[str, CandidateRecord]
) -> tuple[Candidate, ...]:
    """Every finished candidate in the order of the history, with what it has cost."""
    found: list[Candidate] = []
    images = 0
    for number, entry in enumerate(entries, 1):
        record = records.get(entry.id)  # none of one that an older run trained
        cost: Mapping[str, Any] = record["cost"] if record else {}
        images += cost.get("images_seen", 0)
        found.append(
            Candidate(
                number=number,
                id=entry.id,
                hash=entry.hash,
                genotype=entry.genotype,
                state=entry.state,
                message=record["message"] if record else "",
                original=entry.original,
                complete=entry.complete,
                reused=record is None,
                P=entry.P,
                TG=entry.TG,
                TG_untrained=entry.TG_untrained,
                regions=entry.regions,
                reward=entry.reward,
                params=entry.params,
                macs=entry.macs,
                images_seen=cost.get("images_seen", 0),
                images_so_far=images,
                seconds=cost.get("seconds", 0.0),
            )
        )
    return tuple(found)


def list_failures(candidates: Sequence[Candidate]) -> tuple[Failure, ...]:
    """States of this run's candidates without a result, the commonest first."""
    failed: dict[str, list[str]] = {}
    for one in candidates:
        if one.state not in ("ok", "duplicate") and not one.reused:
            failed.setdefault(one.state, []).append(one.message)
    counted = [
        Failure(state, len(messages), max(messages, key=messages.count))
        for state, messages in failed.items()
    ]
    return tuple(sorted(counted, key=lambda one: (-one.count, one.state)))


def find_configuration(
    note: RunNote | None, final: Path | None, result: BestCell | None, missing: list[str]
) -> Configuration | None:
    """The configuration of a run, with defaults filled in: of its result, or of its note.

    Where neither is there, a line says so.
    """
    content = result.configuration if result else None
    if content is None and note is not None:
        content = note.get("finals", {}).get(final.name) if final else find_config(note)
    if not content:
        missing.append("The configuration was not noted: an earlier version began this run.")
        return None
    try:
        return check_configuration(content)
    except UserError as error:
        missing.append(f"The configuration is one of another version: {error}")
        return None


def describe_phase(progress: Progress, trained: bool, compared: bool) -> str:
    """How far a run is, in words."""
    if compared:
        return "finished"
    if trained:
        return "the final network has been trained and evaluated, and not yet been compared"
    works = "a workflow runs here" if progress.holder is not None else "no workflow runs here now"
    if progress.ended:
        return f"the search has ended, the final training has not ({works})"
    of = f" of {progress.total}" if progress.total else ""
    return f"searching: {progress.done}{of} candidates have finished ({works})"


def list_maps(scores: Scores, best: Candidate | None, rating: Rating) -> tuple[LayerMap, ...]:
    """Layer maps of the winner as the search trained it, and of the final network."""
    named = (
        (scores.searched, f"{best.id if best else ''}, after its short training"),
        (scores.final, "the final network"),
    )
    return tuple(
        LayerMap(title, score["regions"], list_chosen(score["regions"], rating.layer_choice))
        for score, title in named
        if score is not None
    )


def _find(candidates: Sequence[Candidate], entry: Entry | None) -> Candidate | None:
    return next((one for one in candidates if entry and one.id == entry.id), None)


def _read_scores(run: Run, best: Candidate | None) -> tuple[Score | None, Score | None]:
    """The winner against the teacher, before and after its training; a duplicate's original."""
    if best is None:
        return None, None
    name = best.original or best.id
    if name in run.records:
        record = run.read_record(name)
    else:
        older: list[CandidateRecord] = read_json(run.reused)["records"] if run.reused else []
        record = next(one for one in older if one["id"] == name)
    return record["teacher_untrained"], record["teacher"]


def _get_held_back(records: Mapping[str, CandidateRecord]) -> int | None:
    known = (record["premature"] for record in records.values())
    return next((one["n_held_back"] for one in known if one is not None), None)


def _find_title(configuration: Configuration | None) -> str:
    """The name that the user gave the run; empty without one."""
    return getattr(configuration.search, "name", None) or "" if configuration else ""
