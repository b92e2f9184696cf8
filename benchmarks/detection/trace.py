"""One simulated rollout, and what is true of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.detection.noise import FloatArray
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.trace import Rollout


@dataclass(frozen=True)
class Truth:
    """`onset` is when the fault begins, epoch seconds; the start of the rollout for a healthy one."""

    faulty: bool
    onset: float


@dataclass(frozen=True)
class Trace:
    """`arrivals` holds, for series with late samples, when each can first be read (epoch seconds)."""

    rollout: Rollout
    samples: Samples
    truth: Truth
    minutes: int
    """How long it is looked at, in minutes of samples."""
    arrivals: Mapping[Key, FloatArray] = field(default_factory=dict)

    def seen(self, at: float) -> Samples:
        """What could be read at `at`, save for the ingestion delay, which is the reader's to respect."""
        if not self.arrivals:
            return self.samples
        found = []
        for key, one in self.samples.by_key.items():
            here = self.arrivals[key] <= at
            if here.any():
                found.append(Series(key, one.times[here], one.values[here]))
        return Samples.of(found)
