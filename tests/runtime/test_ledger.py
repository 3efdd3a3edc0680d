"""The ledger: a changed file is noticed by who reads it; equal runs have equal roots."""

import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.ledger import RECORD, make, make_chain

from tgas_neuro.runtime.errors import UserError
from tgas_neuro.runtime.ledger import (
    LEDGER,
    calc_content_digest,
    check_source,
    is_whole,
    load_entry,
    noted,
)


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    """A run's folder, with recordings of the user's outside of it."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own/a.npy").write_bytes(b"spikes")
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")


def test_a_digest_is_that_of_hashlib(tmp_path):
    assert calc_content_digest("../own/a.npy") == hashlib.sha256(b"spikes").hexdigest()
    folder = tmp_path / "folder"
    (folder / "class").mkdir(parents=True)
    (folder / "class/im.png").write_bytes(b"image")
    (folder / ".snakemake_timestamp").touch()
    line = f"{hashlib.sha256(b'image').hexdigest()} class/im.png\n"
    assert calc_content_digest(folder) == hashlib.sha256(line.encode()).hexdigest()
    (folder / "class/im.png").rename(folder / "class/other.png")
    assert calc_content_digest(folder) != hashlib.sha256(line.encode()).hexdigest()


def test_the_root_depends_on_all_that_counts_and_on_nothing_else():
    root = make_chain()
    assert make_chain() == root
    other = json.loads(json.dumps(RECORD))
    other["cost"]["seconds"], other["list"][0]["dates"] = 4.0, "tomorrow"
    assert make_chain(other) == root
    other["list"][0]["TG"] = 0.2
    assert make_chain(other) != root
    Path("../own/a.npy").write_bytes(b"other")
    assert make_chain() != root


@pytest.mark.parametrize("path", ["results/assembly.nc", "results/record.json"])
def test_one_changed_byte_stops_who_reads_it(path):
    make_chain()
    content, times = bytearray(Path(path).read_bytes()), Path(path).stat()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        Path(path).write_bytes(changed)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert not is_whole(path)
    rule = load_entry(path).rule
    with pytest.raises(
        UserError, match=rf"^{path}: was changed after the rule {rule} .*rm -r"
    ) as told:
        make("later", [path], {"results/later.json": {}})
    assert not Path("results/later.json").exists()
    assert "\n" not in str(told.value)
    Path(path).write_bytes(content)
    assert is_whole(path)


def test_one_changed_byte_of_the_ledger_is_noticed():
    make_chain()
    path = LEDGER / "results/record.json.json"
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        try:
            same = json.loads(changed) == json.loads(content)
        except ValueError:
            same = False
        assert is_whole("results/record.json") == same  # a blank among blanks changes nothing
    path.write_bytes(b"{}")
    with pytest.raises(
        UserError, match=r"this entry of the ledger is damaged; .*rm -r 'results/re"
    ):
        check_source("results/record.json")


def test_what_no_rule_has_written_has_its_own_digest():
    source = check_source("../own/a.npy")
    assert source.digest == source.chain == hashlib.sha256(b"spikes").hexdigest()
    assert source.state.size == 6
    assert not list(Path().rglob("a.npy*"))  # nothing is written outside of the run's folder


def test_a_job_that_fails_notes_nothing():
    job = SimpleNamespace(rule="r", input=[], output=["results/a.json"], params={})
    with pytest.raises(ZeroDivisionError), noted(job):
        raise ZeroDivisionError
    assert load_entry("results/a.json") is None
