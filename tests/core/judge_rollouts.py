"""Seeded rollouts to judge: what healthy services, leaks and outages look like in samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tidegate.core.judge import Criteria, Rollout, Step, judge
from tidegate.core.samples import Key, Samples, Series
from tidegate.core.verdict import Decision, Verdict

Array = npt.NDArray[np.float64]
OLD, NEW = "orders-00041", "orders-00042"
START = 1_700_000_000.0


def series(metric: str, revision: str, instance: str, times: Array, values: Array) -> Series:
    return Series(Key(metric, revision, instance), np.array(times, float), np.array(values, float))


def exponential(size: float, tau: float) -> Callable[[Array], Array]:
    return lambda age: size * (1 - np.exp(-age / tau))


def hyperbolic(size: float, half: float) -> Callable[[Array], Array]:
    return lambda age: size * age / (age + half)


def autoregressive(rng: np.random.Generator, n: int, phi: float, sd: float) -> Array:
    shocks = rng.normal(size=n) * sd * np.sqrt(1 - phi * phi)
    noise = np.empty(n)
    noise[0] = rng.normal() * sd
    for i in range(1, n):
        noise[i] = phi * noise[i - 1] + shocks[i]
    return noise


@dataclass(frozen=True)
class Story:
    """Rates are per second, ages in seconds. `errors` maps a revision and times to probabilities."""

    n: int = 60
    """Sample periods after the start."""
    before: int = 30
    period: float = 60.0
    shares: tuple[int, ...] = (5, 25, 50, 100)
    requests: float = 10.0
    stable: bool = True
    instances: int = 1
    level: float = 20.0
    noise: float = 2.0
    phi: float = 0.5
    leak: float = 0.0
    """Growth per second of each candidate instance; `old_leak` of each stable one."""
    old_leak: float = 0.0
    old_leak_from: float = -1e9
    """Seconds after the start from which the stable instances grow."""
    leak_per_request: float = 0.0
    old_per_request: float = 0.0
    warm: Callable[[Array], Array] = lambda age: 0 * age
    load: float = 0.0
    """Descriptors per request and second of the instance."""
    jump: float = 0.0
    sawtooth: float = 0.0
    churn: bool = False
    """Candidate instances are replaced every 15 periods."""
    errors: Callable[[str, Array], Array] = lambda revision, age: 0.001 + 0 * age
    p99: Callable[[str, Array], Array] = lambda revision, age: 80 + 0 * age
    silent: bool = False
    extra: tuple[Series, ...] = field(default=())

    def make(self, seed: int) -> tuple[Rollout, Samples]:
        rng = np.random.default_rng(seed)
        step = self.n * self.period / len(self.shares)
        steps = tuple(Step(START + i * step, share) for i, share in enumerate(self.shares))
        rollout = Rollout("orders", OLD if self.stable else "", NEW, steps, None, self.period, 0.0)
        times: Array = START + self.period * np.arange(-self.before, self.n + 1, dtype=np.float64)
        total = rng.poisson(self.requests * self.period, times.size)
        share = np.array([rollout.percent_at(t - 1e-6) for t in times]) / 100
        mine = rng.binomial(total, share)
        found = list(self.extra)
        if self.stable:
            found += self._revision(rng, OLD, times, (total - mine).astype(float))
        if not self.silent:
            late = times > START
            found += self._revision(rng, NEW, times[late], mine[late].astype(float))
        return rollout, Samples.of(found)

    def _revision(self, rng: np.random.Generator, name: str, times: Array, requests: Array) -> list[Series]:
        age = times - START
        errors = rng.binomial(requests.astype(int), np.clip(self.errors(name, age), 0, 1))
        busy = requests > 0
        p99 = self.p99(name, age) * np.exp(rng.normal(size=times.size) * 0.15)
        found = [
            series("request_count", name, "", times, requests),
            series("error_count", name, "", times, errors.astype(float)),
        ]
        if busy.any():
            found.append(series("latency_p99_ms", name, "", times[busy], p99[busy]))
        for i in range(self.instances):
            values = self._fds(rng, name, times, requests / self.instances)
            cuts = range(0, times.size, 15) if self.churn and name == NEW else [0]
            for cut, end in zip(cuts, [*list(cuts)[1:], times.size], strict=True):
                instance = f"{name}-{i}-{cut}"
                found.append(series("open_fds", name, instance, times[cut:end], values[cut:end]))
        return found

    def _fds(self, rng: np.random.Generator, name: str, times: Array, requests: Array) -> Array:
        age, n = times - START, times.size
        values = self.level + autoregressive(rng, n, self.phi, self.noise)
        values += self.load * requests / self.period
        values += self.sawtooth * ((np.arange(n) + rng.integers(100)) % 17) / 17
        if name == NEW:
            values += self.warm(age) + self.leak * age + self.leak_per_request * np.cumsum(requests)
            values += self.jump * (age > rng.uniform(0.1, 0.9) * age[-1])
        else:
            values += self.old_leak * np.maximum(age - max(self.old_leak_from, float(age[0])), 0)
            values += self.old_per_request * np.cumsum(requests)
        return np.maximum(np.round(values), 0)

    def but(self, **changes: object) -> Story:
        return replace(self, **changes)  # type: ignore[arg-type]  # the names are checked by replace


def looks(
    story: Story, seed: int, criteria: Criteria, *, every: int = 1, until: int = 0
) -> tuple[int, Verdict]:
    """Look every so many periods until something other than go-on-or-promote; (period, last verdict)."""
    rollout, samples = story.make(seed)
    end = until or story.n
    for k in range(1, end + 1):
        if k % every and k != end:
            continue
        verdict = judge(samples, rollout, criteria, START + k * story.period)
        if verdict.decision in (Decision.ROLLBACK, Decision.HOLD):
            return k, verdict
    return end, verdict
