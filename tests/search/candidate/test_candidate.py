"""Why a candidate stopped; jobs of several: which go together, what is kept, when it counts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tgas_neuro.config.premature import Premature
from tgas_neuro.config.search import Search
from tgas_neuro.runtime.files import read_json, write_json
from tgas_neuro.runtime.ledger import Source, calc_root, is_whole, load_entry, write_entry
from tgas_neuro.runtime.provenance import build_provenance
from tgas_neuro.search.candidate import Inputs, kept, list_batches
from tgas_neuro.search.candidate.kept import (
    drop_kept,
    drop_noticed,
    keep_cut_batches,
    keep_record,
    make_kept_record,
)
from tgas_neuro.search.history import describe_stop

DIGESTS = {"teacher": "t", "search": "s"}
PROPOSAL = {"id": "g000_c01", "genotype": {"space": "cell"}, "original": None}
RECORD = PROPOSAL | {
    "provenance": build_provenance(5, images="of the images", **DIGESTS),
    "state": "ok",
}


@pytest.mark.parametrize(
    ("candidates", "together", "expected"),
    [
        (3, 1, [["00"], ["01"], ["02"]]),
        (5, 2, [["00", "01"], ["02", "03"], ["04"]]),
        (2, 9, [["00", "01"]]),
    ],
)
def test_batches(candidates, together, expected):
    assert list_batches(candidates, together) == expected


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes a record, or takes up the one that is kept; says which."""
    write_json(tmp_path / "classes.json", {"classes": ["a"], "digest": "of the images"})
    monkeypatch.setattr(kept, "make_record", lambda *_: RECORD | {"state": "made anew"})

    def call(proposal=PROPOSAL, seed=5, digests=DIGESTS, weights=None, root="root"):
        search, premature = Search(seed=seed), Premature(data={"kind": "simulated"})
        inputs = Inputs(tmp_path, tmp_path / "teacher.nc", tmp_path / "ranks")
        sections = (search, premature)
        record = make_kept_record(tmp_path, root, proposal, [], *sections, inputs, weights, digests)
        assert "made_from" not in record
        return record["state"]

    return call


def test_a_kept_record_is_taken_up(tmp_path, make):
    keep_record(tmp_path, RECORD, "root")
    assert make() == "ok"
    drop_kept(tmp_path, ["g000_c01", "g000_c02"])
    assert make() == "made anew"
    assert make() == "made anew"  # kept as it was made


@pytest.mark.parametrize(
    "other",
    [
        {"proposal": PROPOSAL | {"genotype": {"space": "chain"}}},
        {"proposal": PROPOSAL | {"original": "g000_c00"}},
        {"seed": 6},
        {"digests": DIGESTS | {"teacher": "another"}},
        {"root": "with the teacher of other recordings"},
    ],
)
def test_the_record_of_something_else_is_not(tmp_path, make, other):
    keep_record(tmp_path, RECORD, "root")
    assert make(**other) == "made anew"


def test_other_weights_than_were_kept_with_it_count(tmp_path, make, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weights = Path("results/search/run/weights/g000_c01.pt")
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"trained")
    assert make(weights=weights) == "made anew"
    assert is_whole(weights) and load_entry(weights).rule == "candidate"
    keep_record(tmp_path, RECORD, "root")
    assert make(weights=weights) == "ok"
    weights.write_bytes(b"trainee")
    assert make(weights=weights) == "made anew"


def test_other_images_count(tmp_path, make):
    keep_record(tmp_path, RECORD, "root")
    write_json(tmp_path / "classes.json", {"classes": ["a"], "digest": "of other images"})
    assert make() == "made anew"


def test_records_of_cut_batches_are_kept(tmp_path, monkeypatch):
    """Of a batch with some records; not of one with all, which Snakemake leaves alone."""
    monkeypatch.chdir(tmp_path)
    run, sources = Path("results/search/run"), {"teacher.nc": Source("digest", "chain")}
    for name in ("g000_c00", "g000_c01", "g000_c02", "g001_c03", "g002_c00"):
        path = run / f"generation_{name[1:4]}" / f"candidate_{name[-2:]}.json"
        write_json(path, RECORD | {"id": name})
        if name != "g002_c00":  # its job was killed before it noted it
            write_entry(path, "candidates", "params", sources)
    keep_cut_batches(run, list_batches(4, 2))
    names = sorted(path.name for path in (run / "kept").iterdir())
    assert names == ["g000_c02.json", "g001_c03.json"]
    expected = RECORD | {"id": "g000_c02", "made_from": calc_root(sources)}
    assert read_json(run / "kept/g000_c02.json") == expected
    keep_cut_batches(tmp_path / "a_run_that_is_not_there", list_batches(4, 2))


def test_one_a_job_keeps_nothing(tmp_path):
    (tmp_path / "generation_000").mkdir()
    write_json(tmp_path / "generation_000/candidate_00.json", RECORD)
    keep_cut_batches(tmp_path, list_batches(3, 1))
    assert not (tmp_path / "kept").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_what_is_imported_once_can_be_forked_and_is_all():
    """No thread but the first; and a network and its optimizer load no library any more."""
    code = (
        "import os, sys\n"
        "from tgas_neuro.search.candidate import import_once\n"
        "assert 'torch' not in sys.modules\n"
        "import_once()\n"
        "print('torch' in sys.modules, len(os.listdir('/proc/self/task')))\n"
        "import torch\n"
        "from tgas_neuro.architecture.cell.published import PNASNET5\n"
        "from tgas_neuro.architecture.skeleton import Skeleton\n"
        "from tgas_neuro.search.candidate.evaluation import set_up_torch, build_network\n"
        "loaded = set(sys.modules)\n"
        "set_up_torch(1)\n"
        "network = build_network(PNASNET5, Skeleton(4, 1, 2, 3, 8), torch.Generator())\n"
        "torch.optim.SGD(network.parameters(), lr=0.1)\n"
        "later = set(sys.modules) - loaded\n"
        "print(torch.are_deterministic_algorithms_enabled())\n"
        "print(*(name for name in later if not name.startswith('tgas_neuro.')))\n"
    )
    variables = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=variables
    )
    assert found.stdout.split() == ["True", "1", "True"], found.stderr + found.stdout


def test_the_reason_of_a_stop():
    rung = {"epoch": 0.5, "value": 0.25, "threshold": 0.5, "of": 12}
    assert describe_stop([rung]) == (
        "0.250 after 0.5 epochs, 0.500 was needed there to be among the best of 12 candidates "
        "(premature.keep_fraction)"
    )
    assert describe_stop([rung | {"value": None}]).startswith("no value after 0.5 epochs")


def test_at_the_end_only_what_nobody_noticed_stays_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    for name in ("g000_c00", "g000_c01", "g001_c00"):
        keep_record(run, {"id": name}, "root")
    (run / "generation_000").mkdir()
    write_json(run / "generation_000/candidate_01.json", {"id": "g000_c01"})
    drop_noticed(run)
    assert sorted(path.stem for path in run.glob("kept/*")) == ["g000_c00", "g001_c00"]
    drop_noticed(tmp_path / "none")
