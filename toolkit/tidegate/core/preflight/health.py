"""Is one revision healthy now? Held against absolute limits, by the judge's own tests where it has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tidegate.core.judge import Criteria, judge
from tidegate.core.judge.leak import growing
from tidegate.core.judge.wording import amount, counted, duration, milliseconds, noun, percent
from tidegate.core.preflight.model import Finding, Kind, Look
from tidegate.core.samples import NoData, Samples, Window
from tidegate.core.spec import Alerts
from tidegate.core.trace import Rollout, Step
from tidegate.core.verdict import Finding as Judged
from tidegate.core.verdict import MetricResult

RECENT = 5
"""Sample periods that count as now."""
LONG, WARM_UPS = 30, 15
"""Sample periods and warm-ups that are looked back, the longer of them."""
NEAR = 0.9
"""Part of the limit of file descriptors from which it is near; the alert policy has the same."""
ALPHA = 0.05
"""Chance of calling a healthy service burning. The judge's is smaller: here nothing is rolled back."""
P99 = "latency_p99_ms"


LATER = "a deployment goes on without; a rollout that sees nothing is not promoted"
POWER = "`tidegate power` says how long the steps would have to be"
CURE = "deploy the fix, it is judged for improvement; or go back: `tidegate rollback --to REVISION`"


def limits(criteria: Criteria, alerts: Alerts) -> Criteria:
    """The judge's settings with the alerts' thresholds where those are lower, and no metric required."""
    errors, latency = criteria.error_limit, criteria.latency_limit_ms
    if alerts.enabled and alerts.error_ratio.enabled and alerts.error_ratio.threshold > 0:
        errors = min(errors, alerts.error_ratio.threshold)
    if alerts.enabled and alerts.latency_p99.enabled and alerts.latency_p99.threshold > 0:
        alerted = 1000 * alerts.latency_p99.threshold
        latency = alerted if latency is None else min(latency, alerted)
    return replace(criteria, error_limit=errors, latency_limit_ms=latency, alpha=ALPHA)


def looked_back(criteria: Criteria, sample_period: float) -> float:
    """Seconds of samples that are judged."""
    return max(LONG * sample_period, WARM_UPS * criteria.warm_up)


@dataclass(frozen=True)
class _Now:
    """One revision in the recent past."""

    look: Look
    samples: Samples
    revision: str
    criteria: Criteria

    def recent(self, metric: str) -> list[list[float]]:
        """The values of each series of the metric in the last sample periods."""
        window = Window(self.look.cut - (RECENT + 0.5) * self.look.sample_period, self.look.cut)
        cut = (s.within(window) for s in self.samples.of_metric(metric, self.revision))
        return [s.values.tolist() for s in cut if not isinstance(s, NoData)]

    def total(self, metric: str) -> float:
        return sum(sum(values) for values in self.recent(metric))

    @property
    def error_ratio(self) -> float:
        """Of the requests of the last sample periods; 0 where there were none."""
        requests = self.total("request_count")
        return min(self.total("error_count") / requests, 1.0) if requests else 0.0

    def failing(self) -> str:
        requests = counted(round(self.total("request_count")), "request")
        allowed = percent(self.criteria.error_limit)
        return (
            f"{self.revision} fails {percent(self.error_ratio)} of its last {requests}, {allowed} are allowed"
        )

    def judged(self, seconds: float) -> tuple[MetricResult, ...]:
        """What the judge says of the last `seconds`, as of a first deployment that began then."""
        start = self.look.cut - seconds
        rollout = Rollout(
            self.look.service, "", self.revision, (Step(start, 100),), None, self.look.sample_period, 0.0
        )
        return judge(self.samples.until(self.look.cut), rollout, self.criteria, self.look.cut).metrics


def health(look: Look, samples: Samples, revision: str, criteria: Criteria) -> Iterator[Finding]:
    seconds = looked_back(criteria, look.sample_period)
    kept = samples.within(Window(look.cut - seconds, look.cut))
    if not any(kept.of_metric(m, revision) for m in ("request_count", "open_fds", "tcp_connections")):
        text = f"nothing was measured of {revision} in the last {duration(seconds)}"
        yield Finding(Kind.NO_DATA, text, f"see that it gets requests and is collected; {LATER}", revision)
        return
    now = _Now(look, kept, revision, criteria)
    long = now.judged(seconds)
    errors = next(r for r in long if r.metric == "error_ratio")
    burning = [*_errors(now, errors), *_slow(now), *_exhausted(now), *_climbing(now, long)]
    for sentence in burning:
        yield Finding(Kind.BURNING, sentence, CURE, revision)
    yield from _unmeasured(now, seconds)
    if burning:
        return
    if few := _few(now, errors.samples, seconds):
        yield Finding(Kind.LITTLE_TRAFFIC, f"{few}: too few to call it healthy", POWER, revision)
    elif now.error_ratio > criteria.error_limit:
        text = f"{now.failing()}: too few requests to be certain"
        yield Finding(Kind.LITTLE_TRAFFIC, text, POWER, revision)
    else:
        yield Finding(Kind.HEALTHY, _well(now, long, seconds), revision=revision)


