"""The log of one instance: lines of all its containers, each with its time, in a file that stays small."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

MOST_BYTES = 1 << 20
"""Per file; one older file of the same size is kept beside it."""
MOST_FILES = 40
"""Per revision: instances come and go, their logs must not fill the disk."""
LONGEST_LINE = 16_384


class InstanceLog:
    """Appends `TIME CONTAINER LINE`, and keeps the last lines at hand for messages."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _prune(path.parent)
        self.path = path
        self.tail: deque[str] = deque(maxlen=50)
        self._most = most_bytes
        self._file: TextIO | None = path.open("a", encoding="utf-8", errors="replace")
        self._size = path.stat().st_size

    def write(self, container: str, line: str) -> None:
        if self._file is None:
            return
        line = line[:LONGEST_LINE]
        self.tail.append(line)
        moment = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="milliseconds")[:-6]
        text = f"{moment}Z {container} {line}\n"
        self._size += len(text.encode(errors="replace"))
        self._file.write(text)
        self._file.flush()
        if self._size > self._most:
            self._file.close()
            self.path.replace(self.path.with_suffix(".log.1"))
            self._file = self.path.open("a", encoding="utf-8", errors="replace")
            self._size = 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Lines:
    """Bytes as they come from a pipe, cut into lines. A line without an end is cut when it grows too long."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[str]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            yield line.rstrip(b"\r").decode(errors="replace")
        if len(self._rest) > LONGEST_LINE:
            yield from self.end()

    def end(self) -> Iterator[str]:
        if self._rest:
            yield self._rest.decode(errors="replace")
            self._rest = b""


def _prune(directory: Path) -> None:
    found = sorted(directory.glob("*.log*"), key=lambda path: path.stat().st_mtime)
    for path in found[: max(0, len(found) - MOST_FILES)]:
        path.unlink(missing_ok=True)
