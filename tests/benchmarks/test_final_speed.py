"""The benchmark of the final training: its contestants train the same network in the same way."""

import itertools

import pytest
import torch
from support.benchmarks import import_scripts
from torch.utils.flop_counter import FlopCounterMode

from tgas_neuro.final.launch.job import read_job, read_settings

pytest.importorskip("timm")
# Half of 10 filters is odd, as half of the mobile network's 54 is.
CASE = {
    "size": 40,
    "filters": 10,
    "stem_filters": 8,
    "cells": 2,
    "classes": 12,
    "batch": 4,
    "steps": 1,
}


@pytest.fixture(scope="module")
def speed():
    # the contestants import the reference later
    import_scripts("final_speed_reference")
    return import_scripts(
        "final_speed", "final_speed_contestants", "final_speed_resume", "image_loading_inputs"
    )


def test_the_network_in_modules_of_timm_is_the_same_function(speed):
    script, contestants, _, _ = speed
    ours, theirs = contestants.build_ours(CASE).train(), contestants.build_timm(CASE).train()
    images = contestants.make_batch(CASE)[0].double()
    logits = [network.double()(images) for network in (ours, theirs)]
    torch.testing.assert_close(*logits, rtol=0, atol=1e-12)
    for result in logits:
        result.square().sum().backward()
    for network in (ours, theirs):  # running statistics were updated alike
        network.eval()
    torch.testing.assert_close(ours(images), theirs(images), rtol=1e-11, atol=0)
    norms = [
        sum(weight.grad.square().sum() for weight in network.parameters())
        for network in (ours, theirs)
    ]
    torch.testing.assert_close(*norms, rtol=1e-9, atol=0)
    one = {"operations": 6e9, "bytes": 2e9, "bytes_an_image": 4e6}
    bound = script.calc_bound(CASE, [one, one | {"operations": 3e9, "bytes": 1e9}])
    counted = FlopCounterMode(display=False)
    with counted, torch.no_grad():
        theirs(images[:1])
    assert bound["macs"] * 2 == counted.get_total_flops()
    assert bound["params"] == sum(weight.numel() for weight in theirs.parameters())
    assert bound["seconds_of_operations"] == pytest.approx(bound["macs"] * 6 / 6e9)
    assert bound["seconds_of_bytes"] == pytest.approx(4e6 / 2e9)


def test_all_contestants_take_the_same_steps(speed, tmp_path):
    script, contestants, _, inputs = speed
    folder = tmp_path / "train"
    for index in range(24):
        (folder / inputs.get_class(index)).mkdir(parents=True, exist_ok=True)
        inputs.write_image(folder, index)
    names = (script.OURS, script.TIMM, script.TIMM_LAST, script.MIXED)
    found = {name: contestants.CONTESTANTS[name](CASE, str(folder))() for name in names}
    losses = {name: values["steps"]["losses"] for name, values in found.items()}
    assert script.find_difference(losses) < 1e-5
    wrong = losses[script.OURS][0] - 0.25
    assert script.find_difference(losses | {script.TIMM: [wrong]}) == pytest.approx(0.25)
    for values in found.values():
        assert len(values["from files"]["losses"]) == CASE["steps"]
        assert 0 < values["from files"]["losses"][0] < 6


def test_ratios_are_medians_over_rounds(speed):
    script, _, _, _ = speed
    seconds = {script.OURS: [1.0, 2.0, 4.0], script.TIMM: [2.0, 6.0, 4.0]}
    seconds[script.TIMM_LAST] = [1.5, 2.0, 8.0]
    assert script.calc_ratios(seconds, script.OURS) == {script.TIMM: 2.0, script.TIMM_LAST: 1.5}


def test_the_step_that_warms_up_is_not_counted(speed):
    _, contestants, _, _ = speed
    found = contestants.time_steps(lambda batches: float(next(batches)), itertools.count(), 3)
    assert found["losses"] == [1.0, 2.0, 3.0]
    assert len(found["step_seconds"]) == len(found["cpu_seconds"]) == 3


def test_a_resume_is_loading_and_what_its_first_batch_takes_more(speed):
    _, _, resume, _ = speed
    # modules loaded; a step begins, has its batch; the next one begins, has its batch
    turn = [3.0, 4.0, 4.5, 7.0, 7.125]
    found = resume.describe([{"seconds": turn, "cpu_seconds": [2 * moment for moment in turn]}])
    expected = {"imports": 3.0, "loading": 1.0, "first": 0.375, "resume": 1.375}
    assert found["seconds"] == expected
    assert found["cpu_seconds"] == {name: 2 * value for name, value in expected.items()}


def test_the_job_of_a_resume_is_one_that_a_training_starts_with(speed, tmp_path):
    _, _, resume, _ = speed
    folder = resume.write_job(CASE, 1, tmp_path, "this build")
    job = read_job(folder / "job.json")
    settings = read_settings(job, folder / "job.json")
    assert settings.network.filters == CASE["filters"]
    assert settings.data.kind == "image_folder"
