"""Counts and histograms that gather between two samples: written by the proxy, taken away by the sampler."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field, fields, replace

from tidegate.local.world import Distribution

LATENCY_BOUNDS_MS = tuple(round(1.1**power, 6) for power in range(-12, 145))
"""0.3 ms to about 15 minutes, each bound a tenth above the last: a percentile is known to within 10 %."""
RATIO_BOUNDS = tuple(step / 100 for step in range(1, 101))
COUNT_BOUNDS = tuple(float(n) for n in (*range(1, 21), *range(25, 100, 5), *range(100, 1001, 50)))
STARTUP_BOUNDS_MS = tuple(round(1.2**power, 6) for power in range(0, 70))


class Histogram:
    """A distribution that grows. Mean and squared deviation follow Welford, so they stay exact."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._mean = 0.0
        self._squares = 0.0
        self.count = 0

    def add(self, value: float) -> None:
        self._counts[bisect_right(self._bounds, value)] += 1
        self.count += 1
        step = value - self._mean
        self._mean += step / self.count
        self._squares += step * (value - self._mean)

    def distribution(self) -> Distribution:
        return Distribution(self._bounds, tuple(self._counts), self._mean, self._squares)


def distribution(bounds: tuple[float, ...], values: list[float]) -> Distribution:
    histogram = Histogram(bounds)
    for value in values:
        histogram.add(value)
    return histogram.distribution()


@dataclass
class Tally:
    """What one revision did since the last sample."""

    requests: Counter[int] = field(default_factory=Counter)
    """By response code; only requests that reached an instance."""
    latencies: dict[int, Histogram] = field(default_factory=dict)
    """Milliseconds from the instance getting the request to its last byte, by response code."""
    received_bytes: int = 0
    sent_bytes: int = 0
    startups: list[float] = field(default_factory=list)
    """Milliseconds."""
    probes: Counter[tuple[str, str, str, bool]] = field(default_factory=Counter)
    """By container, probe type (startup, liveness), action (HTTP, TCP, GRPC) and whether it was healthy."""
    billable_seconds: float = 0.0
    """Of instances that are gone already."""

    def take(self) -> Tally:
        """What has gathered; this one begins anew."""
        taken, fresh = replace(self), Tally()
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))
        return taken

    def request(self, code: int, milliseconds: float) -> None:
        self.requests[code] += 1
        if code not in self.latencies:
            self.latencies[code] = Histogram(LATENCY_BOUNDS_MS)
        self.latencies[code].add(milliseconds)
