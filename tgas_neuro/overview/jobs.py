"""The jobs of a run and when they began and ended, from the notes of Snakemake.

Snakemake marks every output of a job that is running in ``.snakemake/incomplete``, and writes the
times of finished ones to ``.snakemake/metadata``; the names of both are those of the outputs.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from tgas_neuro.plan.plan import name_plugin
from tgas_neuro.search.records import RunNote

PHASES = {
    "recordings": ("recordings_download", "recordings_responses", "recordings_rdm"),
    "teacher": ("teacher", "teacher_ranks", "teacher_figure"),
    "images": ("images_split", "images_decoded"),
    "search": ("reused", "proposals", "candidate", "history", "best"),
    "final training": ("final",),
    "evaluation": (
        "final_teacher_guidance",
        "layer_rdms",
        "search_figures",
        "final_figures",
        "best_cell",
        "run_report",
        "brainscore",
    ),
}
EXPERIMENTS = "experiments"  # the phase of all other rules
TARGETS = ("all", "default", "recordings")  # rules that only ask for others

# Of each job the one output that stands for it; names of folders are in braces.
OUTPUTS = {
    "recordings_download": r"neural_data/raw/.+",
    "recordings_responses": r"results/recordings/[^/]+/assembly\.nc",
    "recordings_rdm": r"results/recordings/[^/]+/rdm\.nc",
    "teacher": r"results/teacher/{teacher}/teacher\.nc",
    "teacher_ranks": r"results/teacher/{teacher}/ranks[^/]*",
    "teacher_figure": r"results/figures/{teacher}/rdm_[^/]+\.png",
    "images_split": r"results/images/[^/]+/(train|val)",
    "images_decoded": r"results/images/[^/]+/train_\d+px/images\.npy",
    "reused": r"results/search/{run}/reused\.json",
    "proposals": r"results/search/{run}/generation_\d+/proposals\.json",
    "candidate": r"results/search/{run}/generation_\d+/candidate_\d+\.json",
    "history": r"results/search/{run}/generation_\d+/history\.json",
    "best": r"results/search/{run}/best\.json",
    "final": r"results/final/{final}/metrics\.json",
    "final_teacher_guidance": r"results/final/{final}/teacher_guidance\.json",
    "layer_rdms": r"results/final/{final}/rdms\.nc",
    "search_figures": r"results/figures/{final}/search_curve\.png",
    "final_figures": r"results/figures/{final}/layer_map\.png",
    "best_cell": r"results/best_cell\.json",
    "run_report": r"results/report\.html",
    "brainscore": r"results/brainscore/{plugin}",
}


@dataclass(frozen=True)
class Job:
    """A job of the workflow.

    Attributes
    ----------
    rule
        Its rule; jobs with several candidates count as one job of ``candidate`` for each.
    output
        The output that stands for it (see `OUTPUTS`).
    began
        When Snakemake started or submitted it [s since the epoch].
    ended
        When its output was written; None while it runs.
    """

    rule: str
    output: str
    began: float
    ended: float | None

    @property
    def seconds(self) -> float:
        """How long it took [s]; 0 while it runs."""
        return 0.0 if self.ended is None else max(self.ended - self.began, 0.0)

    @property
    def candidate(self) -> str:
        """Id of the candidate whose record it writes."""
        generation, number = re.findall(r"_(\d+)", self.output.rpartition("/search/")[2])[-2:]
        return f"g{generation}_c{number}"


def get_phase(rule: str) -> str:
    """The phase of a rule."""
    return next((phase for phase, rules in PHASES.items() if rule in rules), EXPERIMENTS)


def name_rule(rule: str) -> str:
    """A rule, or ``candidate`` for the rules of jobs with several candidates."""
    return "candidate" if re.fullmatch(r"candidates_\d+", rule) else rule


def load_jobs(working: Path, run: str, note: RunNote) -> list[Job]:
    """The jobs of a run that are running or have finished, in the order in which they began.

    Parameters
    ----------
    working
        Working directory of the workflow.
    run
        Name of the run's folder.
    note
        Its note, with the names of its teacher and final training.
    """
    final = note.get("final", "")
    names = {"run": run, "teacher": note.get("teacher", ""), "final": final}
    names["plugin"] = name_plugin(final)
    escaped = {key: re.escape(name) for key, name in names.items()}
    patterns = {rule: re.compile(pattern.format(**escaped)) for rule, pattern in OUTPUTS.items()}
    jobs: dict[str, Job] = {}
    notes = working / ".snakemake"
    for place in ("metadata", "incomplete"):  # a job that runs again has both
        for path, output in _list_outputs(notes / place):
            for rule, pattern in patterns.items():
                if pattern.fullmatch(output):
                    job = _read(path, rule, output, running=place == "incomplete")
                    if job is not None:
                        jobs[output] = job
    return sorted(jobs.values(), key=lambda job: job.began)


def cut(jobs: list[Job], now: float) -> list[Job]:
    """The jobs as they were at a moment."""
    return [
        job if job.ended is None or job.ended <= now else replace(job, ended=None)
        for job in jobs
        if job.began <= now
    ]


def _list_outputs(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every note in a folder, and the output that it is about."""
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        encoded = "".join(part.removeprefix("@") for part in path.relative_to(folder).parts)
        try:
            yield path, base64.urlsafe_b64decode(encoded.encode()).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue  # none of Snakemake's


def _read(path: Path, rule: str, output: str, running: bool) -> Job | None:
    try:
        date = path.stat().st_mtime_ns
        if running:
            return Job(rule, output, date / 1e9, None)
        began, ended = _read_times(path, date)
    except (OSError, ValueError):
        return None  # it has just been removed, or is being written
    return None if began is None or ended is None else Job(rule, output, began, ended)


@lru_cache(maxsize=100_000)
def _read_times(path: Path, date: int) -> tuple[float | None, float | None]:
    """Times of a finished job; `date` of the note, so that a new one is read again."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return content.get("starttime"), content.get("endtime")
