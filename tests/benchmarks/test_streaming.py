"""The benchmark of the streaming scorer finds it in this checkout and in older ones."""

import json
import subprocess
import sys

import pytest
from support.benchmarks import FOLDER

SCRIPT = """
import sys
sys.path[:0] = sys.argv[1:]
from streaming_inputs import import_ranked, import_scorer
print(import_scorer().__module__, import_ranked().__name__)
"""


def find(*folders):
    command = [sys.executable, "-c", SCRIPT, *map(str, folders), str(FOLDER)]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    return found.stdout.split()


def test_modules_of_either_layout(tmp_path):
    new = [f"tgas_neuro.rdm.streaming.{name}" for name in ("streaming", "ranked")]
    assert find() == new
    rdm = tmp_path / "tgas_neuro/rdm"
    rdm.mkdir(parents=True)
    for path in (rdm.parent / "__init__.py", rdm / "__init__.py", rdm / "ranked.py"):
        path.touch()
    (rdm / "streaming.py").write_text("def compare_features(): ...\n")
    assert find(tmp_path) == ["tgas_neuro.rdm.streaming", "tgas_neuro.rdm.ranked"]


@pytest.mark.parametrize("pairs", [None, 2000])
def test_contestants_take_turns(pairs):
    script = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from streaming import take_turns, HERE;"
        "size = (120, 30, 1); parts = {'all': (HERE.parent, size, None, 1)};"
        "parts |= {'other': (HERE.parent, size, json.loads(sys.argv[2]), 2)};"
        "print(json.dumps(take_turns(parts, 1, 2)))"
    )
    command = [sys.executable, "-c", script, str(FOLDER), json.dumps(pairs)]
    one, other = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert len(one["seconds"]) == len(other["seconds"]) == 2 and one["ratio"] == 1
    if pairs is None:
        assert one["values"] == other["values"]
    else:  # a sample of 7,140 pairs
        assert one["values"] != other["values"]
        assert one["values"] == pytest.approx(other["values"], abs=0.1)
