"""Breaks at any step, signals, and several processes: the same numbers as one unbroken training."""

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict

import pytest
import torch
from support.final_settings import build_settings

from tgas_neuro.architecture.nasbench201.genotype import NASBench201Genotype
from tgas_neuro.final.launch import processes
from tgas_neuro.final.launch.job import Job, train_job
from tgas_neuro.final.launch.processes import (
    PreemptedError,
    StopRequest,
    noting_signals,
    parting_together,
)
from tgas_neuro.final.training.step import Stepper
from tgas_neuro.final.training.training import train_final
from tgas_neuro.runtime.files import read_json

CHANGES = {
    "batch_size": 8,
    "micro_batch": 4,
    "epochs": 3,
    "ema": 0.8,
    "drop_path": 0.3,
    "processes": 1,
    "augmentation": "pad_crop",
}


class BreakError(Exception):
    """Ends a training, in place of a kill."""


def load(path):
    return torch.load(path, weights_only=True)


def read_log(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def write_job(images, genotype, config, tmp_path):
    """Writes the job of a training with changes to the configuration, in a folder of its own."""

    def write(name, drawn=None, **changes):
        folder, checked = tmp_path / name, tmp_path / "checked"
        content = config | CHANGES | changes
        cell = drawn or genotype
        job = Job(content, cell.to_json(), asdict(images), str(checked), str(folder), 4)
        job.write()
        return job, folder

    return write


def start(job, *arguments):
    command = [sys.executable, "-m", "tgas_neuro", "train", "--job", str(job.path), *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def run(job, *arguments):
    process = start(job, *arguments)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


@pytest.mark.parametrize("broken_after", [1, 3, 4, 5])
def test_a_training_broken_at_any_step_goes_on_to_the_same_bits(
    images, genotype, tmp_path, monkeypatch, broken_after
):
    """Two steps an epoch; a checkpoint after every step."""
    settings = build_settings(**CHANGES, checkpoint_minutes=1e-9)

    def train(name):
        return train_final(settings, genotype, images, tmp_path / name, 4, lambda line: None)

    whole = train("whole")
    taken, take = [], Stepper.take

    def break_off(self, *args):
        if len(taken) == broken_after:
            raise BreakError
        taken.append(1)
        return take(self, *args)

    monkeypatch.setattr(Stepper, "take", break_off)
    with pytest.raises(BreakError):
        train("broken")
    monkeypatch.setattr(Stepper, "take", take)
    again = train("broken")
    for key in set(whole) - {"cost", "dates"}:
        assert again[key] == whole[key], key
    weights, others = (load(tmp_path / name / "weights.pt") for name in ("whole", "broken"))
    assert all(torch.equal(value, others[name]) for name, value in weights.items())
    losses = [[row["train_loss"] for row in read_log(tmp_path / n)] for n in ("whole", "broken")]
    assert losses[0] == losses[1]


def test_two_processes_follow_the_loss_curve_of_one(write_job):
    """As the rule starts them."""
    one, folder = write_job("one")
    two, other = write_job("two", processes=2)
    lines = []
    train_job(one, lines.append)
    train_job(two, lines.append)
    assert "final: training in 2 processes" in lines
    assert sum("epoch 3/3" in line for line in lines) == 2
    for row, row_of_two in zip(read_log(folder), read_log(other), strict=True):
        for key in ("train_loss", "val_loss"):
            assert float(row_of_two[key]) == pytest.approx(float(row[key]), rel=2e-4)
        assert row_of_two["images"] == row["images"]
    weights, others = (load(path / "weights.pt") for path in (folder, other))
    for name, value in weights.items():  # running statistics among them
        torch.testing.assert_close(others[name], value, rtol=2e-3, atol=2e-4)
    metrics, of_two = (read_json(job.metrics) for job in (one, two))
    assert of_two["n_images"] == metrics["n_images"] == 9
    assert (metrics["cost"]["processes"], of_two["cost"]["processes"]) == (1, 2)


@pytest.mark.parametrize("arguments", [(), ("--processes", "2")], ids=["one", "two"])
def test_a_preempted_training_says_so_and_goes_on_to_the_same_numbers(write_job, arguments):
    # so long that the signal comes in the middle, even if this process waits for a core
    whole, folder = write_job("whole", epochs=80)
    broken, other = write_job("broken", epochs=80)
    train_job(whole, lambda line: None)
    process = start(broken, *arguments)
    deadline = time.monotonic() + 300
    while not (other / "checkpoint.pt").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 128 + signal.SIGTERM, said
    assert "Traceback" not in said
    assert load(other / "checkpoint.pt")["epoch"] < 80
    said = []
    train_job(broken, said.append)  # in one process now
    assert any("going on after epoch" in line for line in said)
    weights, others = (load(path / "weights.pt") for path in (folder, other))
    for name, value in weights.items():
        if arguments:
            torch.testing.assert_close(others[name], value, rtol=1e-3, atol=1e-4)
        else:
            assert torch.equal(others[name], value), name


def test_micro_batches_change_batch_norm_and_nothing_else(write_job):
    """Without batch norm in the network the halves of a batch would give the same step."""
    halves, folder = write_job("halves", ema=None, drop_path=0.0)
    wholes, other = write_job("wholes", ema=None, drop_path=0.0, micro_batch=None)
    train_job(halves, lambda line: None)
    train_job(wholes, lambda line: None)
    first = [float(read_log(path)[0]["train_loss"]) for path in (folder, other)]
    assert first[0] != first[1]
    assert first[0] == pytest.approx(first[1], rel=0.2)


def test_weights_that_no_output_depends_on_do_not_stop_several_processes(write_job):
    """A cell of NAS-Bench-201 calculates edges that lead nowhere, as the benchmark does."""
    dead = NASBench201Genotype(
        "nasbench201",
        ("nor_conv_3x3", "none", "nor_conv_1x1", "skip_connect", "none", "none"),
    )
    one, folder = write_job("one", dead, epochs=2)
    two, other = write_job("two", dead, epochs=2)
    train_job(one, lambda line: None)
    run(two, "--processes", "2")
    for row, row_of_two in zip(read_log(folder), read_log(other), strict=True):
        assert float(row_of_two["train_loss"]) == pytest.approx(float(row["train_loss"]), rel=2e-4)


def test_a_batch_that_processes_cannot_share_is_one_line(write_job):
    job, _ = write_job("three", processes=3)
    process = start(job, "--processes", "3")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    errors = [line for line in said.splitlines() if "Error" in line]
    assert len(errors) == 1 and "final." in errors[0], said
    assert "Traceback" not in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_noted_and_ends_with_its_code(number):
    before = signal.getsignal(number)
    with noting_signals() as request:
        request.raise_if_requested()
        os.kill(os.getpid(), number)
        assert request.signum == number
        with pytest.raises(PreemptedError) as caught:
            request.raise_if_requested()
    assert caught.value.code == 128 + number
    assert signal.getsignal(number) is before


def test_handlers_come_back_after_an_error():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)]
    with pytest.raises(KeyError), noting_signals():
        raise KeyError
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)] == before


def test_in_another_thread_nothing_is_noted():
    found = []

    def run():
        with noting_signals() as request:
            found.append(request)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert isinstance(found[0], StopRequest) and found[0].signum == 0


def test_the_loss_of_a_process_that_was_preempted_is_no_failure(monkeypatch):
    with (
        pytest.raises(PreemptedError) as caught,
        noting_signals() as request,
        parting_together(request, several=True),
    ):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        raise RuntimeError("connection closed by peer")
    assert caught.value.code == 128 + signal.SIGTERM
    monkeypatch.setattr(processes, "PARTING", 0.1)
    for several in (True, False):
        with (
            pytest.raises(RuntimeError, match="closed"),
            noting_signals() as request,
            parting_together(request, several),
        ):
            raise RuntimeError("connection closed by peer")
