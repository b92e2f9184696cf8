"""What is done to a made-up rollout before it is judged: other metrics, fewer of them, holes, many looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from core.judge_rollouts import NEW, OLD, START, Array, Story, autoregressive
from tidegate.core.judge import Criteria, Rollout, judge
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.verdict import Attribution, Decision, MetricResult, Verdict

Level = float | Callable[[Array, Array], Array]
"""A value, or one made of the seconds since the start and the requests of that sample period."""
BOUNDS = (5.0, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 640, 1280, np.inf)
"""Of histogram buckets, in ms."""


@dataclass(frozen=True)
class Made:
    """A rollout, its samples, and what anything added to them is drawn from."""

    rollout: Rollout
    samples: Samples = field(repr=False)
    rng: np.random.Generator = field(repr=False)

    def of(self, series: Iterable[Series]) -> Made:
        return replace(self, samples=Samples.of(series))

    def where(self, kept: Callable[[Key], bool]) -> Made:
        return self.of(s for k, s in self.samples.by_key.items() if kept(k))

    def only(self, *metrics: str) -> Made:
        return self.where(lambda key: key.metric in metrics)

    def without(self, *metrics: str) -> Made:
        return self.where(lambda key: key.metric not in metrics)

    def unheard(self, revision: str, after: float, until: float = np.inf) -> Made:
        """Without the revision's samples of `after` < minutes since the start <= `until`."""

        def left(series: Series) -> Series | None:
            minutes = (series.times - START) / 60
            kept = (minutes <= after) | (minutes > until) | (series.key.revision != revision)
            return Series(series.key, series.times[kept], series.values[kept]) if kept.any() else None

        return self.of(s for s in map(left, self.samples.by_key.values()) if s is not None)

    def with_values(self, changed: Callable[[Series], Array]) -> Made:
        return self.of(Series(k, s.times.copy(), changed(s)) for k, s in self.samples.by_key.items())

    def first_deployment(self) -> Made:
        """The same without a stable revision."""
        return replace(self.where(lambda k: k.revision == NEW), rollout=replace(self.rollout, stable=""))

    def plus(
        self,
        metric: str,
        levels: Mapping[str, Level],
        *,
        noise: float = 0.0,
        jitter: float = 0.0,
        instances: int = 0,
        placement: float = 0.0,
        idle: bool = False,
    ) -> Made:
        """With a metric in every sample period that had requests; in all of them if `idle`.

        `noise` is of the logarithm and `jitter` in the metric's unit, both from sample to sample; `placement`
        is of the logarithm, from instance to instance. No instances: one aggregate.
        """
        found = list(self.without(metric).samples.by_key.values())
        for revision, level in levels.items():
            requests = self.samples.by_key[Key("request_count", revision)]
            n, there = requests.times.size, (requests.values > 0) | idle
            for i in range(max(instances, 1)):
                value = (
                    level(requests.times - START, requests.values) if callable(level) else np.full(n, level)
                )
                logs = autoregressive(self.rng, n, 0.3, noise) + placement * self.rng.normal()
                value = value * np.exp(logs) + autoregressive(self.rng, n, 0.3, jitter)
                key = Key(metric, revision, f"{revision}-{i}" if instances else "")
                found.append(Series(key, requests.times[there], value[there]))
        return self.of(found)

    def timed(self, slowed: Callable[[str, float, Array], Array]) -> Made:
        """With histograms; `slowed` gets revision, seconds since the start and healthy latencies in ms."""
        found = list(self.samples.by_key.values())
        for revision in {key.revision for key in self.samples.by_key}:
            requests = self.samples.by_key[Key("request_count", revision)]
            times = requests.times
            drawn = [
                slowed(revision, age, self.rng.lognormal(3, 0.5, int(n)))
                for age, n in zip((times - START).tolist(), requests.values.tolist(), strict=True)
            ]
            for bound in BOUNDS:
                values = np.array([float((d <= bound).sum()) for d in drawn])
                found.append(Series(Key("latency_ms_bucket", revision, "", bound), times.copy(), values))
        return self.of(found)

    def at(self, periods: float, criteria: Criteria | None = None) -> Verdict:
        """One look so many sample periods after the start."""
        when = self.rollout.start + periods * self.rollout.sample_period
        return judge(self.samples, self.rollout, criteria or Criteria(), when)

    def looked_at(self, looks: Sequence[int], criteria: Criteria | None = None) -> tuple[int, Verdict]:
        """Look by look until one is a rollback or a hold: which that was, and what it said."""
        for k in looks:
            verdict = self.at(k, criteria)
            if verdict.decision in (Decision.ROLLBACK, Decision.HOLD):
                break
        return k, verdict


def made(story: Story, seed: int) -> Made:
    rollout, samples = story.make(seed)
    return Made(rollout, samples, np.random.default_rng([seed, 1]))


def answers(
    make: Callable[[int], Made], seeds: int, looks: Sequence[int], criteria: Criteria | None = None
) -> Counter[tuple[Decision, Attribution]]:
    """The last words over so many seeds."""
    last = (make(seed).looked_at(looks, criteria)[1] for seed in range(seeds))
    return Counter((v.decision, v.attribution) for v in last)


def result(verdict: Verdict, metric: str) -> MetricResult:
    (found,) = (m for m in verdict.metrics if m.metric == metric)
    return found


def everything(story: Story, seed: int) -> Made:
    """A rollout of which all is measured, and two metrics of the user's own: `queue` and `goroutines`."""
    names = (OLD, NEW) if story.stable else (NEW,)

    def both(level: Level) -> dict[str, Level]:
        return dict.fromkeys(names, level)

    return (
        made(story, seed)
        .timed(lambda revision, age, healthy: healthy)
        .plus("tcp_connections", both(15.0), jitter=2.0, instances=1, idle=True)
        .plus(
            "in_flight_requests",
            both(lambda age, requests: requests / 300),
            noise=0.2,
            instances=1,
            idle=True,
        )
        .plus("instance_count", both(1.0), idle=True)
        .plus("memory_bytes", both(200 * 2.0**20), noise=0.02, instances=1, idle=True)
        .plus("memory_utilization", both(0.4), noise=0.02, idle=True)
        .plus("cpu_utilization", both(lambda age, requests: 0.02 + requests / 1200), noise=0.03, idle=True)
        .plus("billable_instance_seconds", both(story.period), noise=0.02, idle=True)
        .plus("latency_mean_ms", both(30.0), noise=0.1)
        .plus("queue", both(-3.0), jitter=1.0, idle=True)
        .plus("goroutines", both(50.0), jitter=2.0, instances=1, idle=True)
    )
