"""Finding, starting and ending a local Cloud Run, and asking how it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tidegate import procfs
from tidegate.core.errors import NotFound, Unreachable, UsageError
from tidegate.local import state
from tidegate.local.state import LocalCloud

ANOTHER_RUNS = 75
"""Exit code of a daemon that finds its directory taken."""
DEFAULT_DIRECTORY = Path(".tidegate/local")
_LONGEST_START = 60.0
_LOG_LIMIT = 1 << 20


def find(directory: Path) -> LocalCloud | None:
    """The one that runs in the directory now, or None."""
    cloud = state.read(Path(directory))
    return cloud if cloud is not None and cloud.is_alive else None


def start(
    directory: Path,
    *,
    images: Path | None = None,
    owner_pid: int = 0,
    sample_period: float = 1.0,
    ingestion_delay: float = 2.0,
    propagation_delay: float = 0.0,
    idle_seconds: float = 60.0,
    stop_grace: float = 10.0,
) -> LocalCloud:
    """Starts a daemon and returns when it serves; one that runs here already, the same way, is returned.

    The daemon ends with the process `owner_pid` (0: with nobody). Raises UsageError when one runs here
    differently, or with the end of its log when the new one does not come up.
    """
    if not Path("/proc/self/stat").exists():
        raise UsageError("the local Cloud Run needs Linux: it reads its telemetry from /proc")
    directory = Path(directory).resolve()
    running = find(directory)
    if running is not None:
        return _same(running, images, sample_period, ingestion_delay)
    command = [sys.executable, "-m", "tidegate.local.daemon", "--directory", str(directory)]
    command += ["--images", str(Path(images).resolve())] if images else []
    command += ["--owner", _owner(owner_pid)] if owner_pid else []
    numbers = {
        "sample-period": sample_period,
        "ingestion-delay": ingestion_delay,
        "propagation-delay": propagation_delay,
        "idle": idle_seconds,
        "stop-grace": stop_grace,
    }
    for name, value in numbers.items():
        command += [f"--{name}", str(value)]
    return _spawn(directory, command, images, sample_period, ingestion_delay)


def stop(directory: Path, patience: float = 30.0) -> bool:
    """Ends the daemon and waits until it is gone, killing it after `patience` seconds. False: none ran."""
    cloud = find(directory)
    if cloud is None:
        return False
    _signal(cloud.pid, signal.SIGTERM)
    end = time.monotonic() + patience
    while cloud.is_alive and time.monotonic() < end:
        time.sleep(0.02)
    if cloud.is_alive:
        _signal(cloud.pid, signal.SIGKILL)
        while cloud.is_alive:
            time.sleep(0.02)
    state.withdraw(cloud.directory, cloud.pid)
    return True


def status(directory: Path) -> dict[str, Any]:
    """Services, their effective split and revisions, and each instance with pid, fds and connections; and
    under `reattach` what Terraform is told in TF_REATTACH_PROVIDERS.

    Raises NotFound when no local Cloud Run runs here, Unreachable when it does not answer.
    """
    cloud = find(directory)
    if cloud is None:
        raise NotFound(f"no local Cloud Run runs in {directory}", hint="tidegate local up")
    try:
        with urllib.request.urlopen(cloud.status, timeout=10) as answer:  # noqa: S310 (its own loopback URL)
            found: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        raise Unreachable(f"the local Cloud Run in {directory} does not answer: {error}") from error
    return found | {"reattach": dict(cloud.reattach)}


def logs(directory: Path, service: str = "", revision: str = "", lines: int = 100) -> list[str]:
    """The last lines of all instances' logs in the order of time: `TIME REVISION/INSTANCE CONTAINER LINE`."""
    found = [line for path in log_files(directory, service, revision) for line in _named(path)]
    return sorted(found)[-lines:] if lines else sorted(found)


def follow(directory: Path, service: str = "", revision: str = "", lines: int = 10) -> Iterator[str]:
    """The last lines, and then every new one as it is written, for as long as the daemon runs."""
    seen = {path: _size(path) for path in log_files(directory, service, revision)}
    yield from logs(directory, service, revision, lines) if lines else ()
    while find(directory) is not None:
        fresh: list[str] = []
        for path in log_files(directory, service, revision):
            size = _size(path)
            begin = seen.get(path, 0)
            if size != begin:
                chunk, seen[path] = _new_lines(path, begin if size > begin else 0)
                fresh += chunk
        yield from sorted(fresh)
        time.sleep(0.1)


