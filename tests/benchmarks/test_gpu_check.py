"""The check of a GPU: the CPU equals itself, and wrong numbers and failures are not passed."""

import json
import math

import pytest
import torch
from support.benchmarks import import_scripts

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def gpu_check():
    return import_scripts("gpu_check")[0]


def run(gpu_check, capsys, *more):
    """Exit code and document of a quick run on the CPU."""
    code = gpu_check.main(["--device", "cpu", "--quick", "--threads", "1", *more])
    return code, json.loads(capsys.readouterr().out)


def test_the_cpu_equals_itself(gpu_check, capsys, tmp_path):
    code, document = run(gpu_check, capsys, "--output", str(tmp_path / "found.json"))
    assert code == 0
    assert document["passed"]
    assert json.loads((tmp_path / "found.json").read_text()) == document
    checks = [check for part in document["parts"].values() for check in part["checks"]]
    assert {check["name"]: check["difference"] for check in checks} == {
        "candidate: gradient in float32": 0,
        "candidate: gradient as trained": 0,
        "candidate: loss after the training": 0,
        "scoring: similarity of layers": 0,
        "rsa: similarity, 640 x 64": 0,
        "rsa: similarity, 700 x 128": 0,
        "final: training losses": 0,
        "final: validation loss of one network": 0,
        "final: weights after a resume": 0,
    }
    assert all(check["inside"] for check in checks)
    parts = document["parts"]
    for name in ("candidate", "final"):
        rounds = parts[name]["rounds"]
        assert [len(found) for found in rounds.values()] == [2, 2]
        ours, plain = (sum(found) / 2 for found in rounds.values())  # medians of two
        assert parts[name]["images_per_second"] == pytest.approx(
            {"tgas-neuro": ours, "plain": plain}
        )
        assert parts[name]["ratio"] == pytest.approx(ours / plain)
        assert min(parts[name]["training_peak_memory_mb"].values()) > 1
    assert parts["final"]["resume"] == "final: going on after epoch 1 of 2, step 1 of 6"
    # stem, 3 cells and 2 reductions; V4 and IT; all stimuli and both halves
    assert parts["scoring"]["similarities"] == 6 * 2 * 3
    assert len(set(parts["final"]["losses"]["cpu"])) == 2  # of two epochs
    assert torch.__version__.startswith(document["versions"]["torch"])
    assert document["device"] == {"type": "cpu"}
    assert document["machine"]["cores"] >= 1


def test_all_parts_run_and_the_exit_code_tells(gpu_check, capsys, monkeypatch):
    check, ran = gpu_check.check_rsa.__globals__["Check"], []

    def break_tolerance(folder, inputs, device):
        ran.append("candidate")
        return {"checks": [check("too far", 0.2, 0.1), check("no number", math.nan, 1.0)]}

    def fail(folder, inputs, device):
        ran.append("scoring")
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def pass_exactly(folder, inputs, device):
        ran.append("rsa")
        return {"checks": [check("as far as allowed", 0.1, 0.1)]}

    parts = {"candidate": break_tolerance, "scoring": fail, "rsa": pass_exactly}
    monkeypatch.setattr(gpu_check, "PARTS", parts)
    code, document = run(gpu_check, capsys)
    assert (code, document["passed"], ran) == (1, False, ["candidate", "scoring", "rsa"])
    found = document["parts"]
    assert found["candidate"]["checks"] == [
        {"name": "too far", "difference": 0.2, "tolerance": 0.1, "inside": False},
        {"name": "no number", "difference": None, "tolerance": 1.0, "inside": False},
    ]
    assert "illegal memory access" in found["scoring"]["error"]
    assert found["rsa"]["checks"][0]["inside"]
    monkeypatch.setattr(gpu_check, "PARTS", {"rsa": pass_exactly})
    assert run(gpu_check, capsys)[0] == 0
    monkeypatch.setattr(gpu_check, "PARTS", {"scoring": fail})
    assert run(gpu_check, capsys)[0] == 1


def test_another_number_of_the_scorer_is_found(gpu_check, capsys, monkeypatch):
    """The device's coefficients are wrong by 2e-4 where the CPU's are right."""
    compare = gpu_check.check_rsa.__globals__["compare_features"]
    calls = []

    def compare_wrongly(features, ranked):
        calls.append(1)
        found = compare(features, ranked)
        if len(calls) % 4 == 0:  # the second call on the device, after two on the CPU
            found["IT"]["half_1"] += 2e-4
        return found

    monkeypatch.setitem(gpu_check.check_rsa.__globals__, "compare_features", compare_wrongly)
    monkeypatch.setattr(gpu_check, "PARTS", {"rsa": gpu_check.check_rsa})
    code, document = run(gpu_check, capsys)
    assert code == 1
    found = document["parts"]["rsa"]["checks"]
    assert [check["difference"] for check in found] == pytest.approx([2e-4, 2e-4])
    assert not any(check["inside"] for check in found)


def test_a_missing_gpu_is_said_in_one_line(gpu_check, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as ended:
        gpu_check.main(["--device", "cuda"])
    assert ended.value.code == 2
    assert "--device: 'cuda', but torch finds no GPU" in capsys.readouterr().err
