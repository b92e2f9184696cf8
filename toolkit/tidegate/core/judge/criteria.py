"""The settings of the analysis. Times in seconds unless the name says otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

JUDGED = (
    "request_count",
    "error_ratio",
    "latency_p99_ms",
    "latency_mean_ms",
    "open_fds",
    "tcp_connections",
    "memory_bytes",
    "memory_utilization",
    "cpu_utilization",
    "billable_instance_seconds",
)
"""The built-in metrics that end up in a verdict; a user's own come on top (`Criteria.custom`)."""

SHARES: Mapping[str, float] = MappingProxyType(
    {
        "error_ratio": 0.35,
        "open_fds": 0.12,
        "tcp_connections": 0.12,
        "memory_bytes": 0.06,
        "latency_p99_ms": 0.12,
        "latency_mean_ms": 0.08,
        "cpu_utilization": 0.05,
        "memory_utilization": 0.02,
        "billable_instance_seconds": 0.03,
    }
)
"""How `Criteria.alpha` is shared out; what is left, `CUSTOM_SHARE`, is for all of a user's own together."""
CUSTOM_SHARE = 0.05


class Mode(StrEnum):
    REGRESSION = "regression"
    """The stable revision is good until proved otherwise; the candidate must not be worse."""
    FIX = "fix"
    """The stable revision is bad and the candidate is meant to cure it; better or equal promotes."""


@dataclass(frozen=True)
class Custom:
    """A metric of the user's own. Raises ValueError for a setting that cannot be meant."""

    metric: str
    """Its id in samples and traces."""
    noun: str = ""
    """What a sentence calls it; the id if empty."""
    higher_is_worse: bool = True
    growth: bool = False
    """Judge how fast it grows per instance, as a leak, rather than how high it is."""
    tolerance: float = 0.1
    """Change for the worse that is tolerated: a ratio of the stable level, or growth per minute."""
    min_change: float = 0.0
    """And in any case so much more, in the metric's own unit."""

    def __post_init__(self) -> None:
        if not self.metric or self.metric in JUDGED:
            raise ValueError(f"a metric of one's own needs a name that is not built in, not {self.metric!r}")
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0 and self.min_change >= 0):
            raise ValueError(f"{self.metric}: tolerance and min_change must be 0 or more")
        if self.growth and not self.higher_is_worse:
            raise ValueError(f"{self.metric}: growth is judged upwards only")


@dataclass(frozen=True)
class Criteria:
    """What counts as worse, and how sure to be. Raises ValueError for a setting that cannot be meant."""

    leak_min_slope: float = 0.2
    """Growth per instance and minute (file descriptors, connections) that is not worth a rollback."""
    leak_horizon: float = 30 * 86400
    """A leak that exhausts its limit later than this is reported, not rolled back."""
    fd_limit: float = 25000
    """Open file descriptors an instance can have."""
    connection_limit: float = 25000
    """TCP connections an instance can have; each needs a descriptor."""
    warm_up: float = 120.0
    """Typical time constant of an instance filling its pools after it starts or gets more traffic."""
    error_increase: float = 0.001
    """Error ratio over the stable revision's that is tolerated (0.01 is one percentage point)."""
    error_limit: float = 0.05
    """Error ratio tolerated where there is no stable revision to compare with."""
    latency_ratio: float = 1.5
    """Candidate's percentile over the stable revision's that is tolerated."""
    latency_increase_ms: float = 10.0
    """Milliseconds over the stable percentile that are tolerated in any case: 2 ms to 4 ms is noise."""
    latency_limit_ms: float | None = None
    """p99 in milliseconds tolerated on a first deployment; None: latency is then reported, not judged."""
    min_requests: int = 50
    """Requests to the candidate before errors and latency count as judged."""
    min_samples: int = 8
    """Samples of one instance (or of one revision, for latency) before it counts as judged."""
    min_bad_intervals: int = 3
    """Sample periods with errors (or slow answers) before they count: one burst does not."""
    silent_intervals: int = 8
    """Sample periods without any sample of a candidate that gets traffic, until that is a finding."""
    alpha: float = 0.01
    """Chance of rolling back a healthy revision, over all metrics and looks of one rollout."""
    required: tuple[str, ...] = ("open_fds", "request_count")
    """Metrics without which nothing is promoted; names out of `JUDGED` and of `custom`."""
    mode: Mode = Mode.REGRESSION
    dry_run: tuple[str, ...] = ()
    """Metrics that are judged and reported, and never decide; names out of `JUDGED` and of `custom`."""
    custom: tuple[Custom, ...] = ()
    cpu_increase: float = 0.05
    """CPU per request over the stable revision's that is tolerated, as a ratio (0.05: 5 % more)."""
    memory_increase: float = 0.30
    """Memory per instance over the stable revision's that is tolerated, as a ratio."""
    cost_increase: float = 0.10
    """Billable time per request over the stable revision's that is tolerated, as a ratio."""
    memory_min_slope: float = 512 * 1024.0
    """Growth of memory per instance and minute, in bytes, that is not worth a rollback."""
    memory_limit: float | None = None
    """Memory of an instance in bytes, where known."""

    def __post_init__(self) -> None:
        positive = {
            "leak_horizon": self.leak_horizon,
            "fd_limit": self.fd_limit,
            "connection_limit": self.connection_limit,
            "warm_up": self.warm_up,
            "error_limit": self.error_limit,
            "min_requests": self.min_requests,
            "min_bad_intervals": self.min_bad_intervals,
            "silent_intervals": self.silent_intervals,
        }
        for name, value in positive.items():
            if not value > 0:
                raise ValueError(f"{name} must be more than 0, not {value}")
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha must lie between 0 and 0.5, not {self.alpha}")
        if not self.latency_ratio >= 1:
            raise ValueError(f"latency_ratio must be at least 1, not {self.latency_ratio}")
        if self.latency_limit_ms is not None and not self.latency_limit_ms > 0:
            raise ValueError(f"latency_limit_ms must be more than 0, not {self.latency_limit_ms}")
        if not self.latency_increase_ms >= 0:
            raise ValueError(f"latency_increase_ms must be 0 or more, not {self.latency_increase_ms}")
        if self.leak_min_slope < 0 or not 0 <= self.error_increase < 1:
            raise ValueError("leak_min_slope and error_increase must be 0 or more (a ratio below 1)")
        if self.min_samples < 6:
            raise ValueError(f"min_samples must be at least 6, not {self.min_samples}")
        for name, value in (
            ("cpu_increase", self.cpu_increase),
            ("memory_increase", self.memory_increase),
            ("cost_increase", self.cost_increase),
            ("memory_min_slope", self.memory_min_slope),
        ):
            if not value >= 0:
                raise ValueError(f"{name} must be 0 or more, not {value}")
        names = {*JUDGED, *(c.metric for c in self.custom)}
        if len(names) < len(JUDGED) + len(self.custom):
            raise ValueError("custom names the same metric twice")
        for field, given in (("required", self.required), ("dry_run", self.dry_run)):
            if unknown := [name for name in given if name not in names]:
                raise ValueError(f"{field} names what is not judged: {', '.join(unknown)}")

    def latency_tolerated(self, reference: float) -> float:
        """The percentile in milliseconds that is still tolerated where the other one is `reference`."""
        return max(self.latency_ratio * reference, reference + self.latency_increase_ms)

    def alpha_of(self, metric: str) -> float:
        """The part of alpha that this metric may spend over the whole rollout."""
        if metric in SHARES:
            return self.alpha * SHARES[metric]
        return self.alpha * CUSTOM_SHARE / max(len(self.custom), 1)
