"""One child process, listened to until it ends, interrupted gently, and never left behind.

An interrupted Terraform finishes what it has begun, saves its state and releases the lock: so it is told
once, then waited for. Its output is read on all the while, whatever our own listeners do.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from tidegate.adapters.terraform.guard import guarded, signals_to
from tidegate.core.errors import Interrupted, TerraformError

CHUNK = 65536
STDERR_KEPT = 64 * 1024
"""Bytes of standard error that are read back, from its end; the rest stays in an unnamed file."""
PATIENCE = 300.0
"""Seconds that an interrupted Terraform gets to finish what it has begun and to save its state."""
LAST_CHANCE = 5.0
"""Seconds between TERM and KILL once the patience has run out."""
POLL = 0.05
"""Seconds between two looks at a child whose exit the system cannot announce."""


@dataclass(frozen=True)
class Finished:
    """How a process ended. `code` is negative for a signal, as in subprocess."""

    code: int
    stderr: str


class Runner(Protocol):
    def __call__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        on_output: Callable[[bytes], None],
        on_notice: Callable[[str], None],
    ) -> Finished:
        """Runs to the end, feeding standard output to `on_output` as it comes.

        Raises TerraformError when it cannot be started; re-raises what interrupted it, after it has ended.
        """


class ProcessRunner:
    """The real runner. `patience` and `last_chance` in seconds, `stderr_kept` in bytes; safe to use from
    several threads."""

    def __init__(
        self,
        *,
        patience: float = PATIENCE,
        last_chance: float = LAST_CHANCE,
        stderr_kept: int = STDERR_KEPT,
    ) -> None:
        self._patience = patience
        self._last_chance = last_chance
        self._stderr_kept = stderr_kept
        self._running: set[_Run] = set()
        self._lock = threading.Lock()

    def interrupt(self) -> None:
        """Interrupts whatever runs now, in other threads; each run ends in order and raises Interrupted."""
        with self._lock:
            for run in self._running:
                run.interrupt(Interrupted("Terraform was interrupted"))

    def __call__(
        self,
        command: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        on_output: Callable[[bytes], None],
        on_notice: Callable[[str], None],
    ) -> Finished:
        with contextlib.ExitStack() as stack:
            run = _Run(self._patience, self._last_chance, on_output, on_notice)
            stack.enter_context(signals_to(run.interrupt))
            stack.enter_context(run)
            with self._lock:
                self._running.add(run)
            stack.callback(self._forget, run)
            errors = stack.enter_context(tempfile.TemporaryFile())
            run.start(command, directory, environment, errors)
            code = run.listen()
            if run.reason is not None:
                raise run.reason
            return Finished(code, _tail(errors, self._stderr_kept))

    def _forget(self, run: _Run) -> None:
        with self._lock:
            self._running.discard(run)


class _Run:
    """One child from its start to its end."""

    def __init__(
        self,
        patience: float,
        last_chance: float,
        on_output: Callable[[bytes], None],
        on_notice: Callable[[str], None],
    ) -> None:
        self.reason: BaseException | None = None
        """The first exception that asked us to stop."""
        self._patience = patience
        self._last_chance = last_chance
        self._on_output = on_output
        self._on_notice = on_notice
        self._requests = 0
        self._answered = 0
        self._deadline: float | None = None
        self._forced = False
        self._wake_write = -1
        self._files = contextlib.ExitStack()

    def __enter__(self) -> _Run:
        self._wake_read, self._wake_write = os.pipe()
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)
            self._files.callback(os.close, descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def interrupt(self, reason: BaseException) -> None:
        """Called from a signal handler or another thread: notes it and wakes the loop, nothing more."""
        self.reason = self.reason or reason
        self._requests += 1
        if self._wake_write >= 0:
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_write, b"!")

    def start(
        self, command: Sequence[str], directory: Path, environment: Mapping[str, str], errors: IO[bytes]
    ) -> None:
        if self.reason is not None:
            raise self.reason
        if not directory.is_dir():
            raise TerraformError(f"{directory} is not a directory", hint="render the configuration first")
        try:
            self._child = subprocess.Popen(
                list(command),
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        except OSError as error:
            raise TerraformError(f"{command[0]} cannot be started: {error.strerror or error}") from error
        assert self._child.stdout is not None  # noqa: S101 - a pipe was asked for
        self._files.callback(self._child.stdout.close)
        self._output = self._child.stdout.fileno()
        self._leash = self._files.enter_context(guarded(self._child.pid, self._output, self._patience))

    def listen(self) -> int:
        """Reads until the child has ended, serving interrupts meanwhile; returns its exit code."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake_read, selectors.EVENT_READ)
            selector.register(self._output, selectors.EVENT_READ)
            exit_announced = _exit_descriptor(self._child.pid, self._files)
            if exit_announced is not None:
                selector.register(exit_announced, selectors.EVENT_READ)
            ended = False
            while not ended:
                self._serve_requests()
                ready = {key.fd for key, _ in selector.select(self._wait(exit_announced is not None))}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                if self._output in ready and not self._pump():
                    selector.unregister(self._output)
                ended = (
                    exit_announced in ready if exit_announced is not None else self._child.poll() is not None
                )
        if self._forced:
            self._kill(signal.SIGKILL, everyone=True)
        # What it wrote last is still in the pipe; a grandchild may hold the other end open for ever.
        os.set_blocking(self._output, False)
        while self._pump():
            pass
        return self._child.wait()

    def _wait(self, announced: bool) -> float | None:
        limits = [] if announced else [POLL]
        if self._deadline is not None:
            limits.append(max(0.0, self._deadline - time.monotonic()))
        return min(limits, default=None)

    def _pump(self) -> bool:
        try:
            chunk = os.read(self._output, CHUNK)
        except BlockingIOError:
            return False
        if chunk:
            self._safely(lambda: self._on_output(chunk))
        return bool(chunk)

    def _safely(self, call: Callable[[], None]) -> None:
        # A listener that raises wants the run to stop, but the child still has to be seen to its end.
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - raised again when the child has ended
            self._on_output = _deaf
            self._on_notice = _deaf
            self.interrupt(error)

    def _serve_requests(self) -> None:
        if self._requests > self._answered:
            self._answered = self._requests
            if self._deadline is None:
                self._deadline = time.monotonic() + self._patience
                self._kill(signal.SIGINT)
                self._leash.interrupted()
                self._notice("Interrupted: Terraform finishes what it has begun and saves its state")
            elif not self._forced:
                left = max(0, round(self._deadline - time.monotonic()))
                self._notice(f"Still waiting for Terraform to save its state, for at most {left} s more")
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._force()

    def _force(self) -> None:
        if not self._forced:
            self._forced = True
            self._deadline = time.monotonic() + self._last_chance
            self._kill(signal.SIGTERM)
            self._notice(
                "Terraform did not end in time and is stopped by force: its state lock may be left behind"
            )
        else:
            self._deadline = time.monotonic() + self._last_chance
            self._kill(signal.SIGKILL, everyone=True)

    def _notice(self, text: str) -> None:
        self._safely(lambda: self._on_notice(text))

    def _kill(self, number: signal.Signals, *, everyone: bool = False) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if everyone:
                os.killpg(self._child.pid, number)
            else:
                self._child.send_signal(number)


def _deaf(_: object) -> None:
    pass


def _exit_descriptor(pid: int, files: contextlib.ExitStack) -> int | None:
    """A descriptor that becomes readable when the process ends, where the system has such a thing."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
    files.callback(os.close, descriptor)
    return descriptor


def _tail(errors: IO[bytes], kept: int) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - kept))
    return errors.read().decode(errors="replace")
