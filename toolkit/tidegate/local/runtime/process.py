"""One container: a real process in a session of its own, whose output goes to the log of its instance."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.local.runtime.logs import InstanceLog, Lines

_LAUNCH = str(Path(__file__).with_name("launch.py"))
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""What a container sees of the daemon's own environment. Credentials, for one, stay out."""


@dataclass(frozen=True)
class CommandLine:
    words: tuple[str, ...]
    directory: Path
    env: Mapping[str, str]

    def resolved(self) -> list[str]:
        """`python` is the interpreter tidegate runs on: a virtual environment need not be active."""
        first, *rest = self.words
        return [sys.executable if first in ("python", "python3") else first, *rest]

    def environment(self) -> dict[str, str]:
        return {name: os.environ[name] for name in _KEPT if name in os.environ} | dict(self.env)


class Process:
    """Started with `start`; `exited` is a task whose result is the exit code (negative: a signal).

    The output goes through a pipe of ours rather than one of asyncio's, which takes a process for running as
    long as anything, a grandchild for instance, holds its end of the pipe.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process, output: int, log: InstanceLog) -> None:
        """`output` is the reading end of the pipe, which is closed here."""
        self.name = name
        self.pid = process.pid
        self._process = process
        self._log = log
        self._reader = asyncio.create_task(self._read(output))
        self.exited: asyncio.Task[int] = asyncio.create_task(self._wait())

    @classmethod
    async def start(cls, name: str, command: CommandLine, log: InstanceLog) -> Process:
        """Raises OSError when not even the launcher can start (no memory, no process left)."""
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-I", "-S", _LAUNCH, str(os.getpid()), *command.resolved()),
                cwd=command.directory,
                env=command.environment(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                start_new_session=True,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return cls(name, process, reading, log)

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    async def stop(self, grace: float) -> None:
        """TERM, and KILL to everything in its session after `grace` seconds. Safe to call twice."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            await asyncio.wait({self.exited}, timeout=grace)
        self.kill()
        await asyncio.wait({self.exited})

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _wait(self) -> int:
        code = await self._process.wait()
        # A container ends with its first process: what that one left behind in its session ends too.
        self.kill()
        await asyncio.wait({self._reader}, timeout=0.5)
        self._reader.cancel()
        return code

    async def _read(self, output: int) -> None:
        lines = Lines()
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(output, "rb", 0)
        )
        try:
            while data := await reader.read(65_536):
                for line in lines.feed(data):
                    self._log.write(self.name, line)
        finally:
            for line in lines.end():
                self._log.write(self.name, line)
            transport.close()


def describe_exit(code: int) -> str:
    if code >= 0:
        return f"Container called exit({code})."
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"Container terminated on signal {-code} ({name})."
