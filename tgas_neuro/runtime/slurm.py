"""What a run may have left: jobs in SLURM's queue, and the machine that it was started on."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.files import write_json
from tgas_neuro.runtime.processes import find_holder

# Snakemake's plugin names all jobs of a run `<slurm-jobname-prefix>_<UUID of the run>`, or by the
# UUID alone where no prefix is set.
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
ANY_PREFIX = r"(?:[A-Za-z0-9_-]{1,50}_)?"  # what the plugin allows

# Names, folders and comments may contain any printable character: none can be the separator.
SEPARATOR = "\x1f"
FIELDS = ("%i", "%j", "%T", "%Z", "%k")
TIMEOUT = 60.0  # [s] SLURM's own commands give up earlier on a controller that is away
NOTE = Path(".snakemake/started_on.json")
PAUSE = 1.0  # [s] between two looks at the queue


@dataclass(frozen=True)
class Job:
    """A job in the queue, as `squeue` describes it.

    `id` is that of one task of an array (`12_3`); `folder` is its working directory; `comment`
    holds what the job does: Snakemake's plugin writes the rule's name into it.
    """

    id: str
    name: str
    state: str
    folder: str
    comment: str


def has_slurm() -> bool:
    """Whether the command `squeue` exists."""
    return shutil.which("squeue") is not None


def find_run_jobs(folder: Path, prefix: str | None = None) -> list[Job]:
    """Jobs of this user that runs of Snakemake submitted from `folder`, in the queue's order.

    By default any prefix matches, because a run with another prefix, or with none, writes the same
    files. The UUID at the end of the name and the folder exclude jobs that no run of Snakemake
    submitted here.

    Parameters
    ----------
    folder
        Working directory of the jobs; links to it are followed on both sides.
    prefix
        Prefix of the names of the jobs (`slurm-jobname-prefix`); empty for jobs without one, None
        for jobs with any prefix or none.

    Raises
    ------
    UserError
        `squeue` is not there, fails, or does not answer within `TIMEOUT`.
    """
    before = ANY_PREFIX if prefix is None else re.escape(f"{prefix}_" if prefix else "")
    fits = re.compile(before + UUID).fullmatch
    home = os.path.realpath(folder)
    return [job for job in list_jobs() if fits(job.name) and os.path.realpath(job.folder) == home]


def list_jobs() -> list[Job]:
    """All jobs of this user that wait, run, or are about to end, arrays task by task."""
    words = ["--me", "--all", "--noheader", "--array", f"--format={SEPARATOR.join(FIELDS)}"]
    return parse_jobs(_call("squeue", *words))


def parse_jobs(text: str) -> list[Job]:
    """Jobs of what `squeue` wrote, a line each.

    A line with too few or too many fields (a field may contain a line break) is skipped: a job that
    cannot be parsed must not be cancelled.
    """
    rows = (line.split(SEPARATOR) for line in text.split("\n"))
    return [Job(*row) for row in rows if len(row) == len(FIELDS)]


def cancel_jobs(ids: Iterable[str]) -> None:
    """Cancel the jobs with these ids.

    Raises
    ------
    UserError
        `scancel` is not there, fails, or does not end within `TIMEOUT`.
    """
    _call("scancel", *ids)


def wait_for_end(ids: Iterable[str], patience: float) -> list[Job]:
    """Wait until the jobs are out of the queue; those that still are after `patience` [s].

    A job that is COMPLETING is still there: its processes may not have ended.
    """
    ids = set(ids)
    deadline = time.monotonic() + patience
    while True:
        left = [job for job in list_jobs() if job.id in ids]
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(min(PAUSE, max(0.0, deadline - time.monotonic())))


def describe_leftovers(folder: Path, jobs: list[Job]) -> str:
    """The line that refuses to start beside the jobs of an earlier run, with the way out."""
    count = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
    return (
        f"{folder.resolve()}: {count} of an earlier run in SLURM's queue would write the same "
        f"files; to end what is left of it: {format_command(folder)}"
    )


def refuse_jobs(folder: Path, strict: bool = False, quiet: bool = False) -> None:
    """Raise `UserError` while the queue has jobs of an earlier run that would write the same files.

    Without `squeue` nothing is checked. A SLURM that does not answer is an error if `strict`,
    nothing if `quiet`, else a warning on stderr.
    """
    if not has_slurm():
        return
    try:
        jobs = find_run_jobs(folder)
    except UserError as error:
        if strict:
            raise
        if not quiet:
            message = f"Warning: whether jobs of an earlier run are left is not known: {error}"
            print(message, file=sys.stderr)
        return
    if jobs:
        raise UserError(describe_leftovers(folder, jobs))


def format_command(folder: Path, prefix: str | None = None, host: str | None = None) -> str:
    """Format the command that cancels the leftovers of `folder`, from any working directory.

    `prefix` is that of `find_run_jobs`; `host` is the machine that the user vouched for.
    """
    chosen = {"prefix": prefix, "host": host}
    options = [f"--{key}={value}" for key, value in chosen.items() if value is not None]
    words = ["leftovers", "--cancel", *options, str(folder.resolve())]
    return f"python -m tgas_neuro {shlex.join(words)}"


def _call(program: str, *arguments: str) -> str:
    """Output of one of SLURM's commands, without the defaults that the user set for it."""
    path = shutil.which(program)
    if path is None:
        raise UserError(
            f"{program}: not found on PATH; run this where SLURM's commands are, on the machine "
            "that the jobs were submitted from"
        )
    own = f"{program.upper()}_"  # SQUEUE_STATES and the like would hide jobs
    environment = {key: value for key, value in os.environ.items() if not key.startswith(own)}
    try:
        found = subprocess.run(
            [path, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{program}: no answer within {TIMEOUT:.0f} s; try again later") from None
    if found.returncode != 0:
        lines = found.stderr.strip().splitlines() or [f"ended with {found.returncode}"]
        reason = lines[0].removeprefix(f"{program}: ")
        raise UserError(f"{program}: {reason}; see that SLURM answers (sinfo), then try again")
    return found.stdout


def refuse_leftovers(folder: Path, submits: bool) -> None:
    """Raise `UserError` if jobs of an earlier run are in the queue, at the start of another.

    Called by the Snakemake process that is about to start. While another one works in the folder
    the jobs may be its own, and Snakemake's locks decide. Without `squeue` nothing is asked. The
    machine that the run is started on is noted.

    Parameters
    ----------
    folder
        Working directory of the run.
    submits
        Whether the run hands its jobs to SLURM. If it does, a SLURM that does not answer is an
        error; if not, it is a warning on stderr where an earlier run did.
    """
    if find_holder(folder, submitting=True, others=True) is not None:
        return
    note = _load_note(folder)
    # versions before did not note it
    submitted = note is not None and note.get("submitted", True)
    refuse_jobs(folder, strict=submits, quiet=not submitted)
    note_host(folder, submits or submitted)


def note_host(folder: Path, submitted: bool = False) -> None:
    """Note in a working directory that Snakemake is started there, and on which machine.

    `submitted` says whether any run in this folder handed jobs to SLURM.
    """
    write_json(folder / NOTE, {"host": socket.gethostname(), "submitted": submitted})


def _load_note(folder: Path) -> dict[str, Any] | None:
    """What `note_host` wrote; None before the first run, empty if it cannot be read."""
    try:
        content = json.loads((folder / NOTE).read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def check_host(folder: Path, vouched: str | None) -> None:
    """Raise `UserError` if the last run was started on another machine.

    Parameters
    ----------
    folder
        Working directory of the run.
    vouched
        The machine that the user named, because no Snakemake runs there any more.
    """
    host = (_load_note(folder) or {}).get("host")
    if host is None:
        return  # nothing is known of it
    if host not in (socket.gethostname(), vouched):
        raise UserError(
            f"{folder.resolve()}: the last run was started on {host}, where Snakemake may still "
            f"be running; do this there, or say --host {host} if you know that it is not"
        )


def check_folder(folder: Path) -> None:
    """Raise `UserError` if there is no such folder, which would look like one without leftovers."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the one that Snakemake ran in")
