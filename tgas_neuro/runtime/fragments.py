"""What killed processes have left of files and folders that appear whole or not at all."""

import contextlib
import re
import shutil
from pathlib import Path

import psutil

# As `tgas_neuro.runtime.files.written_whole` names them; parts of downloads, which are continued,
# have other names.
FRAGMENT = re.compile(r"\..+\.(\d+)-[0-9a-f]{8}\.part")
PLACES = ("*/*", "*/*/*", "*/*/*/*", "ledger/**/*")  # in results/; beyond are only users' images


def remove_dead_fragments(results: Path) -> None:
    """Delete the fragments in ``results/`` whose processes are gone.

    Only for the start of a workflow: no other may be alive in the folder, on any machine. The final
    training deletes its own, which a process of the user's may be writing.
    """
    for path in {path for place in PLACES for path in results.glob(place)}:
        found = FRAGMENT.fullmatch(path.name)
        if found is None or path.is_relative_to(results / "final"):
            continue
        if not psutil.pid_exists(int(found[1])):
            with contextlib.suppress(OSError):  # it may be another user's
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
