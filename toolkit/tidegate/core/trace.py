"""A rollout and its measurements as two files, `tidegate-trace/1`: evidence to keep, to mail, to judge again.

`rollout.json` says what was done when; `samples.csv` holds what was measured. Writing is deterministic to the
byte. Reading is strict about what a number is and forgiving about order:

- rows may come in any order, they are sorted by time;
- the same row twice is dropped with a warning, two values for one series and time are a fault;
- NaN, infinities (except as a histogram's last bound), and text where a number belongs are faults;
- metrics this version does not know are ignored with a warning, and so are unknown keys of `rollout.json`.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.samples import Key, Samples, Series

FORMAT = "tidegate-trace/1"
ROLLOUT_FILE = "rollout.json"
SAMPLES_FILE = "samples.csv"
BUCKETS = "latency_ms_bucket"
METRICS = frozenset(
    {
        "request_count",
        "error_count",
        "error_ratio",
        "latency_p50_ms",
        "latency_p95_ms",
        "latency_p99_ms",
        "latency_mean_ms",
        "cpu_utilization",
        "memory_bytes",
        "memory_utilization",
        "max_fds",
        "open_fds",
        "pending_requests",
        "tcp_connections",
        "in_flight_requests",
        "instance_count",
        "billable_instance_seconds",
        BUCKETS,
    }
)
"""Every metric id a trace of this format can hold."""

_COLUMNS = ("time", "metric", "revision", "instance", "value")
_KEYS = ("format", "service", "stable", "candidate", "steps", "end", "sample_period", "ingestion_delay")
_MOST_FAULTS = 50


@dataclass(frozen=True)
class Step:
    """`percent` of the traffic goes to the candidate from `time` (epoch seconds) on."""

    time: float
    percent: int

    def __post_init__(self) -> None:
        if not math.isfinite(self.time):
            raise ValueError("the time of a step must be finite")
        if not 0 <= self.percent <= 100:
            raise ValueError(f"a step sends 0 to 100 percent, not {self.percent}")


@dataclass(frozen=True)
class Rollout:
    """What was done, as far as judging needs it. Times are epoch seconds, periods and delays seconds.

    `stable` is empty on a first deployment. `steps[0].time` is when the candidate first got traffic; earlier
    samples are the pre-period. `end` is None while the rollout runs.
    """

    service: str
    stable: str
    candidate: str
    steps: tuple[Step, ...]
    end: float | None
    sample_period: float
    ingestion_delay: float

    def __post_init__(self) -> None:
        if not self.candidate:
            raise ValueError("a rollout has a candidate")
        if self.stable == self.candidate:
            raise ValueError("stable and candidate are the same revision")
        if not self.steps:
            raise ValueError("a rollout has at least one step")
        if any(b.time < a.time for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError("steps go forward in time")
        if self.end is not None and not (math.isfinite(self.end) and self.end >= self.steps[-1].time):
            raise ValueError("a rollout ends after its last step")
        if not (math.isfinite(self.sample_period) and self.sample_period > 0):
            raise ValueError("the sample period is a positive number of seconds")
        if not (math.isfinite(self.ingestion_delay) and self.ingestion_delay >= 0):
            raise ValueError("the ingestion delay is a number of seconds, 0 or more")

    @property
    def start(self) -> float:
        """When the candidate first got traffic."""
        return self.steps[0].time

    def percent_at(self, time: float) -> int:
        """Percent of the traffic on the candidate at `time`; 0 before the first step."""
        percent = 0
        for step in self.steps:
            if step.time <= time:
                percent = step.percent
        return percent


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
    lines = [",".join((*_COLUMNS, "le") if with_bounds else _COLUMNS)]
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


def read(
    rollout_json: str, samples_csv: str, extra: frozenset[str] = frozenset()
) -> tuple[Rollout, Samples, tuple[str, ...]]:
    """The rollout, its samples, and warnings. Raises InvalidInput with every fault of both files.

    `extra` are metric ids that are read beside `METRICS`: a policy's own.
    """
    warnings: list[str] = []
    faults: list[Fault] = []
    rollout: Rollout | None = None
    try:
        rollout = _read_rollout(rollout_json.removeprefix("\ufeff"), warnings)
    except InvalidInput as bad:
        faults.extend(bad.faults)
    samples = _read_samples(samples_csv.removeprefix("\ufeff"), warnings, faults, METRICS | extra)
    if faults or rollout is None:
        raise InvalidInput(tuple(faults[:_MOST_FAULTS]), hint="docs/judge.md describes the two files.")
    return rollout, samples, tuple(warnings)


# ---------------------------------------------------------------------------------------- rollout.json


def _read_rollout(text: str, warnings: list[str]) -> Rollout:
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_no_duplicates)
    except json.JSONDecodeError as bad:
        raise _refused(bad.lineno, bad.colno, f"not valid JSON: {bad.msg}") from bad
    except (ValueError, RecursionError) as bad:
        reason = "nested too deeply" if isinstance(bad, RecursionError) else str(bad)
        raise _refused(0, 0, f"not valid JSON: {reason}") from bad
    if not isinstance(document, dict):
        raise _refused(1, 1, "the file holds one JSON object")
    if document.get("format") != FORMAT:
        raise _at(text, "format", f'"format" must be "{FORMAT}"')
    warnings.extend(f"{ROLLOUT_FILE}: unknown key {key!r} is ignored" for key in document if key not in _KEYS)
    steps = document.get("steps")
    if not isinstance(steps, list) or not all(isinstance(s, dict) for s in steps):
        raise _at(text, "steps", '"steps" must be a list of {"time", "percent"}')
    end = document.get("end")
    values = {key: _string(text, document, key) for key in ("service", "stable", "candidate")}
    try:
        return Rollout(
            values["service"],
            values["stable"],
            values["candidate"],
            tuple(Step(_number(text, s, "time"), _percent(text, s)) for s in steps),
            None if end is None else _number(text, document, "end"),
            _number(text, document, "sample_period"),
            _number(text, document, "ingestion_delay"),
        )
    except ValueError as bad:
        raise _refused(1, 1, str(bad)) from bad


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} appears twice")
        found[key] = value
    return found


def _string(text: str, document: Mapping[str, object], key: str) -> str:
    value = document.get(key, "" if key == "stable" else None)
    if not isinstance(value, str):
        raise _at(text, key, f'"{key}" must be a string')
    return value


def _number(text: str, document: Mapping[str, object], key: str) -> float:
    value = document.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _at(text, key, f'"{key}" must be a number of seconds')
    try:
        return float(value)
    except OverflowError as bad:
        raise _at(text, key, f'"{key}" is too large') from bad


def _percent(text: str, step: Mapping[str, object]) -> int:
    value = _number(text, step, "percent")
    if not value.is_integer():
        raise _at(text, "percent", '"percent" must be a whole number')
    return int(value)


def _at(text: str, key: str, message: str) -> InvalidInput:
    """Faults of content point at the first place the key is written, or at the start when it is missing."""
    place = re.search(rf'"{re.escape(key)}"\s*:', text)
    if place is None:
        return _refused(1, 1, message)
    before = text[: place.start()]
    return _refused(before.count("\n") + 1, place.start() - before.rfind("\n"), message)


def _refused(line: int, column: int, message: str) -> InvalidInput:
    return InvalidInput((Fault(ROLLOUT_FILE, line, column, message),))


# ----------------------------------------------------------------------------------------- samples.csv


def _read_samples(text: str, warnings: list[str], faults: list[Fault], metrics: frozenset[str]) -> Samples:
    found: dict[Key, dict[float, float]] = {}
    unknown: dict[str, int] = {}
    repeated = 0
    for line, row in _rows(text, faults):
        if len(faults) >= _MOST_FAULTS:
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
    for metric, count in sorted(unknown.items()):
        warnings.append(f"{SAMPLES_FILE}: unknown metric {metric!r} is ignored ({count} rows)")
    if repeated:
        warnings.append(f"{SAMPLES_FILE}: {repeated} repeated rows are dropped")
    return Samples.of(_series(key, points) for key, points in found.items())


def _series(key: Key, points: Mapping[float, float]) -> Series:
    times = np.array(sorted(points), dtype=np.float64)
    return Series(key, times, np.array([points[t] for t in times.tolist()], dtype=np.float64))


def _rows(text: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header with their line numbers, all of the header's width."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    width = 0
    try:
        for row in reader:
            if not row:
                continue
            if not width:
                if tuple(row) not in (_COLUMNS, (*_COLUMNS, "le")):
                    message = f"the header must be {','.join(_COLUMNS)} with an optional sixth column le"
                    faults.append(Fault(SAMPLES_FILE, reader.line_num, 1, message))
                    return
                width = len(row)
            elif len(row) != width:
                message = f"{len(row)} columns where the header has {width}"
                faults.append(Fault(SAMPLES_FILE, reader.line_num, 1, message))
                if len(faults) >= _MOST_FAULTS:
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
