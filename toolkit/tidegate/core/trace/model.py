"""A rollout as a value, and the names of the format."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tidegate.core.catalogue import BY_ID

FORMAT = "tidegate-trace/1"
ROLLOUT_FILE = "rollout.json"
SAMPLES_FILE = "samples.csv"
BUCKETS = "latency_ms_bucket"
METRICS = frozenset(BY_ID) | {"error_ratio"}
"""Every metric id a trace of this format can hold. The ratio is for where counts are not known."""

COLUMNS = ("time", "metric", "revision", "instance", "value")
"""The header of samples.csv; a sixth column `le` follows where there are histograms."""
KEYS = ("format", "service", "stable", "candidate", "steps", "end", "sample_period", "ingestion_delay")
"""The keys of rollout.json."""
MOST_FAULTS = 50
"""More are not told."""


@dataclass(frozen=True)
class Step:
    """`percent` of the traffic goes to the candidate from `time` (epoch seconds) on."""

    time: float
    percent: int

    def __post_init__(self) -> None:
        if not math.isfinite(self.time):
            raise ValueError("the time of a step must be finite")
        if not 0 <= self.percent <= 100:
            raise ValueError(f"a step sends 0 to 100 percent, not {self.percent}")


@dataclass(frozen=True)
class Rollout:
    """What was done, as far as judging needs it. Times are epoch seconds, periods and delays seconds.

    `stable` is empty on a first deployment. `steps[0].time` is when the candidate first got traffic; earlier
    samples are the pre-period. `end` is None while the rollout runs.
    """

    service: str
    stable: str
    candidate: str
    steps: tuple[Step, ...]
    end: float | None
    sample_period: float
    ingestion_delay: float

    def __post_init__(self) -> None:
        if not self.candidate:
            raise ValueError("a rollout has a candidate")
        if self.stable == self.candidate:
            raise ValueError("stable and candidate are the same revision")
        if not self.steps:
            raise ValueError("a rollout has at least one step")
        if any(b.time < a.time for a, b in zip(self.steps, self.steps[1:], strict=False)):
            raise ValueError("steps go forward in time")
        if self.end is not None and not (math.isfinite(self.end) and self.end >= self.steps[-1].time):
            raise ValueError("a rollout ends after its last step")
        if not (math.isfinite(self.sample_period) and self.sample_period > 0):
            raise ValueError("the sample period is a positive number of seconds")
        if not (math.isfinite(self.ingestion_delay) and self.ingestion_delay >= 0):
            raise ValueError("the ingestion delay is a number of seconds, 0 or more")

    @property
    def start(self) -> float:
        """When the candidate first got traffic."""
        return self.steps[0].time

    def percent_at(self, time: float) -> int:
        """Percent of the traffic on the candidate at `time`; 0 before the first step."""
        percent = 0
        for step in self.steps:
            if step.time <= time:
                percent = step.percent
        return percent
