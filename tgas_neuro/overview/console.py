"""The console of a run: a line for each candidate, and when a phase begins and ends.

`Console` turns the events of Snakemake into lines; the package ``snakemake_logger_plugin_tgas``
prints them. What Snakemake says of its own work is left out; its own log keeps it.
"""

import logging
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro import __version__
from tgas_neuro.overview.candidate_line import describe_candidate
from tgas_neuro.overview.jobs import EXPERIMENTS, TARGETS, get_phase, name_rule
from tgas_neuro.runtime.files import read_json
from tgas_neuro.runtime.text import describe_seconds, wrap_line
from tgas_neuro.search.records import CandidateRecord
from tgas_neuro.search.runs import load_run
from tgas_neuro.search.runs.note import load_note

# Rules that neither begin nor end a phase: they run beside others, or before the phase is due.
ASIDE = ("reused", "proposals", "teacher_figure", "search_figures")
# What Snakemake says of itself that is worth a line.
KEPT = ("Nothing to be done", "Trying to restart", "Terminating processes", "Will exit", "Unlocked")
INDENT = 10  # columns of the time of day


@dataclass(frozen=True)
class Started:
    """A job that Snakemake has started.

    Attributes
    ----------
    rule
        Its rule, ``candidate`` also for jobs with several.
    message
        What its rule says that it does.
    outputs
        Paths that it writes.
    """

    rule: str
    message: str
    outputs: tuple[str, ...]


_shown: list[tuple[Path, str | None, Mapping[str, str]]] = []


def show_run(folder: Path, name: str | None = None, rules: Mapping[str, str] | None = None) -> None:
    """Say which run the console of this process shows, and how it and its rules are called.

    As a module of another workflow, its rules may have other names there; `rules` leads from those
    to the names here.
    """
    _shown[:] = [(folder, name, rules or {})]


def find_shown_run() -> tuple[Path | None, str | None, Mapping[str, str]]:
    """Folder and name of the run that this process shows, None before it is planned; its rules."""
    return _shown[0] if _shown else (None, None, {})


