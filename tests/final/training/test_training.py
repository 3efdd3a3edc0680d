import csv
import json
import signal

import pytest
import torch
from support.final_settings import build_settings
from torch import nn

from tgas_neuro.architecture.skeleton import Skeleton
from tgas_neuro.architecture.spaces import calc_complexity
from tgas_neuro.final.launch.processes import PreemptedError
from tgas_neuro.final.network.network import build_final_network
from tgas_neuro.final.training import progress
from tgas_neuro.final.training.step import Stepper
from tgas_neuro.final.training.training import train_final
from tgas_neuro.images import data
from tgas_neuro.runtime.errors import UserError


class BreakError(Exception):
    """Ends a training, in place of a kill."""


@pytest.fixture
def train(images, genotype, build_small, tmp_path):
    """Train with changes to the configuration; (result, weights, reported lines but the first)."""

    def run(folder="run", report=None, seed=4, build=build_small, **changes):
        lines = []

        def collect(line):
            lines.append(line)
            if report:
                report(line)

        result = train_final(
            build_settings(**changes), genotype, images, tmp_path / folder, seed, collect, build
        )
        weights = torch.load(tmp_path / folder / "weights.pt", weights_only=True)
        assert "multiply-adds" in lines[0]  # how large the network is
        return result, weights, lines[1:]

    return run


def drop_free(result):
    return {key: value for key, value in result.items() if key not in ("cost", "dates")}


def assert_same(weights, others):
    assert list(weights) == list(others)
    for name, value in weights.items():
        assert torch.equal(value, others[name]), name


def test_learns_what_is_easy(train, genotype):
    result, _, lines = train(epochs=12, learning_rate=0.2)
    assert result["top1"] > 0.8
    assert result["top5"] == 1
    assert result["n_images"] == 9
    assert result["n_train_images"] == 23
    assert result["n_classes"] == 3
    assert result["cost"]["images_seen"] == 12 * 18
    assert len(lines) == 12
    assert "images/s" in lines[0] and "left" in lines[0]
    skeleton = Skeleton(4, 1, 2, n_classes=3, image_size=8)
    complexity = calc_complexity(genotype, skeleton)
    assert (result["params"], result["macs"]) == (complexity.params, complexity.macs)
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize("broken_after", [1, 2, 3])
def test_a_broken_run_goes_on_to_the_same_bits(train, broken_after):
    def stop(line):
        if line.startswith(f"final: epoch {broken_after}/"):
            raise BreakError

    whole, weights, _ = train("whole")
    with pytest.raises(BreakError):
        train("broken", report=stop)
    result, found, lines = train("broken")
    assert lines[0] == f"final: going on after epoch {broken_after} of 3"
    assert len(lines) == 1 + 3 - broken_after
    assert_same(weights, found)
    assert drop_free(result) == drop_free(whole)
    assert result["cost"]["images_seen"] == whole["cost"]["images_seen"]


def test_a_resume_within_an_epoch_decodes_no_image_of_the_steps_passed(train, monkeypatch):
    """Also of splits that are kept in memory, which a new process has to decode again."""
    decoded, decode, take = [], data.decode_square, Stepper.take

    def note(path, *arguments, **options):
        decoded.append(str(path))
        return decode(path, *arguments, **options)

    def stop_in_second_epoch(stepper, batches, rate):
        loss = take(stepper, batches, rate)
        stop_in_second_epoch.steps += 1
        if stop_in_second_epoch.steps == 5:  # two of the three steps of the second epoch
            signal.raise_signal(signal.SIGTERM)
        return loss

    stop_in_second_epoch.steps = 0
    whole, weights, _ = train("whole")
    monkeypatch.setattr(Stepper, "take", stop_in_second_epoch)
    with pytest.raises(PreemptedError):
        train("broken")
    monkeypatch.setattr(data, "decode_square", note)
    before_step = []

    def look(stepper, batches, rate):
        before_step.append(len(decoded))
        loss = take(stepper, batches, rate)
        before_step.append(len(decoded))
        return loss

    monkeypatch.setattr(Stepper, "take", look)
    result, found, lines = train("broken")
    assert lines[0] == "final: going on after epoch 1 of 3, step 2 of 3"
    assert before_step[:2] == [0, 6]  # the images of the third step, of 23
    assert len(decoded) == len(set(decoded))  # each once at most
    assert_same(weights, found)
    assert drop_free(result) == drop_free(whole)


def test_a_finished_run_trains_nothing_again(train):
    whole, weights, _ = train()
    result, found, lines = train()
    assert lines == ["final: going on after epoch 3 of 3"]
    assert_same(weights, found)
    assert drop_free(result) == drop_free(whole)
    assert result["cost"]["seconds"] == whole["cost"]["seconds"]


