"""Notices on their way to those who want them, beside the rollout: implements `ports.Notifier`."""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tidegate.adapters.within import within
from tidegate.ports import Notice

_LOG = logging.getLogger(__name__)
_MOST_WAITING = 100
TIMEOUT = 5.0
"""Seconds one listener has for one notice."""
PATIENCE = 3.0
"""Seconds the end of a command waits for listeners that are still behind."""

OnFailure = Callable[[str], None]
"""Called with one sentence that names the listener, never its whole URL: webhook URLs are secrets."""


class Destination(Protocol):
    @property
    def name(self) -> str:
        """For messages: a host or a topic."""

    def send(self, notice: Notice, timeout: float) -> str:
        """The failure in words, empty for none. May hang and may raise; what it raises is only named."""


@dataclass(frozen=True)
class Listener:
    """`events` is what the destination wants to hear of; None: everything."""

    destination: Destination
    events: frozenset[str] | None = None

    def wants(self, notice: Notice) -> bool:
        return self.events is None or notice.event in self.events


class Delivery:
    """Every listener has a thread and hears what it wants in order. `tell` only hands over and never waits.

    What could not be delivered is reported by the next `tell` or by `close`, in the thread that calls it, so
    that `on_failure` need not be safe for threads. A context manager that closes.
    """

    def __init__(
        self,
        listeners: Sequence[Listener],
        *,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        on_failure: OnFailure = _LOG.warning,
    ) -> None:
        self._failures: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._lines = [_Line(listener, timeout, self._failures) for listener in listeners]
        self._patience = patience
        self._on_failure = on_failure

    def __enter__(self) -> Delivery:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tell(self, notice: Notice) -> None:
        for line in self._lines:
            line.put(notice)
        self._report()

    def close(self) -> None:
        """Waits for those who are behind, for `patience` seconds altogether; then nobody is told any more."""
        until = time.monotonic() + self._patience
        for line in self._lines:
            line.hang_up()
        for line in self._lines:
            line.wait(until)
        self._report()

    def _report(self) -> None:
        while True:
            try:
                sentence = self._failures.get_nowait()
            except queue.Empty:
                return
            try:
                self._on_failure(sentence)
            except Exception as error:  # noqa: BLE001  # whoever reports it must not stop a rollback either
                _LOG.debug("could not report %r: %s", sentence, error)


class _Line:
    """One listener, the notices that wait for it, and the thread that delivers them."""

    def __init__(self, listener: Listener, timeout: float, failures: queue.SimpleQueue[str]) -> None:
        self._listener = listener
        self._timeout = timeout
        self._failures = failures
        self._waiting: queue.Queue[Notice | None] = queue.Queue(_MOST_WAITING)
        self._thread: threading.Thread | None = None
        self._hung_up = False
        self._undelivered = 0

    def put(self, notice: Notice) -> None:
        if self._hung_up or not self._listener.wants(notice):
            return
        try:
            self._waiting.put_nowait(notice)
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="listener", daemon=True)
                thread.start()
                self._thread = thread
        except queue.Full:
            self._undelivered += 1
        except RuntimeError as error:  # no thread can be started
            self._fail(str(error))

    def hang_up(self) -> None:
        self._hung_up = True
        with contextlib.suppress(queue.Full):  # then the thread has enough to do before it looks
            self._waiting.put_nowait(None)

    def wait(self, until: float) -> None:
        """Waits until the monotonic time `until`; what is not delivered by then will not be."""
        if self._thread is None:
            return
        self._thread.join(max(0.0, until - time.monotonic()))
        if self._thread.is_alive():
            more = self._discard() + self._undelivered
            self._fail("no answer in time" + (f", nor of {more} more notices" if more else ""))
        elif self._undelivered:
            self._fail(f"too slow for {self._undelivered} notices")

    def _discard(self) -> int:
        left = 0
        with contextlib.suppress(queue.Empty):
            while True:
                left += self._waiting.get_nowait() is not None
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)  # the thread may have been about to take what is gone now
        return left

    def _run(self) -> None:
        while not (self._hung_up and self._waiting.empty()):
            notice = self._waiting.get()
            if notice is not None and (failure := self._send(notice)):
                self._fail(failure)

    def _send(self, notice: Notice) -> str:
        listener, timeout = self._listener.destination, self._timeout
        try:
            return within(timeout, lambda: listener.send(notice, timeout), "notice")
        except TimeoutError:
            return "no answer in time"
        except Exception as error:  # noqa: BLE001  # a deaf listener must not stop a rollback
            # Only the kind: the text of a requests error repeats the URL, which is a secret.
            return type(error).__name__

    def _fail(self, failure: str) -> None:
        self._failures.put(f"{self._listener.destination.name} was not told: {failure}")
