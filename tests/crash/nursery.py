"""Processes that cost little to start: forks of one that has imported everything and opened nothing.

`Nursery` is this side of it; the other side, the process itself, is `python -m crash.nursery`. It reads one
JSON object a line, `{"id", "call": "module:function", "arguments"}`, forks, and answers `{"id", "status"}`
with the status of `waitpid` once the child is gone. When its input ends it kills what it has left and ends.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any

_LONGEST = 120
"""Seconds after which the alarm ends a child that does not end by itself."""


class Nursery:
    """Use as a context manager. Safe to use from several threads."""

    def __init__(self, log: Path, *preloaded: str) -> None:
        path = os.pathsep.join(p for p in sys.path if p)
        with log.open("ab") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "crash.nursery", *preloaded], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=said, text=True, env={**os.environ, "PYTHONPATH": path},
            )  # fmt: skip
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[int]] = {}
        self._number = 0
        self._reader = threading.Thread(target=self._read, name="nursery")
        self._reader.start()

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    def run(self, call: str, **arguments: Any) -> int:
        """Calls `module:function` in a process of its own; its exit code, negative for a signal."""
        answer: Future[int] = Future()
        assert self._process.stdin is not None
        with self._lock:
            self._number += 1
            self._waiting[self._number] = answer
            order = {"id": self._number, "call": call, "arguments": arguments}
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        return os.waitstatus_to_exitcode(answer.result())

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            with self._lock:
                self._waiting.pop(told["id"]).set_result(told["status"])
        with self._lock:
            for answer in self._waiting.values():
                answer.set_exception(RuntimeError("the nursery has ended; its log says why"))


# ------------------------------------------------------------------------------------------- the process


def serve(preloaded: list[str]) -> None:
    for module in preloaded:
        importlib.import_module(module)
    wake, woken = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, int] = {}
    orders = b""
    while True:
        ready, _, _ = select.select([0, wake], [], [])
        if wake in ready:
            os.read(wake, 4096)
            _tell_ended(children)
        if 0 in ready:
            read = os.read(0, 65536)
            if not read:
                break
            *whole, orders = (orders + read).split(b"\n")
            for line in whole:
                order = json.loads(line)
                children[_fork(order)] = order["id"]
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _tell_ended(children: dict[int, int]) -> None:
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            sys.stdout.write(json.dumps({"id": children.pop(pid), "status": status}) + "\n")
            sys.stdout.flush()


def _fork(order: dict[str, Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.alarm(_LONGEST)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(2, 1)
        module, _, function = order["call"].partition(":")
        getattr(importlib.import_module(module), function)(**order["arguments"])
        code = 0
    except BaseException:  # noqa: BLE001 - the child ends here, whatever happened in it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(sys.argv[1:])
