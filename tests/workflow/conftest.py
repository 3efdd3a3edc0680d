"""The workflow at toy size, in a folder of its own."""

import copy
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

PROJECT = Path(__file__).parents[2]

TOY = {
    "recordings": {
        "regions": {"V4": {"datasets": ["simulated"]}, "IT": {"datasets": ["simulated"]}}
    },
    "teacher": {"splits": 5, "stimuli": {"size": 16, "visual_degrees": 8}},
    "search": {
        "cell": {"blocks": 2},
        "strategy": "tpe",
        "generations": 2,
        "candidates": 3,
        "lag": 1,
        "seed": 3,
    },
    "premature": {
        "data": {"kind": "simulated", "images_per_class": 24},
        "image_size": 16,
        "network": {"filters": 4, "cells_per_stage": 1, "stages": 2},
    },
    "final": {
        "data": {"kind": "simulated", "images_per_class": 24},
        "image_size": 16,
        "network": {"filters": 4, "cells_per_stage": 1, "stages": 2},
        "epochs": 2,
        "threads": 1,
    },
}
TOY_RECORDINGS = {
    "image_size": 32,
    "images_per_object": {"V0": 1, "V3": 0, "V6": 0},
    "sites": {"V4": 30, "IT": 30},
    "repetitions": [6, 10],
}


class Toy:
    """A working directory with a toy configuration, and Snakemake runs in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = copy.deepcopy(TOY)
        self.environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        }
        description = yaml.safe_load((PROJECT / "neural_data/simulated.yaml").read_text())
        description["options"] |= TOY_RECORDINGS
        (folder / "neural_data").mkdir(parents=True)
        (folder / "neural_data/simulated.yaml").write_text(yaml.safe_dump(description))

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
            "--cores",
            str(cores),
            *arguments,
        ]

    def start(self, *arguments, cores=2):
        return subprocess.Popen(
            self.build_command(*arguments, cores=cores),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
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
        """SIGKILL the workflow when so many files are there; the processes that ran below it."""
        process = self.start()
        deadline = time.monotonic() + 300
        while len(list(self.folder.glob(pattern))) < number:
            assert process.poll() is None, "the workflow ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)  # Snakemake has noticed that the jobs of these files are done
        below = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return below


@pytest.fixture(scope="session")
def toy_config():
    """The toy configuration, to be written to a folder of the test's own."""
    return copy.deepcopy(TOY)


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path)


@pytest.fixture(scope="session")
def build_toy():
    """Makes a toy in a folder, for fixtures that live longer than a test."""
    return Toy


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A toy run from beginning to end on two cores; not to be changed."""
    toy = Toy(tmp_path_factory.mktemp("finished"))
    toy.output = toy.run().stdout
    return toy


def drop_cost_and_dates(content):
    """The content without the only keys that may differ between two runs."""
    if isinstance(content, dict):
        return {
            key: drop_cost_and_dates(value)
            for key, value in content.items()
            if key not in ("cost", "dates")
        }
    if isinstance(content, list):
        return [drop_cost_and_dates(value) for value in content]
    return content


@pytest.fixture(scope="session")
def comparable():
    return drop_cost_and_dates
