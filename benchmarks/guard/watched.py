"""One simulated watch: a revision with all the traffic, and what the guard says of it at every look."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.detection.service import CANDIDATE, STABLE
from benchmarks.detection.trace import Trace
from tidegate.core.guard import Alarm, Watch, alarm, before, look
from tidegate.core.judge import Criteria
from tidegate.core.samples import Samples, Series
from tidegate.core.verdict import Decision, Finding, Verdict

EVERY = 3600.0
"""Seconds between looks."""


@dataclass(frozen=True)
class Alarmed:
    """The first look of its kind: hours since the revision got all traffic, and the metrics it was for."""

    hours: float
    metrics: str


@dataclass(frozen=True)
class Watched:
    """What came of all looks; `growing` would have rolled back, `told` was left to a person."""

    growing: Alarmed | None
    told: Alarmed | None
    unsure: int
    """Looks that were not certain."""
    looks: int
    seconds: float
    """Processor time spent looking."""


def watched(
    trace: Trace, criteria: Criteria, watch: Watch, *, to_the_end: bool, every: float = EVERY
) -> Watched:
    """Looks until the watch is over; not `to_the_end`: until the first look that calls it a leak."""
    since = trace.rollout.steps[-1].time
    first: dict[Alarm, Alarmed] = {}
    looks, unsure, spent = 0, 0, 0.0
    for number in range(1, int(watch.until / every) + 1):
        now = since + number * every
        seen = read(trace, watch, since, now)
        began = time.process_time()
        verdict = look(seen, trace.rollout, criteria, watch, since, now)
        spent += time.process_time() - began
        said = alarm(verdict, criteria)
        looks, unsure = looks + 1, unsure + (said is Alarm.UNSURE)
        first.setdefault(said, Alarmed(number * every / 3600, ", ".join(_blamed(verdict))))
        if said is Alarm.GROWING and not to_the_end:
            break
    told = min(
        (first[a] for a in (Alarm.WORSE, Alarm.HELD) if a in first), key=lambda a: a.hours, default=None
    )
    return Watched(first.get(Alarm.GROWING), told, unsure, looks, spent)


def read(trace: Trace, watch: Watch, since: float, now: float) -> Samples:
    """What `tidegate guard` would have read at `now`."""
    mine = watch.read(since, now, trace.rollout.sample_period)
    windows = {CANDIDATE: mine, STABLE: before(trace.rollout.start, watch)}
    known = trace.seen(now).by_key.values()
    cut = (one.within(windows[one.key.revision]) for one in known)
    return Samples.of(one for one in cut if isinstance(one, Series))


def _blamed(verdict: Verdict) -> Iterator[str]:
    wanted = (
        {Finding.WORSE} if verdict.decision is Decision.ROLLBACK else {Finding.SHARED, Finding.PRE_EXISTING}
    )
    for metric in verdict.metrics:
        if metric.finding in wanted and metric.decisive:
            yield metric.metric
