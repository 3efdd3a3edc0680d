"""A SLURM that is three files: `squeue` and `scancel` as programs, and the queue they share."""

import json
import sys

SQUEUE = """
import json, pathlib, re, sys
here = pathlib.Path(__file__).parent
with (here / "asked").open("a") as calls:
    calls.write("x")
if (here / "squeue_fails").exists():
    sys.exit((here / "squeue_fails").read_text())
assert {"--me", "--all", "--noheader", "--array"} < set(sys.argv), sys.argv
(form,) = [word.removeprefix("--format=") for word in sys.argv if word.startswith("--format=")]
jobs = json.loads((here / "queue.json").read_text())
for job in jobs:
    print(re.sub("%([ijTZk])", lambda field: job[field[1]], form))
for job in jobs:
    job["looks"] -= job["T"] == "COMPLETING"
(here / "queue.json").write_text(json.dumps([job for job in jobs if job["looks"]]))
"""
SCANCEL = """
import json, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "cancelled").open("a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\\n")
if (here / "scancel_fails").exists():
    sys.exit((here / "scancel_fails").read_text())
jobs = json.loads((here / "queue.json").read_text())
for job in jobs:
    if job["i"] in sys.argv[1:]:
        job["T"] = "COMPLETING"
(here / "queue.json").write_text(json.dumps(jobs))
"""
RUN = "tgas_0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"


class Queue:
    """The queue of the fake SLURM; `folder` holds its programs."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        for name, source in {"squeue": SQUEUE, "scancel": SCANCEL}.items():
            (folder / name).write_text(f"#!{sys.executable} -SE\n{source}")
            (folder / name).chmod(0o755)
        self.jobs = []
        self.write()

    def add(self, id, folder, name=RUN, state="RUNNING", comment="rule_candidate", looks=2):
        """A job that is listed `looks` times more once it was cancelled."""
        fields = {"i": id, "j": name, "T": state, "Z": str(folder), "k": comment, "looks": looks}
        self.jobs.append(fields)
        self.write()

    def write(self):
        (self.folder / "queue.json").write_text(json.dumps(self.jobs))

    def list_ids(self):
        return [job["i"] for job in json.loads((self.folder / "queue.json").read_text())]

    def list_cancelled(self):
        """Arguments of each call of scancel."""
        calls = self.folder / "cancelled"
        return calls.read_text().splitlines() if calls.exists() else []

    def count_questions(self):
        """How often squeue was called."""
        calls = self.folder / "asked"
        return len(calls.read_text()) if calls.exists() else 0

    def fail(self, program, text):
        (self.folder / f"{program}_fails").write_text(text)
