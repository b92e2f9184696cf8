"""One tidegate at a time in one working directory, also before there is a service to carry a record."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tidegate.core.errors import RolloutHeld, UsageError

_FILE = ".tidegate-lock.json"


@contextlib.contextmanager
def exclusive(directory: Path, owner: str) -> Iterator[None]:
    """Raises RolloutHeld, saying who and since when, while another process is inside.

    The lock is the kernel's (`flock`): it ends with the process that holds it, however that ends.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory / _FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"{directory} cannot be used as a working directory: {error.strerror}") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise _held(directory) from error
        os.ftruncate(handle, 0)
        content = {"owner": owner, "pid": os.getpid(), "since": time.time()}
        os.pwrite(handle, json.dumps(content).encode(), 0)
        yield
    finally:
        os.close(handle)


def _held(directory: Path) -> RolloutHeld:
    try:
        found = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        since = datetime.fromtimestamp(found["since"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        who = f"{found['owner']} (process {found['pid']}) since {since}"
    except (OSError, ValueError, KeyError, TypeError):
        who = "another process"
    return RolloutHeld(
        f"a deployment is already running here: {who}",
        hint="wait for it (--wait), or interrupt it there",
        passes=True,
    )
