"""Every metric at every step: the smallest change that is seen, and how long reference faults take."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist

from tidegate.core.judge import Criteria
from tidegate.core.judge.usage import uses
from tidegate.core.power.counts import Events
from tidegate.core.power.growth import Growth
from tidegate.core.power.levels import Level
from tidegate.core.power.model import Course, Noise, Part, Present

BEFORE = 600.0
"""Seconds before a rollout whose samples are looked at."""
_LONGEST = 30 * 86400.0
"""What takes longer counts as never."""


@dataclass(frozen=True)
class Fault:
    """`size` in the metric's own measure: errors as a ratio, growth per minute, latency and CPU as a factor
    over the stable revision's less 1."""

    name: str
    metric: str
    size: float


FAULTS = (
    Fault("an error rise of 0.5 points", "error_ratio", 0.005),
    Fault("an error rise of 1 point", "error_ratio", 0.01),
    Fault("an error rise of 3 points", "error_ratio", 0.03),
    Fault("a doubled p99 latency", "latency_p99_ms", 1.0),
    Fault("a leak of 1 fd/min", "open_fds", 1.0),
    Fault("a leak of 5 fds/min", "open_fds", 5.0),
    Fault("a leak of 1 connection/min", "tcp_connections", 1.0),
    Fault("10 % more CPU per request", "cpu_utilization", 0.1),
)


@dataclass(frozen=True)
class Sight:
    """The smallest change of a metric that is seen by the end of each part: by that part alone (`in_part`),
    and by all parts so far (`so_far`); None for nothing. Measures as in `Fault`."""

    metric: str
    tolerated: float
    in_part: tuple[float | None, ...]
    so_far: tuple[float | None, ...]


@dataclass(frozen=True)
class Detection:
    """Seconds of traffic a fault takes at the share of each part, if that lasted; and in the rollout as it is
    planned. None: never, or longer than a month."""

    fault: Fault
    tolerated: bool
    at_share: tuple[float | None, ...]
    in_rollout: float | None


@dataclass(frozen=True)
class Power:
    present: Present
    parts: tuple[Part, ...]
    sights: tuple[Sight, ...]
    detections: tuple[Detection, ...]


CertainAt = Callable[[Course, float], float | None]


@dataclass(frozen=True)
class _Test:
    """How one metric is judged: when a fault of a size is certain, what is tolerated, the largest size."""

    metric: str
    tolerated: float
    largest: float
    certain_at: CertainAt


def survey(present: Present, parts: tuple[Part, ...], criteria: Criteria) -> Power:
    """Of every metric about which enough is known at present."""
    tests = {test.metric: test for test in _tests(present, criteria)}
    return Power(
        present,
        parts,
        tuple(_sight(test, present, parts) for test in tests.values()),
        tuple(
            _detection(fault, tests[fault.metric], present, parts)
            for fault in FAULTS
            if fault.metric in tests
        ),
    )


def _sight(test: _Test, present: Present, parts: tuple[Part, ...]) -> Sight:
    return Sight(
        test.metric,
        test.tolerated,
        tuple(_smallest(test, Course.of((part,), present)) for part in parts),
        tuple(_smallest(test, Course.of(parts[: i + 1], present)) for i in range(len(parts))),
    )


def _smallest(test: _Test, course: Course) -> float | None:
    """Bisection on the size, on a logarithmic scale: what is seen at all is seen when larger, too."""
    if test.certain_at(course, test.largest) is None:
        return None
    low, high = math.log(max(test.tolerated, 1e-6)), math.log(test.largest)
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (low, middle) if test.certain_at(course, math.exp(middle)) is not None else (middle, high)
    return math.exp(high)


def _detection(fault: Fault, test: _Test, present: Present, parts: tuple[Part, ...]) -> Detection:
    longest = [Course.of((Part(p.percent, _LONGEST),), present, geometric=True) for p in parts]
    return Detection(
        fault,
        fault.size <= test.tolerated,
        tuple(test.certain_at(course, fault.size) for course in longest),
        test.certain_at(Course.of(parts, present), fault.size),
    )


# ------------------------------------------------------------------------------------------- the tests


def _tests(present: Present, criteria: Criteria) -> Iterator[_Test]:
    if present.rate > 0:
        yield _errors(present, criteria)
        if present.p50 is not None and present.p99 is not None and 0 < present.p50 <= present.p99:
            yield _latency(present, criteria, present.p50, present.p99)
    for metric, noise in (("open_fds", present.fds), ("tcp_connections", present.connections)):
        if noise is not None:
            yield _growth(metric, noise, present, criteria)
    if present.cpu is not None:
        yield _cpu(present.cpu, present, criteria)


def _errors(present: Present, criteria: Criteria) -> _Test:
    usual = present.error_ratio
    events = Events(
        usual,
        criteria.alpha_of("error_ratio"),
        criteria.error_increase,
        dispersion=present.dispersion,
        before=BEFORE * present.rate,
        period=present.sample_period,
        bad_periods=criteria.min_bad_intervals,
        alone=criteria.error_limit,
    )
    return _Test(
        "error_ratio",
        criteria.error_increase,
        max(1 - usual, 1e-3),
        lambda course, size: events.certain_at(course, min(usual + size, 1.0)),
    )


def _latency(present: Present, criteria: Criteria, p50: float, p99: float) -> _Test:
    """Requests slower than what is tolerated are counted, all latencies being lognormal and scaled alike."""
    normal = NormalDist()
    spread = max(math.log(p99 / p50) / normal.inv_cdf(0.99), 1e-3)
    bound = criteria.latency_tolerated(p99)

    def slower(factor: float) -> float:
        return 1 - normal.cdf(math.log(bound / (factor * p50)) / spread)

    events = Events(
        slower(1.0),
        criteria.alpha_of("latency_p99_ms"),
        tolerated=0.01,
        period=present.sample_period,
        bad_periods=criteria.min_bad_intervals,
        settling=criteria.warm_up,
    )
    return _Test(
        "latency_p99_ms",
        bound / p99 - 1,
        100.0,
        lambda course, size: events.certain_at(course, slower(1 + size)),
    )


def _growth(metric: str, noise: Noise, present: Present, criteria: Criteria) -> _Test:
    growth = Growth(
        noise, criteria.leak_min_slope, criteria.alpha_of(metric), criteria.warm_up, criteria.min_samples
    )
    return _Test(
        metric,
        criteria.leak_min_slope,
        1e6,
        lambda course, size: growth.certain_at(course, present, size),
    )


def _cpu(noise: Noise, present: Present, criteria: Criteria) -> _Test:
    (use,) = (use for use in uses(criteria) if use.metric == "cpu_utilization")
    level = Level(
        noise,
        math.log1p(use.tolerated),
        criteria.alpha_of(use.metric),
        use.placement,
        use.noise,
        settling=2 * criteria.warm_up,
    )
    return _Test(
        use.metric,
        use.tolerated,
        100.0,
        lambda course, size: level.certain_at(course, present.sample_period, size),
    )
