"""The workflow at toy size, in a folder of its own: locally, or on whatever a profile names."""

import base64
import copy
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import yaml
from soak.soak import PROJECT, TOY_RECORDINGS
from soak.soak import TOY as SOAKED
from soak.soak import build_toy as write_toy

SNAKEMAKE = (sys.executable, "-m", "snakemake")
TOY = copy.deepcopy(SOAKED)
TOY["teacher"]["splits"] = 5
TOY["search"] |= {"strategy": "tpe", "generations": 2, "lag": 1}


class Toy:
    """A working directory with a toy configuration, and Snakemake runs in it."""

    snakemake = SNAKEMAKE

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = copy.deepcopy(TOY)
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        }
        write_toy(folder, self.config, TOY_RECORDINGS)

    def build_command(self, *arguments, cores=2):
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.config))
        return [
            *self.snakemake,
            "--snakefile",
            str(PROJECT / "Snakefile"),
            "--directory",
            str(self.folder),
            *([] if cores is None else ["--cores", str(cores)]),
            *arguments,
        ]

    def start(self, *arguments, cores=2):
        with (self.folder / "output.txt").open("a") as output:
            return subprocess.Popen(
                self.build_command(*arguments, cores=cores),
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=output,
            )

    def run(self, *arguments, cores=2, check=True):
        """Run Snakemake to its end; standard output and error in one text."""
        found = subprocess.run(
            self.build_command(*arguments, cores=cores),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert not check or found.returncode == 0, found.stdout[-6000:]
        return found

    def copy_results(self, other):
        """Take the results of another toy, with their times: what is newer is made again."""
        for name in ("results", ".snakemake/metadata"):
            shutil.copytree(other.folder / name, self.folder / name, symlinks=True)

    def copy_beginning(self, other):
        """Take what another toy made before its search."""
        self.copy_results(other)
        results = self.folder / "results"
        for name in ("search", "final"):
            shutil.rmtree(results / name)
        (results / "best_cell.json").unlink()

    def read(self, pattern):
        """Content of the one JSON file that fits the pattern."""
        (path,) = self.folder.glob(pattern)
        return json.loads(path.read_text())

    def read_records(self):
        """All candidate records by id."""
        contents = [
            json.loads(path.read_text())
            for path in self.folder.glob("results/search/*/*/candidate_*.json")
        ]
        return {content["id"]: content for content in contents}

    def kill_when(self, pattern, number):
        """SIGKILL the workflow when it has so many files; the processes that ran below it.

        A file of a job whose end Snakemake has not noticed does not count.
        """
        process = self.start()
        deadline, below = time.monotonic() + 600, []
        while not below or len(self.list_noticed(pattern)) < number:
            assert process.poll() is None, "the workflow ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
            below = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return below

    def list_noticed(self, pattern):
        """Files without Snakemake's mark of what a job is making or was when it was killed."""
        marks = self.folder / ".snakemake/incomplete"
        return [
            path
            for path in self.folder.glob(pattern)
            if not (marks / _encode(path.relative_to(self.folder))).exists()
        ]


def _encode(path):
    """Name of Snakemake's mark of a file."""
    return base64.urlsafe_b64encode(str(path).encode()).decode()
