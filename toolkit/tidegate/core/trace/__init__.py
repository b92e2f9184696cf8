"""A rollout and its measurements as two files, `tidegate-trace/1`: evidence to keep, to mail, to judge again.

`rollout.json` says what was done when; `samples.csv` holds what was measured. Writing is deterministic to the
byte. Reading is strict about what a number is and forgiving about order:

- rows may come in any order, they are sorted by time;
- the same row twice is dropped with a warning, two values for one series and time are a fault;
- NaN, infinities (except as a histogram's last bound), and text where a number belongs are faults;
- metrics this version does not know are ignored with a warning, and so are unknown keys of `rollout.json`.

Samples are read by columns (`columns`), a million rows in about a second; a file in which anything is wrong
is read once more row by row (`rows`), which knows the places.
"""

from __future__ import annotations

from tidegate.core.errors import Fault, InvalidInput
from tidegate.core.samples import Samples
from tidegate.core.trace.columns import read_columns
from tidegate.core.trace.head import read_rollout
from tidegate.core.trace.model import (
    BUCKETS,
    FORMAT,
    METRICS,
    MOST_FAULTS,
    ROLLOUT_FILE,
    SAMPLES_FILE,
    Rollout,
    Step,
)
from tidegate.core.trace.rows import read_rows
from tidegate.core.trace.write import write

__all__ = [
    "BUCKETS",
    "FORMAT",
    "METRICS",
    "ROLLOUT_FILE",
    "SAMPLES_FILE",
    "Rollout",
    "Step",
    "read",
    "write",
]

_BOM = "\ufeff"


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
        rollout = read_rollout(rollout_json.removeprefix(_BOM), warnings)
    except InvalidInput as bad:
        faults.extend(bad.faults)
    text, metrics = samples_csv.removeprefix(_BOM), METRICS | extra
    parsed = read_columns(text, metrics) or read_rows(text, metrics, faults)
    if faults or rollout is None:
        raise InvalidInput(tuple(faults[:MOST_FAULTS]), hint="docs/judge.md describes the two files.")
    return rollout, Samples.of(parsed.series), (*warnings, *parsed.warnings())
