"""The local Cloud Run in one process: `python -m tidegate.local.daemon --directory D [--owner PID:TICKS]`.

It ends when asked to (TERM, INT), when its owner is gone, or when one of its parts fails; whichever it is,
its processes end first. Should it be killed, a watchdog that only waits for that ends them.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from tidegate import procfs
from tidegate.core.errors import ExitCode, TidegateError
from tidegate.local import state
from tidegate.local.assembly import Daemon, Options, say
from tidegate.local.client import ANOTHER_RUNS
from tidegate.local.runtime import orphans


def main() -> int:
    options = _options()
    try:
        held = state.lock(options.directory)
    except TidegateError as error:
        say(f"error: {error.message}")
        return error.exit_code
    if held is None:
        say(f"another local Cloud Run runs in {options.directory}")
        return ANOTHER_RUNS
    _, most_fds = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_fds, most_fds))
    with held:
        former = state.read(options.directory)
        if former is not None:
            orphans.sweep(former.mark)
            (options.directory / "daemon.json").unlink(missing_ok=True)
        shutil.rmtree(options.directory / "mounts", ignore_errors=True)
        mark = secrets.token_hex(12)
        watchdog = _start_watchdog(mark)
        try:
            why = asyncio.run(Daemon(options, mark).run())
            say(f"ended: {why}")
        except TidegateError as error:
            say(f"error: {error.message}")
            return error.exit_code
        finally:
            orphans.sweep(mark)
            if watchdog.stdin is not None:
                watchdog.stdin.close()
            watchdog.wait()
    return ExitCode.DONE


def _start_watchdog(mark: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", orphans.__file__, mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def _options() -> Options:
    parser = argparse.ArgumentParser(prog="python -m tidegate.local.daemon")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--images", type=Path)
    parser.add_argument("--owner", default="", metavar="PID[:TICKS]")
    for name in ("sample-period", "ingestion-delay", "propagation-delay", "idle", "stop-grace"):
        parser.add_argument(f"--{name}", type=float)
    given = parser.parse_args()
    pid, _, ticks = given.owner.partition(":")
    numbers = {
        "sample_period": given.sample_period,
        "ingestion_delay": given.ingestion_delay,
        "propagation_delay": given.propagation_delay,
        "idle_seconds": given.idle,
        "stop_grace": given.stop_grace,
    }
    return Options(
        directory=given.directory.resolve(),
        images=given.images,
        owner=(int(pid), int(ticks or procfs.start_ticks(int(pid)) or 0)) if pid else None,
        **{name: value for name, value in numbers.items() if value is not None},
    )


if __name__ == "__main__":
    sys.exit(main())