class Console:
    """Turns events of Snakemake into lines for the user.

    Parameters
    ----------
    run
        Folder of the run, ``results/search/<run>``; None while it is not known.
    name
        ``search.name`` of its configuration.

    Attributes
    ----------
    rules
        Names of rules in an outer workflow to those here (see `show_run`).
    """

    def __init__(self, run: Path | None = None, name: str | None = None):
        self.run, self.name = run, name
        self.rules: Mapping[str, str] = {}
        self._began = time.time()
        self._running = False
        self._cores: int | None = None
        self._planned: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._phases: dict[str, float] = {}
        self._jobs: dict[int, Started] = {}
        self._candidates = 0
        self._failed: list[str] = []
        self._untold: list[str] = []  # errors of commands whose job is not yet known

    def handle(self, record: logging.LogRecord) -> list[str]:
        """The lines of an event, each at most 80 columns wide but for errors and paths."""
        event = str(getattr(record, "event", None))
        handler = {
            "workflow_started": self._start,
            "resources_info": self._note_resources,
            "run_info": self._plan,
            "job_info": self._begin_job,
            "job_finished": self._end_job,
            "job_error": self._fail,
            "group_error": self._fail_group,
            "error": self._show_error,
            "None": self._pass,
        }.get(event)
        return handler(record) if handler is not None else []

    def _start(self, record: Any) -> list[str]:
        self._running, self._began = True, record.created
        return []

    def _note_resources(self, record: Any) -> list[str]:
        self._cores = getattr(record, "cores", self._cores)
        return []

    def _plan(self, record: Any) -> list[str]:
        total = 0
        for named, number in record.stats.items():
            rule = self._name_rule(named)
            if rule != "total" and rule not in TARGETS:
                total += number
                self._planned[get_phase(rule)] += 0 if rule in ASIDE else number
        on = f" on {self._cores} core{'s' * (self._cores > 1)}" if self._cores else ""
        run = f", run {self.run.name}" if self.run is not None else ""
        run += f" ({self.name})" if self.name else ""
        return [wrap_line(f"tgas-neuro {__version__}: {total} job{'s' * (total != 1)}{on}{run}", 2)]

    def _begin_job(self, record: Any) -> list[str]:
        rule = self._name_rule(record.rule_name)
        message = record.rule_msg or record.rule_name
        self._jobs[record.jobid] = Started(rule, message, tuple(map(str, record.output)))
        if rule in TARGETS:
            return []
        phase = get_phase(rule)
        if phase == EXPERIMENTS:
            return [self._stamp(record, message)]
        if phase in self._phases or rule in ASIDE:
            return []
        self._phases[phase] = record.created
        lines = [self._stamp(record, f"{phase:<15} begins")]
        return [*lines, *([self._build_head()] if phase == "search" else [])]

    def _end_job(self, record: Any) -> list[str]:
        job = self._jobs.get(record.job_id)
        if job is None or job.rule in TARGETS:
            return []
        phase = get_phase(job.rule)
        self._done[phase] += job.rule not in ASIDE
        lines = []
        if job.rule == "candidate":
            for output in job.outputs:
                self._candidates += 1
                lines.append(self._describe_candidate(Path(output)))
        ended = job.rule not in ASIDE and self._done[phase] == self._planned[phase]
        if phase in self._phases and ended:
            took = describe_seconds(record.created - self._phases[phase])
            lines.append(self._stamp(record, f"{phase:<15} ended after {took}"))
        return lines

    def _name_rule(self, rule: str) -> str:
        return name_rule(self.rules.get(rule, rule))

    def _build_head(self) -> str:
        done = "done".rjust(len(self._count()))
        return f"{done}  candidate  state      P      TG   reward  seconds  best so far"

    def _count(self) -> str:
        """Candidates that have finished, and all of the search."""
        note = load_note(self.run) if self.run is not None else None
        if note is None:
            return f"{self._candidates:>5}"
        total = note["generations"] * note["candidates"]
        before = max(total - note.get("rules", {}).get("candidate", total), 0)
        return f"{before + self._candidates}/{total}".rjust(max(2 * len(str(total)) + 1, 5))

    def _describe_candidate(self, path: Path) -> str:
        """A line of the table of candidates, from the record of one."""
        if not path.is_file():  # in an object store
            return f"{self._count()}  {path.parent.name}/{path.stem} has finished"
        record: CandidateRecord = read_json(path)
        run = load_run(path.parents[1])
        return describe_candidate(record, run, self._count())

    def _fail(self, record: Any) -> list[str]:
        job = self._jobs.get(record.jobid)
        what = job.message if job is not None else record.rule_name
        self._failed.append(what)
        lines = [f"Failed: {what} (rule {record.rule_name}, job {record.jobid})"]
        lines += [f"  {end}" for end in map(_describe_end, self._untold) if end]
        self._untold.clear()
        lines += [f"  {key}: {value}" for key, value in record.aux.items()]
        logs = [Path(path) for path in record.log]
        lines += [f"  log: {path}" for path in logs]
        if "external_jobid" in record.aux:  # what it said is not on this console
            lines += [line for path in logs for line in _read_log(path)]
        return lines

    def _fail_group(self, record: Any) -> list[str]:
        self._failed.append(str(record.groupid))
        return [record.getMessage()]

    def _show_error(self, record: Any) -> list[str]:
        text = record.getMessage()
        # the script has said what was wrong; here stands the command that has failed, and next
        # comes the job that it was of
        if "CalledProcessError" in text:
            self._untold.append(text)
            return []
        if "At least one job did not complete successfully" in text:
            return []
        return [text]

    def _pass(self, record: Any) -> list[str]:
        text = record.getMessage()
        if not text or text == "None" or text.startswith("Assuming unrestricted shared file"):
            return []
        if record.levelno >= logging.WARNING:
            # followed by those errors, which stand above here
            return [] if text.startswith("Exiting because a job execution failed") else [text]
        if text.startswith("Elapsed time") and self._running:
            return self._end(record)
        if text.startswith("Complete log(s)") and self._failed:
            return [text.replace("Complete log(s)", "Snakemake's log")]
        own = Path(record.pathname).parts[-3:-1]
        if self._running and "snakemake" in own and not text.startswith(KEPT):
            return []
        return [wrap_line(self._name_job(text), 2)]

    def _end(self, record: Any) -> list[str]:
        took = describe_seconds(record.created - self._began)
        if self._failed:
            number = len(self._failed)
            return [f"stopped after {took}: {number} job{'s' * (number > 1)} failed"]
        if self._untold:
            return [*self._untold, f"stopped after {took}"]
        return [f"finished after {took}"]

    def _name_job(self, text: str) -> str:
        """Say of a message about a job, such as its submission, which one it is."""
        found = re.match(r"Job (\d+) ", text)
        job = self._jobs.get(int(found[1])) if found else None
        return f"{job.message}: {text[0].lower()}{text[1:]}" if job is not None else text

    def _stamp(self, record: Any, text: str) -> str:
        return wrap_line(
            f"{time.strftime('%H:%M:%S', time.localtime(record.created))}  {text}", INDENT
        )


def _describe_end(text: str) -> str | None:
    """How a command ended, by Snakemake's error; None for exit code 1, before which it told why."""
    signal = re.search(r"died with <Signals\.(\w+)", text)
    if signal:
        return f"its process died with {signal[1]}"
    code = re.search(r"returned non-zero exit status (\d+)", text)
    return f"exit status {code[1]}" if code and code[1] != "1" else None


def _read_log(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [f"  | {line}" for line in lines]
