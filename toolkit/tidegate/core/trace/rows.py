"""samples.csv row by row, with every fault in its place: for files that cannot be read by columns."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping

import numpy as np

from tidegate.core.errors import Fault
from tidegate.core.samples import Key, Series
from tidegate.core.trace.model import BUCKETS, COLUMNS, MOST_FAULTS, SAMPLES_FILE
from tidegate.core.trace.parsed import Parsed, lines


def read_rows(text: str, metrics: frozenset[str], faults: list[Fault]) -> Parsed:
    """What can be read; `faults` takes what cannot."""
    found: dict[Key, dict[float, float]] = {}
    unknown: dict[str, int] = {}
    repeated = 0
    for line, row in _rows(text, faults):
        if len(faults) >= MOST_FAULTS:
            break
        if row[1] not in metrics:
            unknown[row[1]] = unknown.get(row[1], 0) + 1
            continue
        parsed = _parse_row(line, row, faults)
        if parsed is None:
            continue
        key, time, value = parsed
        known = found.setdefault(key, {})
        if time not in known:
            known[time] = value
        elif known[time] == value:
            repeated += 1
        else:
            faults.append(
                Fault(SAMPLES_FILE, line, 1, f"a second value for {key.metric} of {key.revision} at {row[0]}")
            )
    return Parsed(tuple(_series(key, points) for key, points in found.items()), unknown, repeated)


def _series(key: Key, points: Mapping[float, float]) -> Series:
    times = np.array(sorted(points), dtype=np.float64)
    return Series(key, times, np.array([points[t] for t in times.tolist()], dtype=np.float64))


def _rows(text: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header with their line numbers, all of the header's width."""
    reader = csv.reader(lines(text), strict=True)
    width = 0
    try:
        for row in reader:
            if not row:
                continue
            if not width:
                if tuple(row) not in (COLUMNS, (*COLUMNS, "le")):
                    message = f"the header must be {','.join(COLUMNS)} with an optional sixth column le"
                    faults.append(Fault(SAMPLES_FILE, reader.line_num, 1, message))
                    return
                width = len(row)
            elif len(row) != width:
                message = f"{len(row)} columns where the header has {width}"
                faults.append(Fault(SAMPLES_FILE, reader.line_num, 1, message))
                if len(faults) >= MOST_FAULTS:
                    return
            else:
                yield reader.line_num, row
    except csv.Error as bad:
        faults.append(Fault(SAMPLES_FILE, reader.line_num, 1, f"not valid CSV: {bad}"))
        return
    if not width:
        faults.append(Fault(SAMPLES_FILE, 1, 1, "the file is empty; it needs at least its header"))


def _parse_row(line: int, row: list[str], faults: list[Fault]) -> tuple[Key, float, float] | None:
    time, value = _float(row[0]), _float(row[4])
    le_text = row[5] if len(row) > 5 else ""
    le = _float(le_text) if le_text else None
    before = len(faults)

    def fault(index: int, message: str) -> None:
        column = 1 + sum(len(cell) + 1 for cell in row[:index])
        faults.append(Fault(SAMPLES_FILE, line, column, message))

    if not math.isfinite(time):
        fault(0, f"the time must be a finite number of epoch seconds, not {_shown(row[0])}")
    if not row[2]:
        fault(2, "the revision is missing")
    if not math.isfinite(value):
        fault(4, f"the value must be a finite number, not {_shown(row[4])}")
    if row[1] == BUCKETS and (le is None or math.isnan(le) or le == -math.inf):
        fault(5, f"{BUCKETS} needs its upper bound in the column le")
    if row[1] != BUCKETS and le_text:
        fault(5, f"only {BUCKETS} has a bound in the column le")
    return None if len(faults) > before else (Key(row[1], row[2], row[3], le), time, value)


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
