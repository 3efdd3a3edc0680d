"""A training that is told to end."""

import os
import signal
import threading

import pytest

from tgas_neuro.final.launch import preemption
from tgas_neuro.final.launch.preemption import (
    PreemptedError,
    StopRequest,
    noting_signals,
    parting_together,
)


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


def test_the_loss_of_a_process_that_was_told_to_end_is_no_failure(monkeypatch):
    with (
        pytest.raises(PreemptedError) as told,
        noting_signals() as request,
        parting_together(request, several=True),
    ):
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        raise RuntimeError("connection closed by peer")
    assert told.value.code == 128 + signal.SIGTERM
    monkeypatch.setattr(preemption, "PARTING", 0.1)
    for several in (True, False):
        with (
            pytest.raises(RuntimeError, match="closed"),
            noting_signals() as request,
            parting_together(request, several),
        ):
            raise RuntimeError("connection closed by peer")
