"""Processes of tidegate's own, side by side: heard line by line, and signals reach each of them exactly once.

Each has a session of its own: a terminal's Ctrl-C comes to us alone, and we pass it on. If we are killed,
they go on to their ends, and lose only those who listened.
"""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import IO, Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_KEPT = 50
"""Lines of standard error that are kept."""
_AFTERWARDS = 2.0
"""Seconds that output is still read when its process has ended: a grandchild may hold the pipe open."""


@dataclass(frozen=True)
class Exited:
    """`code` is negative for a signal, as in subprocess; `err` are the last lines of standard error."""

    key: Hashable
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class _Line:
    name: str
    text: str


class Children:
    """`on_line` gets a child's name and a line of its standard error, in the thread that calls `next`."""

    def __init__(self, environment: Mapping[str, str], on_line: Callable[[str, str], None]) -> None:
        self._environment = dict(environment)
        self._on_line = on_line
        self._happened: queue.SimpleQueue[_Line | Exited | signal.Signals] = queue.SimpleQueue()
        self._living: dict[Hashable, subprocess.Popen[bytes]] = {}
        self._received: list[signal.Signals] = []

    @property
    def signalled(self) -> signal.Signals | None:
        """The first signal that was got."""
        return self._received[0] if self._received else None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Signals are passed on inside. Main thread only. Who leaves early ends the children in order."""
        before: dict[signal.Signals, Any] = {s: signal.signal(s, self._receive) for s in _SIGNALS}
        try:
            yield
        finally:
            if self._living:
                self._on_line = lambda _name, _text: None
                self._pass_on(signal.SIGTERM)
            while self._living:
                self.next(1.0)
            for number, handler in before.items():
                signal.signal(number, handler)

    def start(self, key: Hashable, name: str, command: Sequence[str]) -> None:
        """`key` comes back when it has ended; one that cannot be started has ended with 2."""
        before = len(self._received)
        try:
            child = subprocess.Popen(
                list(command), env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            self._happened.put(Exited(key, 2, "", f"error: {command[0]} cannot be run: {error.strerror}"))
            return
        self._living[key] = child
        for number in self._received[before:]:  # came while it was not on the list yet
            child.send_signal(number)
        threading.Thread(target=self._follow, args=(key, name, child), daemon=True).start()

    def next(self, seconds: float) -> Exited | signal.Signals | None:
        """The next end of a child or signal; None when nothing has happened within so many seconds."""
        until = time.monotonic() + seconds
        while True:
            try:
                found = self._happened.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                return None
            if not isinstance(found, _Line):
                if isinstance(found, Exited):
                    self._living.pop(found.key, None)
                return found
            self._on_line(found.name, found.text)

    def _receive(self, number: int, _: FrameType | None) -> None:
        received = signal.Signals(number)
        self._received.append(received)
        self._pass_on(received)
        self._happened.put(received)

    def _pass_on(self, number: signal.Signals) -> None:
        for child in tuple(self._living.values()):
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(number)

    def _follow(self, key: Hashable, name: str, child: subprocess.Popen[bytes]) -> None:
        out: list[bytes] = []
        kept: deque[str] = deque(maxlen=_KEPT)
        assert child.stdout is not None  # noqa: S101 - both are pipes
        assert child.stderr is not None  # noqa: S101
        readers = (
            threading.Thread(target=_collect, args=(child.stdout, out), daemon=True),
            threading.Thread(target=self._relay, args=(name, child.stderr, kept), daemon=True),
        )
        for reader in readers:
            reader.start()
        code = child.wait()
        for reader in readers:
            reader.join(_AFTERWARDS)
        text = b"".join(out).decode("utf-8", "replace")
        self._happened.put(Exited(key, code, text, "\n".join(tuple(kept))))

    def _relay(self, name: str, stream: IO[bytes], kept: deque[str]) -> None:
        with stream:
            for line in stream:
                text = line.decode("utf-8", "replace").rstrip()
                if text:
                    kept.append(text)
                    self._happened.put(_Line(name, text))


def _collect(stream: IO[bytes], out: list[bytes]) -> None:
    with stream:
        out.extend(iter(lambda: stream.read(65_536), b""))
