"""Commands of a page of docs/, run as they stand there in the folder of a toy."""

import re
import shlex
from collections import Counter

import yaml
from soak.soak import PROJECT

from support.commands import run_printed
from support.pages import FENCED
from support.toy_run import SNAKEMAKE
from tgas_neuro.runtime.files import read_json

SHIMS = {
    "snakemake": 'exec {snakemake} --snakefile "$CODE/Snakefile" "$@"',
    # from the cluster of the page; without rsync by what keeps times as well
    "rsync": """
        source=${2/cluster:tgas-neuro/$CLUSTER}
        mkdir -p "$3"
        cp -a "$source" "$3"
    """,
}


def read_page(page):
    """Heading to its commands (blocks of ``sh``) and files (blocks of ``yaml``), in order."""
    sections = {}
    for text in page.read_text(encoding="utf-8").split("\n## ")[1:]:
        blocks = FENCED.findall(text)
        sections[text.splitlines()[0]] = {
            kind: [block for found, block in blocks if found == kind] for kind in ("sh", "yaml")
        }
    return sections


class Workplace:
    """A toy's folder in which blocks of the page are run by bash.

    Attributes
    ----------
    toy
        Of `conftest`.
    code
        Folder of Snakefile and rules.
    sections
        Of the page, see `read_page`.
    variables
        RUN and TEACHER, as the page has the user set them.
    """

    def __init__(self, toy, shims, page):
        self.toy, self.folder, self.code = toy, toy.folder, PROJECT
        self.shims, self.sections, self.variables = shims, read_page(page), {}

    def run(self, section, number=0):
        """Run a block of the page (see `call`)."""
        return self.call(self.sections[section]["sh"][number])

    def call(self, command):
        """Run a command; how many jobs of which rule ran or would run, and what was said."""
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.toy.config))
        environment = self.toy.environment | self.variables
        environment |= {
            "PATH": f"{self.shims}:{environment['PATH']}",
            "CODE": str(self.code),
            "TGAS_CONSOLE": "snakemake",  # whose tables name the jobs
        }
        printed = run_printed(["bash", "-euc", command], self.folder, environment)
        return count_jobs(printed), printed

    def write(self, section, changes=None):
        """Write a file of the page, with the names and changes of this test."""
        (text,) = self.sections[section]["yaml"]
        name = re.match(r"# (\S+\.yaml), laid over config.yaml\n", text).group(1)
        content = yaml.safe_load(text.replace("cell_tpe-0123abcd", self.variables["RUN"]))
        (self.folder / name).write_text(yaml.safe_dump(content | (changes or {})))

    def read_records(self, run):
        paths = sorted(self.folder.glob(f"results/search/{run}/generation_*/candidate_*.json"))
        return {record["id"]: record for record in map(read_json, paths)}

    def list_files(self, *stages):
        """Times of files of these stages' results, but for the note of each start, run.json."""
        folders = [self.folder / "results" / stage for stage in stages]
        return {
            path: path.stat().st_mtime_ns
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file() and path.name != "run.json"
        }


def count_jobs(output):
    """Rule to its jobs in Snakemake's tables, but for the targets, which do nothing."""
    jobs = Counter()
    for table in re.findall(r"^job +count\n-.*\n((?:\w+ +\d+\n)+)", output, re.MULTILINE):
        for line in table.splitlines():
            name, number = line.split()
            jobs[name] += int(number)
    if "This was a dry-run" in output:  # the table stands at the beginning and at the end
        jobs = Counter({name: number // 2 for name, number in jobs.items()})
    return {n: k for n, k in jobs.items() if n not in ("total", "all", "recordings")}


def write_shims(folder, snakemake=SNAKEMAKE):
    """Commands that stand before the user's own in PATH; `snakemake` is its list of arguments."""
    for name, text in SHIMS.items():
        text = text.replace("{snakemake}", shlex.join(snakemake))
        (folder / name).write_text(f"#!/usr/bin/env bash\nset -eu\n{text}\n")
        (folder / name).chmod(0o755)
    return folder
