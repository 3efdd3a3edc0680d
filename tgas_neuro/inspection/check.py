"""Check recordings of any form: say what they hold and everything that is wrong with them."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import xarray as xr

from tgas_neuro.inspection.report import (
    describe_assembly,
    describe_rdms,
    describe_reliability,
    describe_stimuli,
    find_assembly_problems,
    find_image_problems,
    find_stimulus_notes,
    is_described,
)
from tgas_neuro.recordings.assembly import load_netcdf
from tgas_neuro.recordings.datasets.data_set import ENDINGS, find_description, read_data_set
from tgas_neuro.recordings.datasets.description import expand_patterns
from tgas_neuro.recordings.formats import NETCDF
from tgas_neuro.recordings.published_rdms import validate_rdms
from tgas_neuro.recordings.stimuli import load_stimuli
from tgas_neuro.runtime.errors import UserError

MOST_PROBLEMS = 20  # of one kind that are printed one by one
RESULTS = ("assembly.nc", "rdm.nc")  # of the recordings stage
GIVEN_BY_DESCRIPTION = ("dataset", "source", "license", "citation")
GIVEN_BY_STAGE = ("stimuli_digest", "tgas_neuro_version")

Report = Callable[[str], None]


class _Check:
    """Prints lines, and keeps problems for the end."""

    def __init__(self, report: Report, n_splits: int, mirror: Path | None = None):
        self.report, self.n_splits, self.mirror = report, n_splits, mirror
        self.problems: list[str] = []
        self.notes: list[str] = []

    def say(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.report(line)

    def note_problems(self, problems: Iterator[str]) -> bool:
        """Whether there are none."""
        found = list(problems)
        self.problems += found[:MOST_PROBLEMS]
        if len(found) > MOST_PROBLEMS:
            self.problems.append(f"and {len(found) - MOST_PROBLEMS} more of these")
        return not found

    def attempt(self, load: Callable, *arguments):
        """What `load` returns; None after a `UserError`, which is a problem."""
        try:
            return load(*arguments)
        except UserError as error:
            self.problems.append(str(error))
            return None

    def finish(self, name: str) -> int:
        for title, lines in (("Note", self.notes), ("Wrong", self.problems)):
            if lines:
                self.report("")
            for line in lines:
                self.report(f"{title + ':':<6} {line}")
        self.report("")
        self.report(f"{name}: {len(self.problems) or 'nothing'} wrong")
        return 1 if self.problems else 0


def check_target(
    target: str, n_splits: int = 10, mirror: Path | None = None, report: Report = print
) -> int:
    """Check a data set, a description, a netCDF file or a folder of the recordings stage.

    Parameters
    ----------
    target
        What is checked, see `tgas_neuro.commands.check`.
    n_splits
        Random splits of the repetitions, for reliabilities and noise ceilings.
    mirror
        A folder that is looked in before the internet.
    report
        Receives each line.

    Returns
    -------
    int
        0, or 1 when something is wrong.
    """
    check, path = _Check(report, n_splits, mirror), Path(target)
    found = [path / name for name in RESULTS if (path / name).is_file()]
    if found or path.suffix in NETCDF:
        _check_file(check, (found or [path])[0])
    elif path.is_file() and path.suffix not in ENDINGS:
        raise UserError(
            f"{path}: ends in {path.suffix or 'nothing'}, and is checked by its description, which "
            "says what its axes are; write one (see docs/your_own_recordings.md) and name that"
        )
    else:
        _check_data_set(check, target)
    return check.finish(target)


def _check_data_set(check: _Check, target: str) -> None:
    description = check.attempt(find_description, target)
    if description is None:
        return
    check.report(f"Data set     {description.name}: {description.title}")
    for key in ("source", "license", "citation"):
        check.report(f"  {key:<10} {getattr(description, key)}")
    sessions = check.attempt(expand_patterns, description) or {}
    for name, session in sessions.items():
        if len(sessions) > 1:
            check.report(f"\nSession      {name}")
        with tempfile.TemporaryDirectory(prefix="tgas-check-") as folder:
            if check.note_problems(read_data_set(session, Path(folder), check.mirror)):
                (found,) = (Path(folder) / one for one in RESULTS if (Path(folder) / one).is_file())
                _check_file(check, found, name)


def _check_file(check: _Check, path: Path, name: str | None = None) -> None:
    """A netCDF file; `name` is what messages call it, where that is not its path."""
    dataset = check.attempt(load_netcdf, path)
    if dataset is None:
        return
    kinds = [kind for kind in KINDS if kind in dataset or kind in dataset.attrs]
    if not kinds:
        check.problems.append(
            f"{path}: variables are {', '.join(map(str, dataset)) or 'none'}; expected 'response' "
            "(an assembly), 'rdm' (published RDMs), or a teacher"
        )
        return
    KINDS[kinds[0]](check, dataset, path, name or str(path))


def _check_assembly(check: _Check, dataset: xr.Dataset, path: Path, name: str) -> None:
    assembly, stimuli = dataset["response"], _check_stimuli(check, path, name)
    given = (*GIVEN_BY_DESCRIPTION, *GIVEN_BY_STAGE)
    lacking = [attr for attr in given if attr not in assembly.attrs]
    if lacking:
        assembly = assembly.assign_attrs(dict.fromkeys(lacking, ""))
        check.notes.append(
            f"{name}: without the attributes {', '.join(lacking)}, as a file of your own: a "
            "description with reader netcdf gives them"
        )
    check.notes += list_notes(assembly, name)
    right = check.note_problems(find_assembly_problems(assembly, name, stimuli))
    if is_described(assembly):
        check.say(describe_assembly(assembly))
    if stimuli is not None:
        check.say(describe_stimuli(stimuli))
    if right:
        check.say(describe_reliability(assembly, check.n_splits, stimuli))


def _check_rdms(check: _Check, dataset: xr.Dataset, path: Path, name: str) -> None:
    stimuli = _check_stimuli(check, path, name)
    check.notes += list_notes(dataset, name)
    if check.attempt(validate_rdms, dataset, name, stimuli) is not None:
        check.say(describe_rdms(dataset))
        if stimuli is not None:
            check.say(describe_stimuli(stimuli))


def list_notes(data: xr.DataArray | xr.Dataset, name: str) -> list[str]:
    """What was left out or converted when the recordings were read, one line each."""
    notes = filter(None, str(data.attrs.get("notes", "")).split("\n"))
    return [f"{name}: {note.removeprefix(f'{name}: ')}" for note in notes]


def _check_teacher(check: _Check, dataset: xr.Dataset, path: Path, name: str) -> None:
    from tgas_neuro.teacher.region import describe_region  # torch, and another room
    from tgas_neuro.teacher.teacher import load_teacher

    teacher = check.attempt(load_teacher, path)
    for region, found in (teacher.regions if teacher else {}).items():
        check.report(describe_region(region, found))


def _check_stimuli(check: _Check, path: Path, name: str) -> pd.DataFrame | None:
    """The stimulus table beside a file, with its images checked; None where there is none."""
    table, images = path.parent / "stimuli.csv", path.parent / "stimuli"
    if not table.is_file():
        check.notes.append(f"{name}: no stimuli.csv beside it, so stimuli are not checked")
        return None
    stimuli = check.attempt(load_stimuli, table)
    if stimuli is not None:
        check.notes += find_stimulus_notes(stimuli)
        if images.is_dir():
            check.note_problems(find_image_problems(stimuli, images))
        else:
            check.notes.append(f"{images}: no such folder, so images are not checked")
    return stimuli


KINDS = {"response": _check_assembly, "rdm": _check_rdms, "regions": _check_teacher}
