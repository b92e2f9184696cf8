"""The machine's clock, with a sleep that a signal handler can end."""

from __future__ import annotations

import queue
import time

from tidegate.core.errors import Interrupted


class SystemClock:
    """Implements `ports.Clock`.

    One `interrupt()` ends one sleep: the one under way, or else the next. Sleeps after that work again,
    because what follows an interruption (taking the traffic back, verifying it) has to wait for things too.
    """

    def __init__(self) -> None:
        # SimpleQueue is the one primitive of the standard library whose `put` is safe inside a signal handler
        # that interrupted the same thread's `get`; setting a threading.Event there can deadlock.
        self._interruptions: queue.SimpleQueue[str] = queue.SimpleQueue()

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Raises Interrupted when `interrupt` was called, and else returns after `seconds`."""
        try:
            reason = self._interruptions.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return
        raise Interrupted(reason)

    def interrupt(self, reason: str = "interrupted while waiting") -> None:
        """Ends the sleep under way. May be called from a signal handler or another thread."""
        self._interruptions.put(reason)
