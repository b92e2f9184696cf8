"""A rollout's report and its evidence, as files."""

from __future__ import annotations

import json
from pathlib import Path

from tidegate.adapters.files import write_files
from tidegate.core import trace
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
