"""Signals become `Interrupted`, but only where the flow can stop safely.

A signal that arrives elsewhere (while the traffic and the record are being written) waits for the next
safe place. A second signal changes nothing: what follows the first is bounded by deadlines of its own. With
the third, a write that does not get through is given up.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tidegate.core.errors import ExitCode, Interrupted

_CODES = {
    signal.SIGINT: ExitCode.INTERRUPTED,
    signal.SIGTERM: ExitCode.TERMINATED,
    signal.SIGHUP: ExitCode.TERMINATED,
}
_INSISTED = 3
_WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "terminal closed"}


class Stopped(Interrupted):
    """Interrupted, by which signal."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(_WORDS[number])
        self.code = _CODES[number]


class Interruption:
    """Installed once by the command that moves traffic; `allowed()` marks the places where it may stop."""

    what = "the traffic goes to the stable revision"
    """What a person who stops it is told will happen."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._requested: signal.Signals | None = None
        self._raised = False
        self._count = 0
        self._open = 0

    @property
    def insisted(self) -> bool:
        """Whether somebody wants this process to end, whatever is left undone."""
        return self._count >= _INSISTED

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handlers of INT, TERM and HUP are ours inside, and put back afterwards. Main thread only."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before: dict[signal.Signals, Any] = {s: signal.signal(s, self._handle) for s in _CODES}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Inside, a signal raises at once; one that came earlier raises on entry. Raises only once."""
        # Open first: a signal between the look and the opening would otherwise wait for the next safe place.
        self._open += 1
        try:
            self._raise()
            yield
        finally:
            self._open -= 1

    def _raise(self) -> None:
        if self._requested is not None and not self._raised:
            self._raised = True
            raise Stopped(self._requested)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._count += 1
        if self._requested is not None:
            self._say("already stopping; the traffic is being made safe")
            return
        self._requested = signal.Signals(number)
        self._say(f"{_WORDS[self._requested]}: stopping, {self.what}")
        if self._open:
            self._raise()
