"""The settings of the analysis. Times in seconds unless the name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass

JUDGED = ("request_count", "error_ratio", "latency_p99_ms", "open_fds", "tcp_connections")
"""The metrics that end up in a verdict, and so the names that `Criteria.required` may hold."""


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
    error_increase: float = 0.01
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
    silent_intervals: int = 5
    """Sample periods without any sample of a candidate that gets traffic, until that is a finding."""
    alpha: float = 0.01
    """Chance of rolling back a healthy revision, over all metrics and looks of one rollout."""
    required: tuple[str, ...] = ("open_fds", "request_count")
    """Metrics without which nothing is promoted; names out of `JUDGED`."""

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
        unknown = [name for name in self.required if name not in JUDGED]
        if unknown:
            raise ValueError(f"required names what is not judged: {', '.join(unknown)}")

    def latency_tolerated(self, reference: float) -> float:
        """The percentile in milliseconds that is still tolerated where the other one is `reference`."""
        return max(self.latency_ratio * reference, reference + self.latency_increase_ms)

    @property
    def alphas(self) -> dict[str, float]:
        """Alpha shared out among the metrics; what is left is kept for those a later judge adds."""
        shares = {"error_ratio": 0.35, "open_fds": 0.15, "tcp_connections": 0.15, "latency_p99_ms": 0.20}
        return {metric: self.alpha * share for metric, share in shares.items()}
