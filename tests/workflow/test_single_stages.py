"""The commands of docs/single_stages.md, as they stand there: what they run, and nothing more."""

import re
import shutil
import subprocess
import sys
from collections import Counter

import pytest
import yaml
from soak.soak import PROJECT, TOY_RECORDINGS

from tgas_neuro.files import read_json

pytestmark = pytest.mark.workflow

PAGE = (PROJECT / "docs" / "single_stages.md").read_text()
# Snakemake's own way from the first to the last job of a run, once the search has ended
FINAL = {"final": 1, "search_figures": 1, "best_cell": 1, "brainscore": 1}
SHIMS = {
    "snakemake": f'exec "{sys.executable}" -m snakemake --snakefile "$CODE/Snakefile" "$@"',
    # from the cluster of the page; without rsync by what keeps times as well
    "rsync": """
        source=${2/cluster:tgas-neuro/$CLUSTER}
        mkdir -p "$3"
        cp -a "$source" "$3"
    """,
}


def read_page():
    """Heading to its commands (blocks of ``sh``) and files (blocks of ``yaml``), in order."""
    sections = {}
    for text in PAGE.split("\n## ")[1:]:
        blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        sections[text.splitlines()[0]] = {
            kind: [block for found, block in blocks if found == kind] for kind in ("sh", "yaml")
        }
    return sections


SECTIONS = read_page()


