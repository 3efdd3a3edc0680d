"""What must hold of a run that was killed on the way, and how two runs are compared."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

RECORDS = "results/search/*/generation_*/candidate_*.json"
KEPT = "results/search/*/kept/*.json"
UNLOCKED = "removed the locks of a run that was killed"


def check_run(folder: Path, known: dict[str, Any], kills: Counter) -> list[str]:
    """What is wrong with a finished run that was killed on the way, in words.

    Parameters
    ----------
    known
        Records of the candidates that were finished when a kill came.
    kills
        How often each kind of process was killed, and a workflow that had locked its folder.
    """
    records, output = read_records(folder), (folder / "output.txt").read_text()
    faults = [
        f"{name} was finished, and is another one now"
        for name, record in known.items()
        if records.get(name) != record
    ]
    left = [*folder.glob("results/**/*.part"), *folder.glob(KEPT)]
    faults += [f"{path} is left" for path in left]
    for path in folder.glob("results/**/*.json"):
        json.loads(path.read_text())
    sockets = [path for path in folder.glob("tmp/tgas-neuro-*/*") if path.is_socket()]
    if len(sockets) > 1:
        faults.append(f"{len(sockets)} sockets of killed workers are left")
    if output.count(UNLOCKED) != kills["locked workflow"]:
        faults.append(f"not each start after a kill says {UNLOCKED!r}")
    told = ("died with SIGKILL", "exit status 137")
    if kills["job"] and not any(text in output for text in told):
        faults.append("nothing says that a job was killed")
    if "Traceback" in output:
        faults.append("a traceback was printed")
    for name, record in records.items():
        killed = count_killed(record)
        said = rf"{name} +ok .*\n +after {killed} killed process"
        if killed and not re.search(said, output):
            faults.append(f"nothing says that processes of {name} were killed")
    verify = [sys.executable, "-m", "tgas_neuro", "verify", str(folder / "results/best_cell.json")]
    checked = subprocess.run(verify, capture_output=True, text=True, check=False)
    if checked.returncode:
        faults.append(f"tgas verify: {checked.stdout[-300:]}{checked.stderr[-300:]}")
    return faults


def read_records(folder: Path, pattern: str = RECORDS) -> dict[str, dict[str, Any]]:
    """All finished candidate records by the candidate's id."""
    found = {}
    for path in folder.glob(pattern):
        try:
            record = json.loads(path.read_text())
        except FileNotFoundError:  # Snakemake deletes those of a job that it starts again
            continue
        found[record["id"]] = record
    return found


def read_result(folder: Path) -> Any:
    """`best_cell.json` and the records of all candidates, comparable."""
    best = json.loads((folder / "results/best_cell.json").read_text())
    return drop_cost_and_dates({"best_cell": best, "records": read_records(folder)})


def drop_cost_and_dates(content: Any) -> Any:
    """The content without the only keys that may differ between two runs."""
    if isinstance(content, dict):
        left = {key: value for key, value in content.items() if key not in ("cost", "dates")}
        return {key: drop_cost_and_dates(value) for key, value in left.items()}
    if isinstance(content, list):
        return [drop_cost_and_dates(value) for value in content]
    return content


def count_killed(record: dict[str, Any]) -> int:
    """How many processes of a candidate were killed before the one that made its record."""
    return max(record["cost"]["attempts"] - 1, 0)
