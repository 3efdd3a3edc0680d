"""Rescored runs: candidates whose weights were kept, scored against another teacher."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tgas_neuro import RESULTS_VERSION
from tgas_neuro.plan.plan import Plan
from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import calc_sha256, read_json, write_json
from tgas_neuro.search.guidance import Rating
from tgas_neuro.search.history import Entry, build_entry
from tgas_neuro.search.runs.runs import Run


def list_rescorable(found: Run) -> list[dict[str, Any]]:
    """Records of the run's own candidates that ended well, with weights; duplicates have none.

    Raises
    ------
    UserError
        None has ended well yet, or the weights of some were not kept.
    """
    records = [found.read_record(name) for name in found.records]
    records = [record for record in records if record["state"] == "ok"]
    if not records:
        raise UserError(f"run {found.name}: no candidate has a TG yet; let the search go on")
    lost = [record["id"] for record in records if not get_weights(found, record).is_file()]
    if lost:
        raise UserError(
            f"run {found.name}: the weights of {len(lost)} of {len(records)} candidates were not "
            f"kept ({lost[0]} is the first); search with search.keep_weights: true, which is "
            "a run of its own"
        )
    return records


def get_weights(found: Run, record: Mapping[str, Any]) -> Path:
    """Where the search keeps the trained weights of a candidate."""
    return found.folder / "weights" / f"{record['id']}.pt"


def check_same_measures(
    found: Run, records: Sequence[dict[str, Any]], plan: Plan, name: str
) -> None:
    """The configuration builds and scores networks as the run did.

    Raises
    ------
    UserError
        It differs from the run's in ``premature`` or ``search.scoring``, or the version of the
        results does.
    """
    for provenance in (record["provenance"] for record in records):
        for digest, key in (("premature", "premature"), ("scoring", "search.scoring")):
            if provenance["digests"][digest] != plan.digests[digest]:
                raise UserError(
                    f"{name}: {key} is not that of run {found.name}, so that its networks would be "
                    "built or scored otherwise; set it as it was, or lay a file over it with "
                    "--configfile"
                )
        if provenance["results_version"] != RESULTS_VERSION:
            raise UserError(
                f"run {found.name}: its candidates have results version "
                f"{provenance['results_version']}, this is {RESULTS_VERSION}; search again, or "
                "rescore with the version that made them"
            )


def rescore(
    found: Run,
    records: Sequence[dict[str, Any]],
    teacher: Path,
    plan: Plan,
    path: Path,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Score candidates against another teacher, and write `path` after each.

    Parameters
    ----------
    found, records
        The run and its records that have weights (see `list_rescorable`).
    teacher
        Folder with ``teacher.nc`` and ``ranks``.
    plan
        Of a configuration that `check_same_measures` accepts.
    path
        JSON: ``run``, ``teacher`` (name, SHA-256), ``results_version``, ``scores``. Scores that it
        holds of this very teacher and of the same weights are kept.
    report
        Called with a line for each candidate that is scored.

    Returns
    -------
    scores
        Candidate's id to ``TG`` and ``regions``, as ``teacher`` of a record (TG is None where no
        layer tells the stimuli of some region apart), with ``hash`` and ``weights_sha256``.
    """
    from tgas_neuro.search.candidate.rescoring import Rescorer  # torch

    source = {
        "run": found.name,
        "teacher": {"name": teacher.name, "sha256": calc_sha256(teacher / "teacher.nc")},
        "results_version": RESULTS_VERSION,
    }
    content = read_json(path) if path.is_file() else {}
    known = content["scores"] if source.items() <= content.items() else {}
    rescorer = Rescorer(
        teacher / "teacher.nc",
        teacher / "ranks",
        plan.config["premature"],
        plan.config["search"]["scoring"],
    )
    scores: dict[str, Any] = {}
    for record in records:
        weights = get_weights(found, record)
        which = {"hash": record["hash"], "weights_sha256": calc_sha256(weights)}
        score = known.get(record["id"], {})
        if which.items() <= score.items():
            scores[record["id"]] = score
            continue
        scores[record["id"]] = which | rescorer.score(record, weights)
        write_json(path, source | {"scores": {**known, **scores}})
        TG = scores[record["id"]]["TG"]["crossed"]
        report(f"{record['id']}: TG {'none' if TG is None else f'{TG:.3f}'}")
    return scores


def rate(record: Mapping[str, Any], score: Mapping[str, Any], rating: Rating) -> Entry:
    """The entry of a candidate under the other teacher; without a TG it has no reward."""
    dead = None in score["TG"].values()
    changed = {"teacher": {key: score[key] for key in ("TG", "regions")}}
    return build_entry({**record, **changed, "state": "diverged" if dead else "ok"}, rating, {})
