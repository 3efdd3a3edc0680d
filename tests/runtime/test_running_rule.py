"""How the script of a rule ends: one line for the user where the cause is his or the machine's."""

import errno
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.processes import running_rule


def end(tmp_path, capsys, error):
    """Exit code and lines of a rule that raises an error, and its log."""
    with pytest.raises(SystemExit) as found, running_rule(tmp_path / "logs/rule.log") as report:
        report("half is done")
        raise error
    lines = capsys.readouterr().err.splitlines()
    assert (tmp_path / "logs/rule.log").read_text().splitlines() == lines
    return found.value.code, lines


@pytest.mark.parametrize(
    "error, code, said",
    [
        (UserError("search.seed: is missing"), 1, "Error: search.seed: is missing"),
        (
            OSError(errno.EDQUOT, "Disk quota exceeded", "results/a.nc"),
            1,
            "Error: results/a.nc: the disk is full, or the quota is used up (OSError: [Errno ",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "results/a.nc"),
            1,
            "Error: results/a.nc: Read-only file system; correct its permissions, and the same",
        ),
        (KeyboardInterrupt(), 130, "Interrupted; nothing that is finished is lost, the same"),
    ],
)
def test_one_line(tmp_path, capsys, error, code, said):
    found, (first, line) = end(tmp_path, capsys, error)
    assert (found, first) == (code, "half is done")
    assert line.startswith(said)


def test_a_library_that_does_not_say_that_the_disk_is_full(tmp_path, capsys, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 0))
    _, (_, line) = end(tmp_path, capsys, RuntimeError("NetCDF: HDF error\nat line 7"))
    assert "the disk is full, or the quota is used up (RuntimeError: NetCDF: HDF error; 0.0" in line


def test_an_error_of_ours_keeps_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), running_rule(tmp_path / "rule.log"):
        1 / 0  # noqa: B018
    assert "ZeroDivisionError" in (tmp_path / "rule.log").read_text()


def test_a_log_that_cannot_be_written_does_not_hide_the_cause(tmp_path, capsys):
    (tmp_path / "logs").write_text("a file in the place of the folder")
    with pytest.raises(SystemExit), running_rule(tmp_path / "logs/rule.log"):
        raise UserError("the cause")
    assert capsys.readouterr().err == "Error: the cause\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux's")
def test_a_disk_without_room(tmp_path):
    script = (
        "from tgas_neuro.runtime.processes import running_rule\n"
        "with running_rule('/dev/full') as report, open('/dev/full', 'w') as file:\n"
        "    file.write('a')\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    (line,) = found.stderr.splitlines()
    assert found.returncode == 1
    assert "the disk is full" in line and "No space left on device" in line


def test_ctrl_c(tmp_path):
    script = (
        "import time\n"
        "from tgas_neuro.runtime.processes import running_rule\n"
        "with running_rule('rule.log') as report:\n"
        "    report('begins')\n"
        "    time.sleep(600)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr.readline() == "begins\n"
    process.send_signal(signal.SIGINT)
    (line,) = process.stderr.read().splitlines()
    assert line.startswith("Interrupted; ")
    assert process.wait() == 130
