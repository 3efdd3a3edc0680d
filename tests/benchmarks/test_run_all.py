"""One command for all benchmarks: forms, failures and absences are said, and ratios compared."""

import json

import pytest
from support.benchmarks import FOLDER, import_scripts

WRITING = """
import json, sys
from pathlib import Path
rows = [{"size": [2, 3], "contestant": "tgas-neuro", "ratio": 1.0},
        {"size": [2, 3], "contestant": "peer", "ratio": 4.0, "others": 0.7},
        {"work": "step", "ratios": {"timm": 1.25, "itself": 1}},
        {"size": [2, 3], "contestant": "other peer", "failed": "not installed"}]
Path(sys.argv[sys.argv.index("--output") + 1], "fast.json").write_text(json.dumps({"rows": rows}))
"""


@pytest.fixture(scope="module")
def run_all():
    return import_scripts("run_all")[0]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "results").mkdir()
    before = {"rows": [{"size": [2, 3], "contestant": "peer", "ratio": 3.5}]}
    (tmp_path / "results/fast.json").write_text(json.dumps(before))
    (tmp_path / "fast.py").write_text(WRITING)
    (tmp_path / "broken.py").write_text("raise SystemExit(3)")
    (tmp_path / "ours.py").write_text(WRITING.replace("other peer", "tgas-neuro, warm"))
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(600)")
    return tmp_path


def test_each_ratio_lies_beside_the_earlier_one_and_the_target(run_all, folder, capfd):
    one = run_all.Benchmark("fast", 1, form="short", targets={"*2 x 3, peer*": "5"})
    assert run_all.run_all([one], folder, folder / "new") == 0
    output = capfd.readouterr().out
    assert "| fast | 2 x 3, peer | 4.00 | 3.50 | 5 |" in output
    assert "| fast | 2 x 3, other peer: not installed | failed |  |  |" in output
    assert "| fast | step, timm | 1.25 |  |  |" in output
    assert "itself" not in output
    assert "| fast | short |" in output
    assert "The machine was busy: other processes used up to 0.7 cores." in output
    assert [path.name for path in (folder / "new").iterdir()] == ["fast-part.json"]
    assert json.loads((folder / "new/fast-part.json").read_text())["rows"][1]["ratio"] == 4.0


def test_a_failure_stops_nothing_and_is_said(run_all, folder, capfd, monkeypatch):
    monkeypatch.setattr(run_all, "PATIENCE", 1)
    benchmarks = [
        run_all.Benchmark("broken", 1),
        run_all.Benchmark("absent", 1, absent="needs a GPU"),
        run_all.Benchmark("endless", 0.01),
        run_all.Benchmark("ours", 1),
        run_all.Benchmark("fast", 1),
    ]
    assert run_all.run_all(benchmarks, folder, folder / "results") == 1
    lines = capfd.readouterr().out.splitlines()
    ends = {line.split(" | ")[0][2:]: line.split(" | ")[-1][:-2] for line in lines if " | " in line}
    assert ends["broken"] == "exit code 3"
    assert ends["endless"] == "not done after 0 min"
    assert ends["ours"] == "2 x 3, tgas-neuro, warm: not installed"
    assert ends["fast"] == "well"
    assert lines.count("absent is left out: needs a GPU") == 2
    assert json.loads((folder / "results/fast.json").read_text())["rows"][1]["ratio"] == 4.0


def test_every_benchmark_is_run_or_left_out_with_a_reason(run_all):
    listed = {one.script: one for one in run_all.list_benchmarks()}
    alone = {path.stem for path in FOLDER.glob("*.py") if "add_argument" in path.read_text()}
    no_times = {"redraw", "trace_one_count"}
    assert alone - {"run_all"} - no_times == set(listed)
    assert sum(one.budget for one in listed.values() if not one.absent) <= 30
    assert all(one.absent or one.budget for one in listed.values())


def test_an_unknown_name_is_refused(run_all, capsys):
    with pytest.raises(SystemExit):
        run_all.main(["--only", "rdms"])
    assert "'rdms' is no benchmark; there are: rdm, streaming" in capsys.readouterr().err