def _few(now: _Now, requests: int, seconds: float) -> str:
    """How few requests there were: over all that is looked at, or none any more; empty for enough."""
    had = f"{now.revision} had {counted(requests, 'request')} in the last {duration(seconds)}"
    if requests < now.criteria.min_requests:
        return had
    gone = now.total("request_count") == 0
    return f"{had}, none in the last {duration(RECENT * now.look.sample_period)}" if gone else ""


def _errors(now: _Now, long: MetricResult) -> Iterator[str]:
    """By the judge's own test, in the last periods or over all; and still so in the last ones."""
    if now.error_ratio <= now.criteria.error_limit:
        return
    recent = now.judged((RECENT + 1) * now.look.sample_period)
    if any(r.metric == "error_ratio" and r.finding is Judged.WORSE for r in (long, *recent)):
        yield now.failing()


def _slow(now: _Now) -> Iterator[str]:
    """In every one of the last periods, with enough requests for a percentile to mean something."""
    limit = now.criteria.latency_limit_ms
    values = [v for values in now.recent(P99) for v in values]
    enough = len(values) >= RECENT - 1 and now.total("request_count") >= now.criteria.min_requests
    if limit is not None and enough and min(values) > limit:
        level = milliseconds(float(np.median(values)))
        yield f"p99 latency {level} on {now.revision}, {milliseconds(limit)} are allowed"


def _exhausted(now: _Now) -> Iterator[str]:
    fullest = max((values[-1] for values in now.recent("open_fds")), default=0.0)
    own = [values[-1] for values in now.recent("max_fds")]
    limit = min([now.criteria.fd_limit, *(v for v in own if v > 0)])
    if fullest >= NEAR * limit:
        yield f"an instance of {now.revision} has {fullest:,.0f} of {limit:,.0f} file descriptors open"


def _climbing(now: _Now, long: tuple[MetricResult, ...]) -> Iterator[str]:
    """What the judge would roll back for. Caches fill for days, so memory does not count unless required."""
    criteria = now.criteria
    counts = {w.metric for w in growing(criteria) if w.holds or w.metric in criteria.required}
    for found in long:
        certain = found.finding is Judged.WORSE and found.decisive and found.unit == "per minute"
        if found.metric in counts and certain and found.estimate is not None:
            rate = f"{amount(found.metric, found.estimate)}/min"
            yield f"{noun(found.metric, criteria)} climb {rate} on {now.revision}"


def _unmeasured(now: _Now, seconds: float) -> Iterator[Finding]:
    for metric in now.criteria.required:
        source = "request_count" if metric == "error_ratio" else metric
        if source != "request_count" and not now.samples.of_metric(source, now.revision):
            yield Finding(
                Kind.NO_DATA,
                f"{metric} of {now.revision} was not measured in the last {duration(seconds)}, and a "
                "rollout is not promoted without it",
                "see that the collector runs, or take it out of analysis.required",
                now.revision,
            )


def _well(now: _Now, long: tuple[MetricResult, ...], seconds: float) -> str:
    told = [_seldom(now, seconds)]
    values = [v for values in now.recent(P99) for v in values]
    if values:
        told.append(f"p99 latency {milliseconds(float(np.median(values)))}")
    counts = {w.metric for w in growing(now.criteria) if w.holds} - {*now.criteria.dry_run}
    told += [
        f"{noun(r.metric, now.criteria)} do not climb"
        for r in long
        if r.metric in counts and r.finding is Judged.FINE
    ]
    return f"{now.revision} is healthy: {', '.join(told)}"


def _seldom(now: _Now, seconds: float) -> str:
    """How few of its requests fail: of the last ones, or of all that is looked at where those are few."""
    requests = now.total("request_count")
    if requests >= now.criteria.min_requests:
        return f"fails {percent(now.error_ratio)} of its last {counted(round(requests), 'request')}"
    requests, errors = (
        sum(float(s.values.sum()) for s in now.samples.of_metric(metric, now.revision))
        for metric in ("request_count", "error_count")
    )
    ratio = min(errors / requests, 1.0)
    return f"fails {percent(ratio)} of {counted(round(requests), 'request')} in the last {duration(seconds)}"