def test_workers_and_memory_change_nothing(train):
    whole, weights, _ = train("one")
    result, found, _ = train("two", workers=2, memory_mb=0)
    assert_same(weights, found)
    assert drop_free(result) == drop_free(whole)


@pytest.mark.parametrize("changes", [{"seed": 5}, {"learning_rate": 0.06}, {"epochs": 4}])
def test_a_checkpoint_of_another_run_is_not_used(train, changes):
    _, fresh, _ = train("fresh", **changes)
    train("used")
    _, found, lines = train("used", **changes)
    assert "another configuration" in lines[0]
    assert_same(fresh, found)


def test_a_corrupt_checkpoint_is_not_used(train, tmp_path):
    _, weights, _ = train()
    (tmp_path / "run" / "checkpoint.pt").write_bytes(b"PK\x03\x04 broken")
    _, found, lines = train()
    assert "not a readable checkpoint" in lines[0]
    assert len(lines) == 4
    assert_same(weights, found)


def test_training_images_belong_to_the_identity_validation_images_do_not(train, folders):
    train()
    (folders[1] / "cat" / "000.png").unlink()
    result, _, lines = train()
    assert lines == ["final: going on after epoch 3 of 3"]
    assert result["n_images"] == 8
    (folders[0] / "cat" / "000.png").unlink()
    assert "another configuration" in train()[2][0]


def test_log_has_a_row_per_epoch(train, tmp_path):
    result, _, _ = train(warmup=0.0)
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert [int(row["images"]) for row in rows] == [18, 18, 18]
    rates = [float(row["learning_rate"]) for row in rows]
    assert rates == sorted(rates, reverse=True)
    seconds = sum(float(row["seconds"]) + float(row["val_seconds"]) for row in rows)
    assert result["cost"]["seconds"] == pytest.approx(seconds, abs=0.051)  # rounded to 0.1


def test_a_note_of_steps_by_the_clock(train, tmp_path, monkeypatch):
    """None of epochs of milliseconds; with no time between them, the last is of the last step."""
    path = tmp_path / "run" / "progress.json"
    train()
    assert not path.exists()
    monkeypatch.setattr(progress, "INTERVAL", 0.0)
    noted = []
    write = progress.write_json
    monkeypatch.setattr(
        progress, "write_json", lambda path, content: [noted.append(content), write(path, content)]
    )
    train("again")
    assert [(one["epoch"], one["step"]) for one in noted] == [
        (epoch, step)
        for epoch in range(3)
        for step in (2, 3)  # the first waits for images
    ]
    for second, third in zip(noted[::2], noted[1::2], strict=True):
        assert second["steps"] == third["steps"] == 3
        assert 0 < second["each"] < second["seconds"] < third["seconds"]
        later = third["seconds"] - second["seconds"]
        assert 2 * third["each"] == pytest.approx(second["each"] + later)
    assert json.loads((tmp_path / "again" / "progress.json").read_text()) == noted[-1]


def test_a_log_that_a_kill_left_behind_is_written_again(train, tmp_path):
    train()
    log = tmp_path / "run" / "log.csv"
    whole = log.read_text()
    log.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    train()
    assert log.read_text() == whole


def test_best_is_kept_and_said_to_be_chosen(train, tmp_path):
    result, weights, _ = train(epochs=6, learning_rate=0.5, batch_size=4)
    best = torch.load(tmp_path / "run" / "best.pt", weights_only=True)
    with (tmp_path / "run" / "log.csv").open() as file:
        found = [float(row["val_top1"]) for row in csv.DictReader(file)]
    assert result["best"] == {
        "epoch": 1 + found.index(max(found)),
        "top1": max(found),
        "chosen_on": "validation images",
    }
    assert {key: best[key] for key in result["best"]} == result["best"]
    assert list(best["model"]) == list(weights)
    assert result["top1"] == found[-1]


def test_validation_now_and_then_changes_no_weights(train, tmp_path):
    whole, weights, _ = train("whole", epochs=5)
    result, found, _ = train("seldom", epochs=5, evaluate_every=3)
    assert_same(weights, found)
    assert result["top1"] == whole["top1"]
    with (tmp_path / "seldom" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [bool(row["val_top1"]) for row in rows] == [False, False, True, False, True]


def test_the_moving_average_is_what_is_evaluated_and_kept(train, tmp_path):
    result, average, _ = train(ema=0.9)
    checkpoint = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert_same(average, {name: checkpoint["ema"][f"module.{name}"] for name in average})
    trained = {name.removeprefix("network."): value for name, value in checkpoint["model"].items()}
    assert not torch.equal(trained["0.weight"], average["0.weight"])
    assert result["evaluated"] == "moving average of the weights"
    # the weights themselves are trained as without it
    assert_same(trained, train("plain")[1])


def test_micro_batches_are_one_batch_where_nothing_depends_on_the_batch(train, whole):
    """Without batch norm the mean of the halves' gradients is the whole's."""

    def build(genotype, skeleton, settings, generator):
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3))
        with torch.no_grad():
            network[1].weight.normal_(0, 0.1, generator=generator)
            network[1].bias.zero_()
        return whole(network)

    _, weights, _ = train("whole", build=build)
    _, found, _ = train("parts", build=build, micro_batch=2)
    for name, value in weights.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6)


