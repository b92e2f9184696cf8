"""A command of the user's own: in a group of its own, bounded in time and in what it may say."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tidegate.adapters.terraform.guard import guarded, signals_to

GRACE = 2.0
"""Seconds between TERM and KILL."""
_POLL = 0.05
"""Seconds between two looks at whether it has ended: a grandchild can keep the pipe open for longer."""
_CHUNK = 65_536
_LONGEST_LINE = 500
_MOST_LINES = 1000
_KEPT_LINES = 20
_MOST_LEFT = 64
"""Portions that are still read when all is over; a pipe holds far fewer."""


@dataclass(frozen=True)
class Ended:
    """`code` is negative for a signal, as in subprocess; None: it was not done in time.

    `tail` is what it said last, at most 20 lines, standard output and standard error as they came.
    """

    code: int | None
    tail: tuple[str, ...]


def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    timeout: float,
    on_line: Callable[[str], None] = lambda _: None,
    grace: float = GRACE,
) -> Ended:
    """Runs it to its end, or to the end of `timeout` seconds; then its whole group has ended.

    Whatever a signal handler raises meanwhile is raised after that. If this process is killed, so is the
    group, a little later. Raises OSError when it cannot be started.
    """
    reasons: list[BaseException] = []
    with signals_to(reasons.append), contextlib.ExitStack() as files:
        reading, writing = (files.enter_context(os.fdopen(end, mode, 0)) for end, mode in _pipe())
        child = subprocess.Popen(
            list(command),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
            start_new_session=True,
        )
        writing.close()
        output = _Output(reading.fileno(), on_line)
        with guarded(child.pid, reading.fileno(), grace):
            try:
                _listen(child, output, time.monotonic() + timeout, reasons)
            finally:
                late = child.poll() is None
                _end_group(child, output, grace if late else 0.0)
        output.finish()
    if reasons:
        raise reasons[0]
    return Ended(None if late else child.returncode, output.tail)


def _pipe() -> tuple[tuple[int, str], tuple[int, str]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    return (reading, "rb"), (writing, "wb")


def _listen(
    child: subprocess.Popen[bytes], output: _Output, until: float, reasons: Sequence[BaseException]
) -> None:
    """Until the child has ended, the time is over, or there is a reason to stop."""
    while child.poll() is None and not reasons:
        left = until - time.monotonic()
        if left <= 0:
            return
        output.wait(min(left, _POLL))


def _end_group(child: subprocess.Popen[bytes], output: _Output, grace: float) -> None:
    """TERM if there is any grace, then KILL: what the child has left behind ends with it."""
    if grace:
        _signal(child, signal.SIGTERM)
        _listen(child, output, time.monotonic() + grace, ())
    _signal(child, signal.SIGKILL)
    child.wait()


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


class _Output:
    """What the command says: told line by line as it comes, the last lines kept."""

    def __init__(self, descriptor: int, on_line: Callable[[str], None]) -> None:
        self._descriptor = descriptor
        self._on_line = on_line
        self._rest = b""
        self._kept: deque[str] = deque(maxlen=_KEPT_LINES)
        self._told = 0
        self._open = True

    @property
    def tail(self) -> tuple[str, ...]:
        return tuple(self._kept)

    def wait(self, seconds: float) -> None:
        """Takes what there is; waits for it for so long at most."""
        if not self._open:
            time.sleep(seconds)
        elif select.select([self._descriptor], [], [], seconds)[0]:
            self._take()

    def finish(self) -> None:
        """Takes what is still in the pipe, and the last line without an end."""
        for _ in range(_MOST_LEFT):  # who has left the group may write for ever
            if not self._take():
                break
        if self._rest:
            self._add(self._rest)

    def _take(self) -> bool:
        try:
            chunk = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return False
        self._open = bool(chunk)
        *complete, rest = (self._rest + chunk).split(b"\n")
        self._rest = rest[:_CHUNK]
        for line in complete:
            self._add(line)
        return self._open

    def _add(self, line: bytes) -> None:
        text = line[: 4 * _LONGEST_LINE].decode(errors="replace").rstrip()[:_LONGEST_LINE]
        if not text:
            return
        self._kept.append(text)
        self._told += 1
        if self._told <= _MOST_LINES:
            self._on_line(text)
        elif self._told == _MOST_LINES + 1:
            self._on_line("… what it says from here on is not shown")
