"""A past rollout as a trace: what moved when, by the record or by the requests, and what was measured.

Reads only. Times are epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tidegate.core import record as records
from tidegate.core.errors import UsageError
from tidegate.core.reconstruct import Shares, describe, pair, steps
from tidegate.core.rollout import when
from tidegate.core.samples import Samples, Window
from tidegate.core.trace import Rollout, Step
from tidegate.ports import Clock, CloudRun, Metrics, Service, ServiceName, Telemetry

LAST = 2 * 3600.0
"""Seconds that are searched where neither a time nor a rollout is known."""
BEFORE = 3600.0
"""Seconds before a known rollout that are recorded too: how the stable revision was."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for; None is to be worked out. `stable` empty: the first deployment."""

    name: ServiceName
    telemetry: Telemetry
    window: Window | None = None
    stable: str | None = None
    candidate: str | None = None


@dataclass(frozen=True)
class Recording:
    """`source` says in words how the rollout was found."""

    rollout: Rollout
    samples: Samples
    source: str


@dataclass(frozen=True)
class _Told:
    """A rollout that tidegate did, as the service's annotations tell it; without steps if only in short."""

    id: str
    stable: str
    candidate: str
    began: float
    ended: float | None
    steps: tuple[Step, ...] = field(default=())


def record(wanted: Wanted, cloud_run: CloudRun, metrics: Metrics, clock: Clock) -> Recording:
    """Raises UsageError where the rollout cannot be told for certain, with every revision seen."""
    now = clock.now()
    told = _told(wanted, cloud_run.get_service(wanted.name))
    window = wanted.window or (
        Window(now - LAST, now) if told is None else Window(told.began - BEFORE, told.ended or now)
    )
    window = Window(window.start, max(window.start, min(window.end, now)))
    if told is not None and told.steps:
        rollout = _rollout(wanted, told.stable, told.candidate, told.steps, told.ended)
        source = f"tidegate's record of rollout {told.id}"
    else:
        shares = Shares.of(
            metrics.requests(wanted.name, window, wanted.telemetry), wanted.telemetry.sample_period
        )
        rollout = _from_requests(wanted, told, shares, window)
        source = "the requests of each revision"
        if told is not None:
            source = f"tidegate's history (rollout {told.id}), its steps from {source}"
    revisions = [r for r in (rollout.stable, rollout.candidate) if r]
    samples = metrics.samples(wanted.name, revisions, window, wanted.telemetry)
    return Recording(rollout, samples, source)


def _from_requests(wanted: Wanted, told: _Told | None, shares: Shares, window: Window) -> Rollout:
    if told is not None:
        stable, candidate = told.stable, told.candidate
    elif wanted.stable is not None and wanted.candidate is not None:
        stable, candidate = wanted.stable, wanted.candidate
    else:
        stable, candidate = pair(shares, wanted.stable, wanted.candidate)
    both = shares.between(*(r for r in (stable, candidate) if r))
    moved = steps(both, candidate)
    if not moved:
        seen = describe(shares) or "nothing"
        raise UsageError(
            f"the requests do not show any traffic moving to {candidate}; seen: {seen}",
            hint="choose the time with --from and --to, or other revisions with --stable and --candidate",
        )
    return _rollout(wanted, stable, candidate, moved, told.ended if told is not None else window.end)


def _rollout(
    wanted: Wanted, stable: str, candidate: str, moved: tuple[Step, ...], end: float | None
) -> Rollout:
    telemetry = wanted.telemetry
    end = None if end is None else max(end, moved[-1].time)
    return Rollout(
        wanted.name.service, stable, candidate, moved, end, telemetry.sample_period, telemetry.ingestion_delay
    )


# ------------------------------------------------------------------------------------------- the record


def _told(wanted: Wanted, service: Service | None) -> _Told | None:
    """The one rollout on record that is meant: the newest, unless revisions or a time are given."""
    if service is None:
        return None
    found = [told for told in _all_told(service) if _meant(told, wanted)]
    if len(found) > 1 and wanted.window is not None:
        listed = "; ".join(f"{t.candidate} after {t.stable or 'nothing'}, {when(t.began)}" for t in found)
        raise UsageError(
            f"{len(found)} rollouts of {wanted.name.service} lie in that time: {listed}",
            hint="choose one with --candidate, or a shorter time with --from and --to",
        )
    return found[0] if found else None


def _meant(told: _Told, wanted: Wanted) -> bool:
    if wanted.candidate not in (None, told.candidate) or wanted.stable not in (None, told.stable):
        return False
    window = wanted.window
    ended = float("inf") if told.ended is None else told.ended
    return window is None or (told.began < window.end and ended > window.start)


def _all_told(service: Service) -> list[_Told]:
    """Newest first. Rollouts that never got as far as a candidate are none."""
    found: list[_Told] = []
    last = records.find(service.annotations)
    if isinstance(last, records.Record):
        state = last.state
        moves = tuple(Step(m.time, m.percent) for m in state.moves)
        ended = state.entered if state.final else None
        found.append(_Told(state.id, state.stable, state.candidate, state.started, ended, moves))
    for past in records.history(service.annotations):
        if past.id not in {told.id for told in found}:
            found.append(_Told(past.id, past.stable, past.candidate, past.started, past.ended))
    return [told for told in found if told.candidate and told.candidate != told.stable]
