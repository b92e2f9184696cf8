"""Traces to replay: two revisions, one of them with one plain trouble, and nothing random but a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from tidegate.core import trace
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.trace import Rollout, Step

OLD, NEW = "orders-00041", "orders-00042"
START = 1_700_000_000.0
PERIOD, DELAY = 60.0, 180.0


@dataclass(frozen=True)
class Recorded:
    """An hour in steps, a sample a minute, requests enough to tell errors."""

    minutes: int = 60
    before: int = 20
    steps: tuple[int, ...] = (10, 50, 100)
    stable: str = OLD
    end: bool = True
    errors: float = 0.001
    """Of the candidate's requests; `old_errors` of the stable ones."""
    old_errors: float = 0.001
    leak: float = 0.0
    """Descriptors per minute on the candidate; `old_leak` on the stable one."""
    old_leak: float = 0.0
    leave_out: tuple[str, ...] = ()
    """Metrics nobody measured."""

    def make(self, seed: int = 1) -> tuple[Rollout, Samples]:
        rng = np.random.default_rng(seed)
        length = self.minutes * PERIOD
        steps = tuple(
            Step(START + i * length / len(self.steps), percent) for i, percent in enumerate(self.steps)
        )
        end = START + length if self.end else None
        rollout = Rollout("orders", self.stable, NEW, steps, end, PERIOD, DELAY)
        times = START + PERIOD * np.arange(-self.before, self.minutes + 1)
        share = np.array([rollout.percent_at(t - 1) for t in times]) / 100
        found = list(self._revision(rng, NEW, times[times > START], 600 * share[times > START]))
        if self.stable:
            found += self._revision(rng, self.stable, times, 600 * (1 - share))
        return rollout, Samples.of(s for s in found if s.key.metric not in self.leave_out)

    def _revision(
        self, rng: np.random.Generator, name: str, times: np.ndarray, expected: np.ndarray
    ) -> Iterator[Series]:
        new = name == NEW
        requests = rng.poisson(expected)
        failed = rng.binomial(requests, self.errors if new else self.old_errors)
        age = (times - times[0]) / PERIOD
        climb = (self.leak if new else self.old_leak) * age
        busy = requests > 0
        rows: dict[Key, tuple[np.ndarray, np.ndarray]] = {
            Key("request_count", name): (times, requests),
            Key("error_count", name): (times, failed),
            Key("latency_p99_ms", name): (times[busy], 80 * np.exp(0.1 * rng.normal(size=busy.sum()))),
        }
        for instance in (f"{name}-a", f"{name}-b"):
            level = 20 + np.round(rng.normal(size=times.size))
            rows[Key("open_fds", name, instance)] = (times, level + climb)
        for key, (at, values) in rows.items():
            if at.size:
                yield Series(key, at.astype(float), values.astype(float))


def changed(
    samples: Samples, change: Callable[[Series], Series | None], where: Callable[[Key], bool] = lambda _: True
) -> Samples:
    """With every chosen series as `change` makes it, or without it."""
    kept: Iterable[Series | None] = (change(s) if where(k) else s for k, s in samples.by_key.items())
    return Samples.of(s for s in kept if s is not None)


def shifted(samples: Samples, revision: str, seconds: float) -> Samples:
    """With the clock of one revision off."""

    def later(series: Series) -> Series:
        return Series(series.key, series.times + seconds, series.values.copy())

    return changed(samples, later, lambda key: key.revision == revision)


def of_revision(samples: Samples, *revisions: str) -> Samples:
    return changed(samples, lambda _: None, lambda key: key.revision not in revisions)


def texts(recorded: Recorded, seed: int = 1) -> tuple[str, str]:
    """The two files of a trace."""
    files = trace.write(*recorded.make(seed))
    return files[trace.ROLLOUT_FILE], files[trace.SAMPLES_FILE]


HEALTHY = Recorded()
FAILING = replace(HEALTHY, errors=0.2)
LEAKING = replace(HEALTHY, leak=8.0)
