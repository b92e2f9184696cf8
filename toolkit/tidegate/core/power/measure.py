"""How the service is at present, out of its samples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tidegate.core.power.model import Noise, Present
from tidegate.core.samples import FloatArray, NoData, Samples, Series, Window

_FEW = 8
"""Samples under which nothing is said about noise."""
_MOST_PHI = 0.95
_MOST_DISPERSION = 10.0
_SAME = 1e-24
"""Mean square about the mean, as part of the mean square, that is left by rounding."""


def present(samples: Samples, window: Window, period: float) -> Present | NoData:
    """Of all revisions in `samples` together, over the whole window; `period` is the sample period, s."""
    requests = _added(samples, "request_count", period)
    if not requests or window.seconds <= 0:
        return NoData("no request was counted")
    count = sum(requests.values())
    errors = _added(samples, "error_count", period)
    ratio = sum(errors.values()) / count if count else 0.0
    instances = _instances(samples, period)
    return Present(
        rate=count / window.seconds,
        instances=instances,
        error_ratio=min(ratio, 1.0),
        dispersion=_dispersion(errors, requests, ratio),
        p50=_median(samples, "latency_p50_ms"),
        p99=_median(samples, "latency_p99_ms"),
        fds=_growth_noise(samples, "open_fds"),
        connections=_growth_noise(samples, "tcp_connections"),
        cpu=_cpu_noise(samples, requests, instances, period),
        sample_period=period,
        seconds=window.seconds,
    )


def _of(samples: Samples, metric: str) -> list[Series]:
    return [series for key, series in samples.by_key.items() if key.metric == metric]


def _added(samples: Samples, metric: str, period: float) -> dict[int, float]:
    """The metric summed over everything that has a sample in the same period."""
    found: dict[int, float] = {}
    for series in _of(samples, metric):
        for time, value in zip(series.times.tolist(), series.values.tolist(), strict=True):
            at = round(time / period)
            found[at] = found.get(at, 0.0) + max(value, 0.0)
    return found


def _instances(samples: Samples, period: float) -> float:
    counted = list(_added(samples, "instance_count", period).values())
    if not counted:
        alive: dict[int, int] = {}
        for series in _of(samples, "open_fds"):
            for at in {round(t / period) for t in series.times.tolist()}:
                alive[at] = alive.get(at, 0) + 1
        counted = [float(n) for n in alive.values()]
    return max(1.0, float(np.mean(counted))) if counted else 1.0


def _dispersion(errors: dict[int, float], requests: dict[int, float], ratio: float) -> float:
    """Mean square of the errors of a period about what chance explains: Pearson's statistic, 1 to 10."""
    used = [(errors.get(at, 0.0), n) for at, n in requests.items() if n > 0]
    if len(used) < _FEW or not 0 < ratio < 1:
        return 1.0
    k, n = np.array(used).T
    return float(np.clip(((k - n * ratio) ** 2 / (n * ratio * (1 - ratio))).mean(), 1.0, _MOST_DISPERSION))


def _median(samples: Samples, metric: str) -> float | None:
    series = _of(samples, metric)
    return float(np.median(np.concatenate([s.values for s in series]))) if series else None


def _growth_noise(samples: Samples, metric: str) -> Noise | None:
    """About a straight line through each instance's samples."""
    return _pooled(
        s.values - _line(s.times, s.values) for s in _of(samples, metric) if s.key.instance and len(s) >= _FEW
    )


def _line(at: FloatArray, values: FloatArray, *, rising: bool = False) -> FloatArray:
    """The least squares line through the values, at each of them; level where all are at one place, and
    where it would fall although it is `rising`.

    About the mean, so that neither large nor nearly equal places (n,) cost precision.
    """
    off = at - at.mean()
    spread = float(off @ off)
    level = float(values.mean())
    if spread <= _SAME * float(at @ at):
        return np.full(values.size, level)
    slope = float(off @ (values - level)) / spread
    line: FloatArray = level + (max(slope, 0.0) if rising else slope) * off
    return line


def _cpu_noise(samples: Samples, requests: dict[int, float], instances: float, period: float) -> Noise | None:
    """Of the logarithm of CPU use about a line through the load, as far as that explains it."""
    found = []
    for series in _of(samples, "cpu_utilization"):
        if len(series) < _FEW or (series.values <= 0).all():
            continue
        load = np.array([requests.get(round(t / period), 0.0) / instances for t in series.times.tolist()])
        expected = _line(load, series.values, rising=True)
        usable = (expected > 0) & (series.values > 0)
        found.append(np.log(series.values[usable] / expected[usable]))
    return _pooled(found)


def _pooled(residuals: Iterable[FloatArray]) -> Noise | None:
    kept = [r - r.mean() for r in residuals if r.size >= _FEW]
    if not kept:
        return None
    power = sum(float(r @ r) for r in kept)
    sd = float(np.sqrt(power / sum(r.size - 1 for r in kept)))
    raw = sum(float(r[1:] @ r[:-1]) for r in kept) / power if power > 0 else 0.0
    return Noise(sd, float(np.clip(raw, 0.0, _MOST_PHI)))
