"""Rollout and samples → the two texts, the same to the byte every time."""

from __future__ import annotations

import json
import math
import re

from tidegate.core.samples import Samples
from tidegate.core.trace.model import COLUMNS, FORMAT, ROLLOUT_FILE, SAMPLES_FILE, Rollout


def write(rollout: Rollout, samples: Samples) -> dict[str, str]:
    """The two files as {name: text}."""
    head = {
        "format": FORMAT,
        "service": rollout.service,
        "stable": rollout.stable,
        "candidate": rollout.candidate,
        "steps": [{"time": _plain(s.time), "percent": s.percent} for s in rollout.steps],
        "end": None if rollout.end is None else _plain(rollout.end),
        "sample_period": _plain(rollout.sample_period),
        "ingestion_delay": _plain(rollout.ingestion_delay),
    }
    return {ROLLOUT_FILE: json.dumps(head, indent=2) + "\n", SAMPLES_FILE: _samples_csv(samples)}


def _samples_csv(samples: Samples) -> str:
    with_bounds = any(key.le is not None for key in samples.by_key)
    rows = [
        (time, key.metric, key.revision, key.instance, -math.inf if key.le is None else key.le, value)
        for key, series in samples.by_key.items()
        for time, value in zip(series.times.tolist(), series.values.tolist(), strict=True)
    ]
    lines = [",".join((*COLUMNS, "le") if with_bounds else COLUMNS)]
    for time, metric, revision, instance, le, value in sorted(rows):
        cells = [_text(time), _cell(metric), _cell(revision), _cell(instance), _text(value)]
        if with_bounds:
            cells.append("" if le == -math.inf else _text(le))
        lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    # The csv module's writer leaves a lone carriage return bare, and its reader then sees two rows.
    return '"' + text.replace('"', '""') + '"' if re.search('[",\r\n]', text) else text


def _plain(number: float) -> int | float:
    return int(number) if float(number).is_integer() and abs(number) < 2**53 else float(number)


def _text(number: float) -> str:
    return "+Inf" if number == math.inf else repr(_plain(number))
