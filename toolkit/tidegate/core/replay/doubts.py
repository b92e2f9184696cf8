"""What makes one doubt that the samples are what the trace says they are.

Nothing here is judged, and nothing is put right: a doubt is said, and where it is `grave` the candidate is
not promoted on such evidence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from tidegate.core.replay.looks import stop_of
from tidegate.core.samples import FloatArray, Samples, Series
from tidegate.core.trace import METRICS, Rollout

_COUNTS = ("request_count", "error_count", "billable_instance_seconds")
_MOST_NAMED = 5
_FEW = 10
"""Samples below which a count that only rises is no surprise."""
_SHIFT = 600.0
"""Seconds by which clocks must differ at least to be told from a late start."""


@dataclass(frozen=True)
class Doubt:
    sentence: str
    grave: bool = False
    """Nothing is promoted on this evidence."""


@dataclass(frozen=True)
class _Span:
    """First and last sample of a revision, epoch seconds."""

    first: float
    last: float

    def __str__(self) -> str:
        return f"{_when(self.first)} to {_when(self.last)}"


def doubts(rollout: Rollout, samples: Samples) -> tuple[Doubt, ...]:
    """Every doubt about the samples of a trace, the grave ones first."""
    found = [
        *_nothing(rollout, samples),
        *_clocks(rollout, samples),
        *_cut_short(rollout, samples),
        *_cumulative(rollout, samples),
        *_below_zero(rollout, samples),
        *_others(rollout, samples),
    ]
    return tuple(sorted(found, key=lambda doubt: not doubt.grave))


def _nothing(rollout: Rollout, samples: Samples) -> Iterator[Doubt]:
    if not _of(samples, rollout.candidate):
        yield Doubt(f"{rollout.candidate} has no sample at all", grave=True)
    if rollout.stable and not _of(samples, rollout.stable):
        yield Doubt(
            f"{rollout.stable} has no sample at all: there is nothing to compare {rollout.candidate} with",
            grave=True,
        )


# -------------------------------------------------------------------------------------------- clocks


def _clocks(rollout: Rollout, samples: Samples) -> Iterator[Doubt]:
    candidate, stable = (_span(_of(samples, r)) for r in (rollout.candidate, rollout.stable))
    stop = stop_of(rollout)
    if candidate is not None and (why := _outside(rollout, candidate, stop)):
        yield _other_clock(rollout, rollout.candidate, candidate, why)
    if stable is None:
        return
    shared = rollout.steps[0].percent < 100  # the stable revision had traffic beside the candidate
    if stop is not None and stable.first > stop + rollout.ingestion_delay:
        yield _other_clock(rollout, rollout.stable, stable, _by(stable.first - stop, "after the rollout"))
    elif shared and stable.last < rollout.start - _slack(rollout):
        yield _other_clock(
            rollout, rollout.stable, stable, _by(rollout.start - stable.last, "before the rollout")
        )
    elif shared and (late := stable.first - rollout.start) > _long(rollout, candidate):
        yield _other_clock(
            rollout,
            rollout.stable,
            stable,
            f"begin {late / 60:,.0f} min after the rollout, which it had traffic in",
        )
    elif candidate is not None and (gap := _left_early(rollout, stable, candidate)):
        yield Doubt(
            f"the samples of {rollout.stable} ({stable}) end {gap / 60:.0f} min before those of "
            f"{rollout.candidate} ({candidate}), although it still had traffic; the clocks may differ",
            grave=True,
        )


def _cut_short(rollout: Rollout, samples: Samples) -> Iterator[Doubt]:
    """What nobody measured to its end is not known to have gone well."""
    both = _span([*_of(samples, rollout.candidate), *_of(samples, rollout.stable)])
    stop = stop_of(rollout)
    if both is None or stop is None or both.last <= rollout.start:
        return
    gap = stop - rollout.ingestion_delay - both.last
    if gap > max(10 * rollout.sample_period, _SHIFT, (stop - rollout.start) / 4):
        yield Doubt(f"the samples end {gap / 60:,.0f} min before the rollout does", grave=True)


def _outside(rollout: Rollout, span: _Span, stop: float | None) -> str:
    """How the candidate's samples miss the rollout; empty if they do not."""
    slack = _slack(rollout)
    if span.last < rollout.start - slack:
        return _by(rollout.start - span.last, "before the rollout")
    if stop is None:
        return ""
    if span.first > stop + slack:
        return _by(span.first - stop, "after the rollout")
    early, late = span.first - rollout.start, span.last - stop
    shift = (early + late) / 2
    same = abs(early - late) <= max(2 * rollout.sample_period, 0.1 * abs(shift))
    if same and min(abs(early), abs(late)) >= _SHIFT:
        return f"begin and end {abs(shift) / 60:.0f} min {'later' if shift > 0 else 'earlier'} than it"
    return ""


