"""The system clock: sleeps end when they are told to, also from inside a signal handler."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tidegate.adapters.clock import SystemClock
from tidegate.core.errors import Interrupted


def test_now_is_epoch_time() -> None:
    before = time.time()
    assert before <= SystemClock().now() <= time.time()


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.001])
def test_a_short_sleep_simply_ends(seconds: float) -> None:
    SystemClock().sleep(seconds)


def test_a_signal_handler_ends_the_sleep_of_the_same_thread() -> None:
    clock = SystemClock()
    before = signal.signal(signal.SIGUSR1, lambda number, frame: clock.interrupt("SIGUSR1"))
    try:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        with pytest.raises(Interrupted, match="SIGUSR1"):
            clock.sleep(60)
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_one_interruption_ends_one_sleep() -> None:
    clock = SystemClock()
    clock.interrupt("first")
    with pytest.raises(Interrupted, match="first"):
        clock.sleep(60)
    clock.sleep(0.001)
    clock.interrupt("second")
    with pytest.raises(Interrupted, match="second"):
        clock.sleep(60)
