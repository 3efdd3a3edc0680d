"""What each stage of a run took, from its records and Snakemake's benchmark files."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from tgas_neuro.overview.facts import read_time
from tgas_neuro.report.facts import Candidate, FinalFacts, Stage
from tgas_neuro.runtime.ledger import load_entry
from tgas_neuro.search.records import CandidateRecord

RULE = "time of the rule on the clock"
CANDIDATES = "processes of all candidates together"
CLOCK = "on the clock, from the first candidate's beginning to the last one's end, pauses included"
TRAINING = "training and validation on the clock, without pauses"


def list_stages(
    root: Path,
    candidates: Sequence[Candidate],
    records: Mapping[str, CandidateRecord],
    teacher: Path | None,
    images: Path | None,
    final: FinalFacts | None,
) -> tuple[Stage, ...]:
    """The stages in order, each with what was noted of it.

    Parameters
    ----------
    root
        The folder of the run.
    candidates, records
        All that have finished, and the records of the run's own.
    teacher, images
        The files that the candidates read: ``teacher.nc``, and one of the decoded images.
    final
        The final training.
    """
    stages = []
    if teacher is not None:
        for name in _list_recordings(root, teacher):
            seconds = _read_seconds(root, f"recordings_{name}")
            stages.append(Stage(f"recordings: {name}", seconds, None, RULE))
        seconds = _read_seconds(root, f"teacher_{teacher.parent.name}")
        stages.append(Stage("teacher", seconds, None, RULE))
    if images is not None:
        name = images.parents[1].name
        stages.append(Stage("images", _read_seconds(root, f"images_{name}"), None, RULE))
    own = [one for one in candidates if not one.reused]
    seconds = sum(one.seconds for one in own)
    stages.append(Stage("search", seconds, sum(one.images_seen for one in own), CANDIDATES))
    stages.append(Stage("search", _calc_clock(records), None, CLOCK))
    if final is not None:
        cost = final.metrics["cost"]
        stages.append(Stage("final training", cost["seconds"], cost["images_seen"], TRAINING))
        seconds = _read_seconds(root, f"final_{Path(final.folder).name}_teacher_guidance")
        stages.append(Stage("final network beside the teacher", seconds, None, RULE))
    return tuple(stages)


def _list_recordings(root: Path, teacher: Path) -> list[str]:
    """Data sets that a teacher was made from."""
    entry = load_entry(teacher.relative_to(root), root) if teacher.is_relative_to(root) else None
    parts = [Path(source).parts for source in (entry.sources if entry else ())]
    named = [part[2] for part in parts if part[:2] == ("results", "recordings")]
    return list(dict.fromkeys(named))


def _read_seconds(root: Path, name: str) -> float | None:
    """Time on the clock that Snakemake noted of a rule's last job [s]."""
    path = root / "results/benchmarks" / f"{name}.tsv"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    try:
        return float(rows[-1]["s"])
    except (LookupError, ValueError):  # not measured, or of another form
        return None


def _calc_clock(records: Mapping[str, CandidateRecord]) -> float | None:
    dates = [record["dates"] for record in records.values() if "dates" in record]
    if not dates:
        return None
    ends = max(read_time(one["finished"]) for one in dates)
    return ends - min(read_time(one["started"]) for one in dates)
