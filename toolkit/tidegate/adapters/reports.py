"""A rollout's report and its evidence, as files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from tidegate.core import trace
from tidegate.core.errors import UsageError
from tidegate.core.report import Report, markdown, summary, text


def write(directory: Path, report: Report) -> dict[str, str]:
    """Writes `<directory>/<rollout id>/…`, each file as a whole; returns name → path.

    Raises UsageError, in one sentence, for a place that cannot be written.
    """
    files: dict[str, str] = {
        "report.txt": text(report),
        "report.md": markdown(report),
        "report.json": json.dumps(summary(report), indent=2, ensure_ascii=False) + "\n",
    }
    if report.rollout is not None:
        files |= trace.write(report.rollout, report.samples)
    return _write(directory / report.state.id, files)


def _write(place: Path, files: Mapping[str, str]) -> dict[str, str]:
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            temporary = place / f".{name}.{os.getpid()}"
            temporary.write_text(content, encoding="utf-8")
            temporary.replace(place / name)
    except OSError as error:
        raise UsageError(f"{error.filename or place} cannot be written: {error.strerror}") from error
    return {name: str(place / name) for name in files}
