"""The workflow at toy size, in a folder of its own: locally, or on whatever a profile names."""

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

TOY = copy.deepcopy(SOAKED)
TOY["teacher"]["splits"] = 5
TOY["search"] |= {"strategy": "tpe", "generations": 2, "lag": 1}


class Toy:
    """A working directory with a toy configuration, and Snakemake runs in it."""

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
            sys.executable,
            "-m",
            "snakemake",
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

    def kill_when(self, pattern, number, later=1.0):
        """SIGKILL the workflow when so many files are there; the processes that ran below it.

        By default `later` is enough for Snakemake to notice that the jobs of these files are done.
        """
        process = self.start()
        deadline = time.monotonic() + 300
        while len(list(self.folder.glob(pattern))) < number:
            assert process.poll() is None, "the workflow ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(later)
        below = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return below
