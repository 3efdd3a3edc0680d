"""What killed processes have half written is deleted, and nothing else."""

import os
import signal
import subprocess
import sys

from tgas_neuro.runtime.fragments import remove_dead_fragments

WRITING = """
import os, signal, sys
from tgas_neuro.runtime.files import written_whole
for name in sys.argv[1:-1]:
    written_whole(name).__enter__().write_text("half")
written_whole(sys.argv[-1]).__enter__().mkdir()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_killed_processes_left_is_deleted(tmp_path):
    results = tmp_path / "results"
    names = (
        "teacher/one/teacher.nc",
        "search/run/generation_000/candidate_00.json",
        "ledger/results/search/run/generation_000/candidate_00.json.json",
        "images/one/val",  # a folder, as the splits are
    )
    command = [sys.executable, "-c", WRITING, *(str(results / name) for name in names)]
    code = subprocess.run(command, check=False).returncode
    assert code == -signal.SIGKILL
    left = sorted(results.rglob("*.part"))
    assert len(left) == len(names)
    spared = [
        results / f"teacher/one/.ranks.{os.getpid()}-0123abcd.part",  # of a live process
        results / "recordings/one/.data.nwb.0123abcd-999999999-0123abcd.part",  # to be continued
        results / "final/run/work/.checkpoint.pt.999999999-0123abcd.part",
        results / "images/one/train/.a.png",
    ]
    for path in spared:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    remove_dead_fragments(results)
    assert sorted(path for path in results.rglob("*") if path.is_file()) == sorted(spared)
    assert not any(path.exists() for path in left)
    remove_dead_fragments(tmp_path / "no results yet")
