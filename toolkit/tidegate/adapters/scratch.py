"""A directory for the length of a task."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tidegate.core.errors import UsageError


@contextlib.contextmanager
def scratch(purpose: str) -> Iterator[Path]:
    """Removed with all that is in it when the block ends, also by Ctrl-C. Raises UsageError."""
    try:
        made = tempfile.TemporaryDirectory(prefix=f"tidegate-{purpose}-")
    except OSError as error:
        raise UsageError(
            f"no temporary directory can be made: {error.strerror or error}",
            hint="name one in TMPDIR that can be written",
        ) from error
    with made as name:
        yield Path(name)
