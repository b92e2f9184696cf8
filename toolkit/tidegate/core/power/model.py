"""The service as it is, the plan of a rollout, and the times at which one asks what is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tidegate.core.samples import FloatArray


@dataclass(frozen=True)
class Noise:
    """Standard deviation from sample to sample, and how much of it each sample remembers (AR(1), 0..0.95)."""

    sd: float
    phi: float = 0.0

    @property
    def inflation(self) -> float:
        """Variance of a mean of such samples over that of independent ones, (1 + phi) / (1 - phi)."""
        return (1 + self.phi) / (1 - self.phi)


@dataclass(frozen=True)
class Present:
    """The whole service at present; what is None was not measured, and nothing is said about it.

    `rate` in requests per second, latencies in ms, `fds` and `connections` per instance, `cpu` as the
    logarithm of CPU per request. `dispersion`: how many times more the errors of a sample period vary than
    chance makes them. `seconds`: over how long the rate was measured, None for one that was given.
    """

    rate: float
    instances: float = 1.0
    error_ratio: float = 0.0
    dispersion: float = 1.0
    p50: float | None = None
    p99: float | None = None
    fds: Noise | None = None
    connections: Noise | None = None
    cpu: Noise | None = None
    sample_period: float = 60.0
    seconds: float | None = None

    def but(self, rate: float | None, instances: float | None, error_ratio: float | None) -> Present:
        """With what is known otherwise; None leaves it as it is."""
        return replace(
            self,
            rate=self.rate if rate is None else rate,
            seconds=self.seconds if rate is None else None,
            instances=self.instances if instances is None else instances,
            error_ratio=self.error_ratio if error_ratio is None else error_ratio,
        )


@dataclass(frozen=True)
class Part:
    """`percent` of the traffic to the candidate for `seconds`."""

    percent: int
    seconds: float


def plan(steps: Sequence[int], step_duration: float, bake: float) -> tuple[Part, ...]:
    """The steps of a rollout and its bake."""
    return (*(Part(p, step_duration) for p in steps if p < 100), Part(100, bake))


@dataclass(frozen=True)
class Course:
    """A plan on a grid of times: at `times` (n,), seconds since the candidate's first traffic, the candidate
    has had `requests` in all, `beside` of them while the stable revision had traffic too, which then had
    `stable`.
    """

    parts: tuple[Part, ...]
    times: FloatArray
    requests: FloatArray
    beside: FloatArray
    stable: FloatArray

    @staticmethod
    def of(parts: tuple[Part, ...], present: Present, *, geometric: bool = False) -> Course:
        """`geometric`: for a single part so long that its first minutes must not be lost in the grid."""
        ends = np.cumsum([p.seconds for p in parts])
        begins = ends - [p.seconds for p in parts]
        if geometric:
            times = np.geomspace(present.sample_period, ends[-1], _POINTS)
        else:
            inside = [np.linspace(b, e, _POINTS) for b, e in zip(begins, ends, strict=True) if e > b]
            times = np.unique(np.concatenate(inside or [np.zeros(1)]))
        had = np.clip(times[:, None] - begins, 0.0, [p.seconds for p in parts])
        share = np.array([p.percent / 100 for p in parts])
        both = share < 1
        rate = present.rate
        return Course(parts, times, rate * had @ share, rate * had @ (share * both), rate * had @ (1 - share))

    @property
    def begins(self) -> list[float]:
        return [float(b) for b in np.cumsum([0.0, *(p.seconds for p in self.parts)])[:-1]]


_POINTS = 200


def first(times: FloatArray, certain: npt.NDArray[np.bool_]) -> float | None:
    """The first time at which something is certain."""
    return float(times[np.argmax(certain)]) if certain.any() else None