def _left_early(rollout: Rollout, stable: _Span, candidate: _Span) -> float:
    """Seconds for which only the candidate was measured although both had traffic; 0 if that is not long."""
    whole = next((s.time for s in rollout.steps if s.percent == 100), float("inf"))
    gap = min(candidate.last, whole) - stable.last
    return gap if gap > _long(rollout, candidate) else 0.0


def _long(rollout: Rollout, candidate: _Span | None) -> float:
    """Seconds without a sample that scaling to zero does not explain."""
    length = candidate.last - rollout.start if candidate is not None else 0.0
    return max(10 * rollout.sample_period, _SHIFT, length / 4)


def _slack(rollout: Rollout) -> float:
    return max(5 * rollout.sample_period, rollout.ingestion_delay)


def _by(seconds: float, where: str) -> str:
    hint = "; are they milliseconds?" if seconds > 1e11 else ""
    return f"all lie {seconds / 60:,.0f} min or more {where}{hint}"


def _other_clock(rollout: Rollout, revision: str, span: _Span, why: str) -> Doubt:
    ends = stop_of(rollout)
    until = "" if ends is None else f" to {_when(ends)}"
    return Doubt(
        f"the samples of {revision} ({span}) {why} ({_when(rollout.start)}{until}): "
        "its clock is not the rollout's",
        grave=True,
    )


def _when(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g} s"


# -------------------------------------------------------------------------------------------- values


def _cumulative(rollout: Rollout, samples: Samples) -> Iterator[Doubt]:
    for metric in _COUNTS:
        revisions = [r for r in (rollout.stable, rollout.candidate) if r]
        long = [s for r in revisions for s in samples.of_metric(metric, r) if len(s) > _FEW]
        if long and all(_only_rises(series.values) for series in long):
            names = " and ".join(sorted({s.key.revision for s in long}))
            yield Doubt(
                f"{metric} of {names} only ever rises: it looks like a counter since the start, "
                "and the format wants the count of each sample period",
                grave=True,
            )


def _only_rises(values: FloatArray) -> bool:
    """Rising but for resets, each to less than half: what a counter does and a count per period does not."""
    change = np.diff(values)
    resets = values[1:] < 0.5 * values[:-1]
    return bool((change[~resets] > 0).all() and resets.sum() <= change.size / _FEW and change.size >= _FEW)


def _below_zero(rollout: Rollout, samples: Samples) -> Iterator[Doubt]:
    for metric in sorted(samples.metrics() & METRICS):
        for revision in filter(None, (rollout.stable, rollout.candidate)):
            count = sum(int((s.values < 0).sum()) for s in samples.of_metric(metric, revision))
            if count:
                yield Doubt(f"{count:,} values of {metric} of {revision} are below 0 and are left out")


def _others(rollout: Rollout, samples: Samples) -> Iterator[Doubt]:
    others = sorted({k.revision for k in samples.by_key} - {rollout.stable, rollout.candidate})
    if others:
        named = ", ".join(others[:_MOST_NAMED]) + (", …" if len(others) > _MOST_NAMED else "")
        yield Doubt(f"the samples of {named} are not looked at: the rollout does not name them")


def _of(samples: Samples, revision: str) -> list[Series]:
    return [s for key, s in samples.by_key.items() if revision and key.revision == revision]


def _span(series: list[Series]) -> _Span | None:
    if not series:
        return None
    return _Span(min(float(s.times[0]) for s in series), max(float(s.times[-1]) for s in series))