def test_first_step_by_hand(train, whole):
    """One batch, no clipping, no momentum: weights move by -rate x (gradient + decay x weight)."""
    seen = {}

    def keep(network, inputs, logits):
        seen.setdefault("input", inputs[0].clone())
        seen.setdefault("logits", logits.detach())

    def build(genotype, skeleton, settings, generator):
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 3))
        with torch.no_grad():
            network[1].weight.normal_(0, 0.1, generator=generator)
            network[1].bias.zero_()
        seen["weight"] = network[1].weight.detach().clone()
        network.register_forward_hook(keep)
        return whole(network)

    _, found, _ = train(
        build=build, epochs=1, batch_size=23, momentum=0.0, gradient_clip=None, warmup=0.0,
        weight_decay=0.01, label_smoothing=0.0,
    )  # fmt: skip
    # The gradient of the bias is the mean of (probability - label), known from the labels' share.
    share = torch.tensor([8, 8, 7]) / 23
    bias = -0.05 * (seen["logits"].softmax(1).mean(0) - share)
    torch.testing.assert_close(found["1.bias"], bias)
    step = (found["1.weight"] - (1 - 0.05 * 0.01) * seen["weight"]) / -0.05
    inputs = seen["input"].flatten(1)
    # Sum over classes of (probability - label) is zero, so is that of the gradient.
    torch.testing.assert_close(step.sum(0), torch.zeros(inputs.shape[1]), atol=1e-4, rtol=0)
    assert step.abs().max() > 0.01


def test_gradient_clipping_bounds_the_step(train, build_small):
    first = {}

    def build(*args):
        network = build_small(*args)
        state = network.network.state_dict()
        first.update({name: value.clone() for name, value in state.items()})
        return network

    _, found, _ = train(
        build=build, epochs=1, batch_size=23, momentum=0.0, gradient_clip=1e-3, warmup=0.0,
        weight_decay=0.0,
    )  # fmt: skip
    moved = [
        (found[name] - first[name]).square().sum()
        for name in found
        if "running" not in name and "num" not in name
    ]
    assert float(sum(moved)) ** 0.5 == pytest.approx(0.05 * 1e-3, rel=1e-2)


def test_missing_validation_split_is_said_before_training(train, folders, tmp_path):
    folders[1].rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"val: the validation images are missing") as caught:
        train()
    assert str(folders[1]) in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_divergence_names_the_key_and_keeps_the_last_good_checkpoint(train, tmp_path):
    with pytest.raises(UserError, match=r"final\.learning_rate: with 1e\+30 .* in epoch 1 of 3"):
        train(learning_rate=1e30, gradient_clip=None, warmup=0.0)
    assert not (tmp_path / "run" / "weights.pt").exists()
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_loss_on_the_validation_images_that_is_not_finite_is_said(train, tmp_path):
    """After one step, whose loss was finite before it, the weights are beyond all numbers."""
    options = {"epochs": 1, "batch_size": 1000, "micro_batch": None, "workers": 0}
    for _ in range(2):  # the second time from its finished checkpoint
        with pytest.raises(
            UserError, match=r"final\.learning_rate: 1e\+30; .* images is (nan|inf)"
        ):
            train(learning_rate=1e30, gradient_clip=None, warmup=0.0, **options)
    assert not (tmp_path / "run" / "weights.pt").exists()


def test_nothing_global_is_left_changed(train):
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    train(build=build_final_network, threads=threads + 1, epochs=1)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_the_network_of_a_genotype_trains_and_goes_on(images, genotype, tmp_path):
    def stop(line):
        raise BreakError

    whole = train_final(build_settings(), genotype, images, tmp_path / "a", 1, lambda line: None)
    with pytest.raises(BreakError):
        train_final(build_settings(), genotype, images, tmp_path / "b", 1, stop)
    found = train_final(build_settings(), genotype, images, tmp_path / "b", 1, lambda line: None)
    assert drop_free(found) == drop_free(whole)
    load = [torch.load(tmp_path / name / "weights.pt", weights_only=True) for name in "ab"]
    assert_same(*load)
    learned = sum(v.numel() for k, v in load[0].items() if "running" not in k and "num_" not in k)
    assert learned == whole["params"]