class Workplace:
    """A toy's folder in which blocks of the page are run by bash.

    Attributes
    ----------
    toy
        Of `conftest`.
    code
        Folder of Snakefile and rules.
    variables
        RUN and TEACHER, as the page has the user set them.
    """

    def __init__(self, toy, shims):
        self.toy, self.folder, self.code = toy, toy.folder, PROJECT
        self.shims, self.variables = shims, {}

    def run(self, section, number=0, options=""):
        """Run a block; how many jobs of which rule ran, and what was said."""
        command = SECTIONS[section]["sh"][number].rstrip("\n")
        (self.folder / "config.yaml").write_text(yaml.safe_dump(self.toy.config))
        environment = self.toy.environment | self.variables
        environment |= {
            "PATH": f"{self.shims}:{environment['PATH']}",
            "CODE": str(self.code),
        }
        found = subprocess.run(
            ["bash", "-euc", command + options],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert found.returncode == 0, found.stdout[-6000:]
        return count_jobs(found.stdout, bool(options)), found.stdout

    def write(self, section, changes=None):
        """Write a file of the page, with the names and changes of this test."""
        (text,) = SECTIONS[section]["yaml"]
        name = re.match(r"# (\S+\.yaml), laid over config.yaml\n", text).group(1)
        content = yaml.safe_load(text.replace("cell_tpe-0123abcd", self.variables["RUN"]))
        (self.folder / name).write_text(yaml.safe_dump(content | (changes or {})))

    def read_records(self, run):
        paths = sorted(self.folder.glob(f"results/search/{run}/generation_*/candidate_*.json"))
        return {record["id"]: record for record in map(read_json, paths)}

    def list_files(self, *stages):
        """Times of files of these stages' results."""
        folders = [self.folder / "results" / stage for stage in stages]
        return {
            path: path.stat().st_mtime_ns
            for folder in folders
            for path in folder.rglob("*")
            if path.is_file()
        }


def count_jobs(output, dry=False):
    """Rule to its jobs in Snakemake's tables, but for the targets, which do nothing."""
    jobs = Counter()
    for table in re.findall(r"^job +count\n-.*\n((?:\w+ +\d+\n)+)", output, re.MULTILINE):
        for line in table.splitlines():
            name, number = line.split()
            jobs[name] += int(number)
    if dry:  # says it at the beginning and at the end
        jobs = Counter({name: number // 2 for name, number in jobs.items()})
    return {n: k for n, k in jobs.items() if n not in ("total", "all", "recordings")}


@pytest.fixture(scope="module")
def shims(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shims")
    for name, text in SHIMS.items():
        (folder / name).write_text(f"#!/usr/bin/env bash\nset -eu\n{text}\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def begin(build_toy, shims, tmp_path):
    """Makes a workplace without results."""

    def make(name):
        (tmp_path / name).mkdir()
        return Workplace(build_toy(tmp_path / name), shims)

    return make


@pytest.fixture
def copied(finished, begin):
    """Makes a workplace with the results of the finished run, times and Snakemake's notes kept."""

    def make(name):
        place = begin(name)
        for folder in ("results", ".snakemake"):
            shutil.copytree(finished.folder / folder, place.folder / folder)
        (run,), (teacher,) = (
            (place.folder / "results" / stage).iterdir() for stage in ("search", "teacher")
        )
        place.variables = {"RUN": run.name, "TEACHER": teacher.name}
        return place

    return make


def test_every_block_of_the_page_is_run_here():
    """A new one needs a line here and a test below."""
    assert {title: len(blocks["sh"]) for title, blocks in SECTIONS.items()} == {
        "Recordings only": 1,
        "Teacher only": 1,
        "One candidate again": 1,
        "One generation again": 2,
        "Search on a cluster, final at home": 2,
        "Another alpha": 2,
        "Another teacher on kept weights": 2,
        "Another data set, with the old results kept": 2,
    }


def test_recordings_then_the_teacher(begin):
    place = begin("work")
    jobs, _ = place.run("Recordings only")
    assert jobs == {"recordings_responses": 1}
    made = place.list_files("recordings")
    stages = {path.name for path in (place.folder / "results").iterdir()}
    assert stages == {"recordings", "search", "benchmarks", "logs"}
    jobs, _ = place.run("Teacher only")
    assert jobs == {"teacher": 1}
    assert place.list_files("recordings") == made
    assert [path.name for path in place.list_files("teacher")] == ["teacher.nc"]
    # Snakemake's start noted how long the search is to be
    assert [path.name for path in place.list_files("search")] == ["run.json"]


def test_candidates_again_and_what_follows(copied, finished, comparable):
    place = copied("work")
    run = place.variables["RUN"]
    first = place.read_records(run)
    jobs, _ = place.run("One candidate again")
    assert jobs == {"candidate": 1}
    second = place.read_records(run)
    assert list_changed(first, second) == ["g000_c01"]
    # of several in one job this one alone
    place.toy.config["search"]["candidates_per_job"] = 3
    jobs, _ = place.run("One candidate again")
    assert jobs == {"candidates_00": 1}
    third = place.read_records(run)
    assert list_changed(second, third) == ["g000_c01"]
    place.toy.config["search"]["candidates_per_job"] = 1
    # what the page warns of: the next generation would be trained as well
    jobs, _ = place.run("One generation again", 1, " --dry-run")
    assert jobs["candidate"] == 3
    jobs, _ = place.run("One generation again")
    assert jobs == {"candidate": 3}
    fourth = place.read_records(run)
    assert list_changed(third, fourth) == ["g001_c00", "g001_c01", "g001_c02"]
    jobs, output = place.run("One generation again", 1)
    assert jobs == {"history": 2, "proposals": 1, "best": 1, **FINAL}
    assert "final: going on after epoch 2 of 2" in output
    assert place.read_records(run) == fourth
    assert comparable(fourth) == comparable(first)
    before, after = (
        read_json(f / "results/best_cell.json") for f in (finished.folder, place.folder)
    )
    assert comparable(after) == comparable(before)
    assert after["cost"]["search"] != before["cost"]["search"]


def list_changed(before, after):
    assert before.keys() == after.keys()
    return [name for name in before if before[name] != after[name]]


def test_the_final_stage_at_home(copied, begin, finished, comparable):
    cluster = copied("cluster")
    for path in (cluster.folder / "results").glob("best_cell*"):
        path.unlink()
    for stage in ("final", "figures", "brainscore"):
        shutil.rmtree(cluster.folder / "results" / stage)
    (best,) = cluster.folder.glob("results/search/*/best.json")
    best.unlink()
    jobs, _ = cluster.run("Search on a cluster, final at home")
    assert jobs == {"best": 1}
    home = begin("home")
    home.variables = {"CLUSTER": str(cluster.folder)}
    home.code = home.folder
    for folder in ("workflow", "profiles"):  # a clone made after the search
        shutil.copytree(PROJECT / folder, home.folder / folder, copy_function=shutil.copyfile)
    shutil.copyfile(PROJECT / "Snakefile", home.folder / "Snakefile")
    jobs, _ = home.run("Search on a cluster, final at home", 1)
    assert jobs == {"teacher_figure": 2, **FINAL}
    stages = ("recordings", "teacher", "search", "images")
    assert {p.relative_to(home.folder): t for p, t in home.list_files(*stages).items()} == {
        p.relative_to(cluster.folder): t for p, t in cluster.list_files(*stages).items()
    }
    results = [read_json(f / "results/best_cell.json") for f in (home.folder, finished.folder)]
    assert comparable(results[0]) == comparable(results[1])
    # what the page warns of: by their code all results are older than the clone
    assert home.toy.run("--dry-run").stdout.count("rule candidate:") in (0, 6)


def test_alpha_teacher_and_data_set(copied, finished, comparable):
    place = copied("work")
    old = place.variables["RUN"]
    result = (place.folder / "results/best_cell.json").read_bytes()
    everything = place.list_files("recordings", "teacher", "search", "final", "images")
    _, output = place.run("Another alpha")
    assert "ranked by P + 2 x TG (crossed); it was P + 1 x TG (crossed)" in output
    assert place.list_files("recordings", "teacher", "search", "final", "images") == everything

    place.toy.config["search"]["keep_weights"] = True
    place.write("Another alpha")
    jobs, _ = place.run("Another alpha", 1)
    assert jobs == {"reused": 1, "proposals": 1, "candidate": 1, "history": 1, "best": 1, **FINAL}
    best = read_json(place.folder / "results/best_cell.json")
    new = best["search"]["name"]
    records = {f"{old}/{name}": record for name, record in place.read_records(old).items()}
    records |= place.read_records(new)
    rewards = {
        name: record["premature"]["accuracy"] + 2 * record["teacher"]["TG"]["crossed"]
        for name, record in records.items()
    }
    assert best["alpha"] == 2.0
    assert best["id"] == max(rewards, key=rewards.get)
    assert best["reward"] == pytest.approx(max(rewards.values()))

    (place.folder / "neural_data/cowley2023_v4.yaml").write_text(describe_other_recordings())
    place.write("Another teacher on kept weights")
    jobs, _ = place.run("Another teacher on kept weights")
    assert jobs == {"recordings_responses": 1, "teacher": 1, "teacher_ranks": 1}
    check_rescoring(place, new)

    del place.toy.config["search"]["keep_weights"]
    place.write("Another teacher on kept weights", {"search": {"generations": 1, "candidates": 1}})
    jobs, _ = place.run("Another data set, with the old results kept")
    assert jobs == {
        "teacher_figure": 2, "proposals": 1, "candidate": 1, "history": 1, "best": 1, **FINAL
    }  # fmt: skip
    other = read_json(place.folder / "results/best_cell.json")
    assert other["teacher"]["regions"]["V4"]["datasets"] == ["cowley2023_v4"]
    assert other["teacher"]["regions"]["IT"]["datasets"] == ["simulated"]
    jobs, _ = place.run("Another data set, with the old results kept", 1)
    assert jobs == {"best_cell": 1, "brainscore": 1}
    assert (place.folder / "results/best_cell.json").read_bytes() == result
    now = place.list_files("recordings", "teacher", "search", "final", "images")
    assert now.items() >= everything.items()


def describe_other_recordings():
    """Simulated ones under the name that the page has, of other sites and fewer stimuli."""
    description = yaml.safe_load((PROJECT / "neural_data/simulated.yaml").read_text())
    description["options"] |= TOY_RECORDINGS | {"seed": 5}
    return yaml.safe_dump(description | {"name": "cowley2023_v4"})


def check_rescoring(place, run):
    """By the run's own teacher exactly the record's TG; by the other one another."""
    own = place.variables["TEACHER"]
    (other,) = {path.name for path in (place.folder / "results/teacher").iterdir()} - {own}
    (record,) = place.read_records(run).values()
    before = place.list_files("search")
    for teacher in (own, other):
        place.variables |= {"RUN": run, "TEACHER": teacher}
        jobs, output = place.run("Another teacher on kept weights", 1)
        assert jobs == {}
        assert f"run {run}, teacher {teacher}" in output
        path = place.folder / f"results/search/{run}/rescored_{teacher}.json"
        score = read_json(path)["scores"][record["id"]]
        found = {key: score[key] for key in ("TG", "regions")}
        assert (found == record["teacher"]) is (teacher == own)
        before[path] = path.stat().st_mtime_ns
    assert place.list_files("search") == before
