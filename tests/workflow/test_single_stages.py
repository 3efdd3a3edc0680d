"""The commands of docs/single_stages.md, as they stand there: what they run, and nothing more."""

import shutil

import pytest
import yaml
from soak.soak import PROJECT, TOY_RECORDINGS
from support.page_commands import Workplace, read_page, write_shims
from support.slurm_queue import Queue

from tgas_neuro.runtime.files import read_json

pytestmark = [pytest.mark.workflow, pytest.mark.usefixtures("warm")]

PAGE = PROJECT / "docs" / "single_stages.md"
# Snakemake's own way from the first to the last job of a run, once the search has ended
FINAL = dict.fromkeys(
    (
        "final",
        "final_teacher_guidance",
        "layer_rdms",
        "search_figures",
        "final_figures",
        "best_cell",
        "run_report",
        "brainscore",
    ),
    1,
)


@pytest.fixture(scope="module")
def shims(tmp_path_factory, warm_snakemake):
    return write_shims(tmp_path_factory.mktemp("shims"), warm_snakemake)


@pytest.fixture
def begin(build_toy, shims, tmp_path):
    """Makes a workplace without results."""

    def make(name):
        (tmp_path / name).mkdir()
        return Workplace(build_toy(tmp_path / name), shims, PAGE)

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
    assert {title: len(blocks["sh"]) for title, blocks in read_page(PAGE).items()} == {
        "Recordings only": 1,
        "Teacher only": 1,
        "One candidate again": 1,
        "One generation again": 2,
        "Search on a cluster, final at home": 2,
        "Another alpha": 2,
        "Another teacher on kept weights": 2,
        "Another data set, with the old results kept": 2,
        "After the submitting process was killed": 3,
    }


def test_recordings_then_the_teacher(begin):
    place = begin("work")
    jobs, _ = place.run("Recordings only")
    assert jobs == {"recordings_responses": 1}
    made = place.list_files("recordings")
    stages = {path.name for path in (place.folder / "results").iterdir()}
    assert stages == {"recordings", "search", "benchmarks", "ledger", "logs"}
    jobs, _ = place.run("Teacher only")
    assert jobs == {"teacher": 1}
    assert place.list_files("recordings") == made
    assert [path.name for path in place.list_files("teacher")] == ["teacher.nc"]
    assert not place.list_files("search")


def test_candidates_again_and_what_follows(copied, finished, comparable):
    place = copied("work")
    run = place.variables["RUN"]
    records = [place.read_records(run)]
    jobs, _ = place.run("One generation again")
    assert jobs == {"candidate": 3}
    records.append(place.read_records(run))
    assert list_changed(*records[-2:]) == ["g001_c00", "g001_c01", "g001_c02"]
    jobs, _ = place.run("One candidate again")
    assert jobs == {"candidate": 1}
    records.append(place.read_records(run))
    assert list_changed(*records[-2:]) == ["g000_c01"]
    # of several in one job this one alone
    place.toy.config["search"]["candidates_per_job"] = 3
    jobs, _ = place.run("One candidate again")
    assert jobs == {"candidates_00": 1}
    records.append(place.read_records(run))
    assert list_changed(*records[-2:]) == ["g000_c01"]
    place.toy.config["search"]["candidates_per_job"] = 1
    # what the page warns of: the next generation would be trained as well
    jobs, _ = place.call("snakemake --cores 2 --dry-run")
    assert jobs["candidate"] == 3
    jobs, output = place.run("One generation again", 1)
    assert jobs == {"history": 2, "proposals": 1, "best": 1, **FINAL}
    assert "final: going on after epoch 2 of 2" in output
    assert place.read_records(run) == records[-1]
    assert comparable(records[-1]) == comparable(records[0])
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
    for file in ("Snakefile", "environment.yml"):
        shutil.copyfile(PROJECT / file, home.folder / file)
    jobs, _ = home.run("Search on a cluster, final at home", 1)
    assert jobs == {"teacher_figure": 2, **FINAL}
    stages = ("recordings", "teacher", "search", "images")
    assert {p.relative_to(home.folder): t for p, t in home.list_files(*stages).items()} == {
        p.relative_to(cluster.folder): t for p, t in cluster.list_files(*stages).items()
    }
    results = [read_json(f / "results/best_cell.json") for f in (home.folder, finished.folder)]
    assert comparable(results[0]) == comparable(results[1])
    # every script is newer than the results that came from the cluster, and Snakemake would see it
    jobs, _ = home.call("snakemake --cores 2 --dry-run")
    assert jobs == {}
    jobs, _ = home.call("snakemake --cores 2 --dry-run --rerun-triggers code")
    assert jobs["candidate"] == 6


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
        "teacher_figure": 1, "proposals": 1, "candidate": 1, "history": 1, "best": 1, **FINAL
    }  # fmt: skip
    other = read_json(place.folder / "results/best_cell.json")
    assert list(other["teacher"]["regions"]) == ["V4"]
    assert other["teacher"]["regions"]["V4"]["datasets"] == ["cowley2023_v4"]
    jobs, _ = place.run("Another data set, with the old results kept", 1)
    assert jobs == {"best_cell": 1, "run_report": 1, "brainscore": 1}
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


def test_after_the_submitting_process_was_killed(copied):
    place = copied("work")
    queue = Queue(place.folder / "slurm")
    queue.add("11", place.folder)
    queue.add("12", place.folder.parent)
    place.toy.environment["PATH"] = f"{queue.folder}:{place.toy.environment['PATH']}"
    locks = place.folder / ".snakemake/locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text(f"{place.folder / 'results/best_cell.json'}\n")
    (place.folder / "results/best_cell.json").unlink()
    section = "After the submitting process was killed"
    _, output = place.run(section)
    assert [line.split()[0] for line in output.splitlines()[:2]] == ["job", "11"]
    assert queue.list_ids() == ["11", "12"]
    place.run(section, 1)
    assert queue.list_ids() == ["12"]
    assert not locks.exists()
    jobs, _ = place.run(section, 2)
    assert jobs == {"best_cell": 1, "run_report": 1, "brainscore": 1}
