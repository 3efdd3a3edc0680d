"""Which files and functions one spike count passes, from config.yaml to a candidate's score.

    python benchmarks/trace_one_count.py [--data FOLDER] [--list]

Runs the real workflow on macaque V4 (`cowley2023_v4`), up to the record of one candidate, in a
temporary folder. What no spike count passes is made first and not traced: the training images of
the candidate and its proposal. Of the rest, every Python process, forked ones too, notes each
function of the package that it enters (`sys.setprofile`). Code that runs when a module is imported
does not count. Prints the number of files and of functions, with ``--list`` every file in the order
of its first call.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

PROJECT = Path(__file__).parents[1]
DATA_SET = "cowley2023_v4"
TARGET = "candidate_00.json"
UNTRACED = ("images_decoded", "proposals")
CONFIG = {
    "recordings": {"regions": {"V4": {"datasets": [DATA_SET]}}},
    "teacher": {"splits": 4, "stimuli": {"size": 16, "visual_degrees": 8}},
    "search": {
        "strategy": "random",
        "cell": {"blocks": 1},
        "generations": 1,
        "candidates": 1,
        "untrained": False,
    },
    "premature": {
        "data": {"kind": "simulated", "images_per_class": 10},
        "image_size": 16,
        "network": {"filters": 2},
        "epochs": 1,
        "device": "cpu",
    },
    "final": {"data": {"kind": "simulated", "images_per_class": 10}, "image_size": 16},
}

# Goes into each Python process as its sitecustomize: one line a function, when it is first entered.
PROFILER = """
import os, sys, threading

_package, _seen = os.environ["TRACED_PACKAGE"], set()
_log = os.open(os.environ["TRACE_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def _note(frame, event, argument):
    code = frame.f_code
    if event != "call" or code in _seen:
        return
    # CO_OPTIMIZED: functions alone have it, not the bodies of modules and classes
    if not code.co_filename.startswith(_package) or not code.co_flags & 1:
        _seen.add(code)
    elif not _is_importing(frame):
        _seen.add(code)
        line = f"{code.co_filename[len(_package):]}\\t{code.co_qualname}\\t{code.co_firstlineno}\\n"
        os.write(_log, line.encode())


def _is_importing(frame):
    while frame := frame.f_back:
        if frame.f_code.co_name == "<module>" and frame.f_code.co_filename.startswith(_package):
            return True
    return False


threading.setprofile(_note)
sys.setprofile(_note)
"""


def trace(data: Path) -> list[tuple[str, str]]:
    """(file, function) of the package in the order of their first call."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = CONFIG | {"recordings": CONFIG["recordings"] | {"mirror": str(data)}}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        (folder / "site").mkdir()
        (folder / "site" / "sitecustomize.py").write_text(PROFILER)
        environment = os.environ | {
            "PYTHONPATH": f"{folder / 'site'}:{PROJECT}",
            "TRACE_LOG": str(folder / "trace.tsv"),
            "TRACED_PACKAGE": f"{PROJECT / 'tgas_neuro'}/",
        }
        command = [sys.executable, "-m", "snakemake", "--snakefile", PROJECT / "Snakefile"]
        command += ["--directory", folder, "--cores", "1", "--quiet", "all"]
        untraced = environment | {"PYTHONPATH": str(PROJECT)}
        subprocess.run([*command, "--until", *UNTRACED], check=True, env=untraced)
        subprocess.run([*command, "--until", "candidate"], check=True, env=environment)
        records = list(folder.glob(f"results/search/*/generation_000/{TARGET}"))
        if len(records) != 1:
            raise SystemExit(f"expected one {TARGET}, found {len(records)}")
        lines = (folder / "trace.tsv").read_text().splitlines()
    entered = dict.fromkeys(tuple(line.split("\t")) for line in lines)
    return [(file, function) for file, function, _ in entered]


def main() -> None:
    """Trace, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=PROJECT.parent / "shared" / "data")
    parser.add_argument("--list", action="store_true", help="print every file")
    arguments = parser.parse_args()
    if not (arguments.data / DATA_SET).is_dir():
        raise SystemExit(f"{arguments.data}: has no folder {DATA_SET}; name another with --data")
    entered = trace(arguments.data)
    files = list(dict.fromkeys(file for file, _ in entered))
    if arguments.list:
        for file in files:
            print(file, sum(other == file for other, _ in entered))
    print(f"{len(files)} files, {len(entered)} functions")


if __name__ == "__main__":
    main()
