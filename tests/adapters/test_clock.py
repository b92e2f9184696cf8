"""The system clock: epoch seconds, and sleeps that a signal handler can end."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tidegate.adapters.clock import SystemClock


class Rung(Exception):
    pass


def test_now_is_epoch_time() -> None:
    before = time.time()
    assert before <= SystemClock().now() <= time.time()


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.001])
def test_a_short_sleep_simply_ends(seconds: float) -> None:
    SystemClock().sleep(seconds)


def test_what_a_signal_handler_raises_ends_the_sleep() -> None:
    def ring(number: int, frame: object) -> None:
        raise Rung

    before = signal.signal(signal.SIGUSR1, ring)
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(Rung):
            SystemClock().sleep(60)
    finally:
        signal.signal(signal.SIGUSR1, before)
