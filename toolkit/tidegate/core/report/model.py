"""What a report is made from, and the plain data that all its forms show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.core.report.numbers import NOISE
from tidegate.core.rollout import Phase, State, describe, sentence
from tidegate.core.samples import Samples
from tidegate.core.trace import Rollout
from tidegate.core.verdict import Attribution, Finding, MetricResult, Verdict

_VERDICTS = {
    Phase.PROMOTED: "promoted",
    Phase.ROLLED_BACK: "rolled back",
    Phase.RECOVERED: "rolled back, recovered",
    Phase.NOT_RECOVERED: "rolled back, did not help",
    Phase.HELD: "held",
    Phase.PAUSED: "paused",
    Phase.ABORTED: "aborted",
    Phase.NEEDS_PERSON: "needs a person",
}


@dataclass(frozen=True)
class Report:
    """One ended rollout, `verdicts` being its looks in order.

    `traffic` is the effective one at the end in percent by revision, None where it could not be read;
    `last_seen` that of the last time it could.
    """

    service: str
    project: str
    region: str
    url: str
    environment: str | None
    image: str
    state: State
    traffic: Mapping[str, int] | None
    verdicts: tuple[Verdict, ...]
    samples: Samples
    rollout: Rollout | None
    """None when the candidate never had traffic: then there is no trace."""
    monitoring_error: str = ""
    own: Mapping[str, str] = field(default_factory=dict)
    """The user's own metrics: id → unit, which may be empty."""
    dry_run: frozenset[str] = frozenset()
    """Metrics that were judged and could not decide."""
    last_seen: Mapping[str, int] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        return _VERDICTS.get(self.state.phase, str(self.state.phase))

    @property
    def deciding(self) -> Verdict | None:
        """The look that decided about the candidate; the last one where none did."""
        decided = self.state.decided
        before = [v for v in self.verdicts if decided is None or v.decided_at <= decided]
        return before[-1] if before else None

    @property
    def first_moved(self) -> float | None:
        return self.state.moves[0].time if self.state.moves else None

    @property
    def seconds_to_decide(self) -> float | None:
        """From the first traffic on the candidate to the verdict that ended the rollout."""
        if self.state.decided is None or self.first_moved is None:
            return None
        return max(0.0, self.state.decided - self.first_moved)

    @property
    def seconds_to_restore(self) -> float | None:
        """From the verdict to all traffic effectively back on the stable revision."""
        if self.state.restored is None or self.state.decided is None:
            return None
        return max(0.0, self.state.restored - self.state.decided)


def summary(report: Report) -> dict[str, Any]:
    """What scripts read, and `report.json`. Times are epoch seconds, durations seconds; None: not known."""
    state, deciding = report.state, report.deciding
    known = report.last_seen if report.traffic is None else report.traffic
    return {
        "service": report.service,
        "project": report.project,
        "region": report.region,
        "environment": report.environment,
        "url": report.url,
        "image": report.image,
        "rollout": state.id,
        "owner": state.owner,
        "revision": state.candidate,
        "previous_revision": state.stable,
        "phase": str(state.phase),
        "aborted": state.aborted,
        "verdict": report.verdict,
        "attribution": str(deciding.attribution if deciding else Attribution.UNKNOWN),
        "reason": state.reason,
        "why": why(report),
        "sentence": sentence(state),
        "exit_code": state.exit_code,
        "traffic": None if report.traffic is None else dict(sorted(report.traffic.items())),
        "traffic_last_seen": dict(sorted(known.items())),
        "started": state.started,
        "ended": state.entered,
        "moves": [{"time": m.time, "percent": m.percent} for m in state.moves],
        "seconds_to_decide": _rounded(report.seconds_to_decide),
        "seconds_to_restore": _rounded(report.seconds_to_restore),
        "looks": len(report.verdicts),
        "metrics": [_metric(m, report) for m in deciding.metrics] if deciding else [],
        "monitoring_error": report.monitoring_error,
    }


def why(report: Report) -> str:
    """The shortest true answer: what was found worse, else the reason of the state."""
    deciding = report.deciding
    worse = (
        [m.sentence for m in deciding.metrics if m.finding is Finding.WORSE and m.decisive]
        if deciding
        else []
    )
    return worse[0] if worse and report.state.phase is not Phase.PROMOTED else report.state.reason


def serving(report: Report) -> str:
    """What has the traffic at the end, or what is known of it, in words."""
    if report.traffic is not None:
        return describe(report.traffic)
    return f"not known, last seen: {describe(report.last_seen)}" if report.last_seen else "not known"


def finding(result: MetricResult, report: Report) -> str:
    """What was found, and whether it counted, in words."""
    told = str(result.finding).replace("_", " ")
    if result.metric in report.dry_run:
        return f"{told}, dry run"
    return told if result.decisive else f"{told}, not decisive"


def _metric(result: MetricResult, report: Report) -> dict[str, Any]:
    return {
        "metric": result.metric,
        "finding": str(result.finding),
        "decisive": result.decisive,
        "dry_run": result.metric in report.dry_run,
        "sentence": result.sentence,
        "unit": result.unit,
        "estimate": _rounded(result.estimate),
        "low": _rounded(result.low),
        "high": _rounded(result.high),
        "evidence": _rounded(result.evidence),
        "boundary": _rounded(result.boundary),
        "samples": result.samples,
    }


def _rounded(value: float | None) -> float | None:
    """Six significant digits: more is noise, and would make reports differ for nothing.

    What is left over from arithmetic is 0, and what is unbounded is not known: JSON has no infinity.
    """
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.6g}") if abs(value) >= NOISE else 0.0
