"""A rollout's report and its evidence, as files."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from tidegate.core import trace
from tidegate.core.errors import UsageError
from tidegate.core.report import Report, markdown, page, summary, text


def write(directory: Path, report: Report, template: str) -> dict[str, str]:
    """Writes `<directory>/<rollout id>/…`, each file as a whole; returns name → path.

    `template` is the text of the page. Raises UsageError, in one sentence, for a place that cannot be
    written, and InvalidInput for a faulty template; the other files are there then.
    """
    place = directory / report.state.id
    files: dict[str, str] = {
        "report.txt": text(report),
        "report.md": markdown(report),
        "report.json": json.dumps(summary(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    }
    if report.rollout is not None:
        files |= trace.write(report.rollout, report.samples)
    paths = write_files(place, files)
    return write_files(place, {"report.html": page(report, template)}) | paths


def write_files(place: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Each file as a whole, into a directory that is made where it is missing; returns name → path."""
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
