"""Files written as a whole: whoever reads one sees all of it or the one before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from tidegate.core.errors import UsageError


def write_files(place: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Into a directory that is made where it is missing; returns name → path. Raises UsageError."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            _replace(place / name, content)
    except OSError as error:
        raise UsageError(f"{error.filename or place} cannot be written: {error.strerror}") from error
    return {name: str(place / name) for name in files}


def _replace(target: Path, content: str) -> None:
    temporary = target.parent / f".{target.name}.{os.getpid()}"
    try:
        # Names from a command line can hold bytes that are no UTF-8; they must not cost the report.
        temporary.write_bytes(content.encode("utf-8", "backslashreplace"))
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
