"""Devices, threads and memory."""

import pytest
import torch

from tgas_neuro.runtime.devices import (
    choose_device,
    computing_with,
    in_whole_float32,
    measure_peak_memory,
)
from tgas_neuro.runtime.errors import UserError


def test_auto_takes_a_gpu_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert choose_device("auto", "final.device").type == expected
    assert choose_device("cpu", "final.device") == torch.device("cpu")


def test_unknown_device_is_named():
    with pytest.raises(UserError, match=r"final\.device: 'abacus' is not one of: auto, cpu"):
        choose_device("abacus", "final.device")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_missing_gpu_is_said():
    with pytest.raises(UserError, match="torch finds no GPU; use auto or cpu"):
        choose_device("cuda:1", "final.device")


def test_threads_are_set_within_and_given_back_after_an_error():
    before = torch.get_num_threads()
    with pytest.raises(KeyError), computing_with(before + 1):
        assert torch.get_num_threads() == before + 1
        raise KeyError
    assert torch.get_num_threads() == before


def test_whole_float32_is_set_within_and_given_back_after_an_error():
    assert torch.backends.cudnn.allow_tf32  # torch's default: GPUs convolve in TF32
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(KeyError), computing_with(1), in_whole_float32():
            assert torch.get_float32_matmul_precision() == "highest"
            assert not torch.backends.cudnn.allow_tf32
            assert torch.backends.cudnn.deterministic  # as computing_with set it
            raise KeyError
        assert torch.get_float32_matmul_precision() == "medium"
        assert torch.backends.cudnn.allow_tf32
    finally:
        torch.set_float32_matmul_precision("highest")


def test_peak_memory_holds_what_was_used():
    ballast = bytearray(64 * 2**20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    assert 64 < measure_peak_memory(torch.device("cpu")) < 2**20