def log_files(directory: Path, service: str = "", revision: str = "") -> list[Path]:
    found = Path(directory).glob("logs/*/*/*.log")
    return sorted(
        path
        for path in found
        if (not service or path.parts[-3] == service) and (not revision or path.parts[-2] == revision)
    )


def _spawn(
    directory: Path, command: list[str], images: Path | None, sample_period: float, ingestion_delay: float
) -> LocalCloud:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        log = directory / "daemon.log"
        if log.exists() and log.stat().st_size > _LOG_LIMIT:
            log.replace(directory / "daemon.log.1")
        begin = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            daemon = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
    except OSError as error:
        raise UsageError(f"{directory}: cannot hold the local Cloud Run's state: {error.strerror}") from error
    # Collects it when it ends, however long we live: it would stay a zombie otherwise.
    threading.Thread(target=daemon.wait, name="local-cloud-run", daemon=True).start()
    end = time.monotonic() + _LONGEST_START
    try:
        while time.monotonic() < end:
            code = daemon.poll()
            cloud = find(directory)
            if cloud is not None and cloud.pid == daemon.pid:
                return cloud
            if cloud is not None and code == ANOTHER_RUNS:
                return _same(cloud, images, sample_period, ingestion_delay)
            if code not in (None, ANOTHER_RUNS):
                raise UsageError(
                    _why(log, begin) or f"the local Cloud Run ended with exit code {code} at start-up"
                )
            time.sleep(0.02)
    except BaseException:
        _end(daemon)
        raise
    _end(daemon)
    raise UsageError(f"the local Cloud Run was not ready within {_LONGEST_START:.0f} s", hint=f"see {log}")


def _same(
    running: LocalCloud, images: Path | None, sample_period: float, ingestion_delay: float
) -> LocalCloud:
    asked = (str(Path(images).resolve()) if images else running.images, sample_period, ingestion_delay)
    if asked != (running.images, running.sample_period, running.ingestion_delay):
        raise UsageError(
            f"a local Cloud Run with other options already runs in {running.directory} (pid {running.pid})",
            hint="end it with: tidegate local down",
        )
    return running


def _why(log: Path, begin: int) -> str:
    """What the daemon said: its own last sentence, or the last lines of a traceback."""
    with log.open("rb") as file:
        file.seek(begin)
        said = file.read().decode(errors="replace").strip().splitlines()
    errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
    if errors:
        return errors[-1]
    return "the local Cloud Run failed at start-up:\n" + "\n".join(said[-15:]) if said else ""


def _owner(pid: int) -> str:
    ticks = procfs.start_ticks(pid)
    if ticks is None:
        raise UsageError(f"there is no process {pid} to own the local Cloud Run")
    return f"{pid}:{ticks}"


def _end(daemon: subprocess.Popen[bytes]) -> None:
    if daemon.poll() is None:
        daemon.terminate()
        try:
            daemon.wait(15)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _named(path: Path) -> list[str]:
    older = path.with_suffix(".log.1")
    lines: list[str] = []
    for one in (older, path):
        if one.exists():
            lines += one.read_text(encoding="utf-8", errors="replace").splitlines()
    return [_with_name(path, line) for line in lines]


def _with_name(path: Path, line: str) -> str:
    moment, _, rest = line.partition(" ")
    return f"{moment} {path.parts[-2]}/{path.stem} {rest}"


def _new_lines(path: Path, begin: int) -> tuple[list[str], int]:
    """Whole lines only; the position of the first byte not yet told."""
    with path.open("rb") as file:
        file.seek(begin)
        whole, newline, _ = file.read().rpartition(b"\n")
    text = whole.decode(errors="replace")
    return [_with_name(path, line) for line in text.splitlines()], begin + len(whole) + len(newline)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


__all__ = [
    "ANOTHER_RUNS",
    "DEFAULT_DIRECTORY",
    "LocalCloud",
    "find",
    "follow",
    "log_files",
    "logs",
    "start",
    "status",
    "stop",
]
