"""What of the samples a fixture keeps. Values are the Monitoring API's; only rows and digits are left out.

- Of the metrics those in `KEPT` and those a scenario asks for; of a histogram's bounds only such as are twice
  the one before, and the highest; `max_fds`, a constant, once per instance.
- Instances are called by the first four digits of their ids.
- Times are rounded to 10 ms, everything but counts to four significant digits.
"""

from __future__ import annotations

import math

import numpy as np

from tidegate.core.samples import FloatArray, Key, Samples, Series, Window

KEPT = frozenset(
    {
        "request_count",
        "error_count",
        "latency_p99_ms",
        "cpu_utilization",
        "memory_bytes",
        "max_fds",
        "open_fds",
        "tcp_connections",
        "in_flight_requests",
        "instance_count",
    }
)
_RATIO = 2.0
"""Between bounds: the local Cloud Run's are 1.1 apart."""


def compact(samples: Samples, window: Window, also: frozenset[str]) -> Samples:
    kept = KEPT | also
    bounds = _bounds(samples)
    found = (s.within(window) for k, s in samples.by_key.items() if k.metric in kept and k.le in bounds)
    return Samples.of(_rounded(series) for series in found if isinstance(series, Series))


def _bounds(samples: Samples) -> set[float | None]:
    """None, for what is no bucket, and bounds at least `_RATIO` apart, with the highest and infinity.

    Above the highest finite bound there is nothing: without it the slowest would have no upper bound.
    """
    every = sorted({k.le for k in samples.by_key if k.le is not None and math.isfinite(k.le)})
    chosen: list[float] = []
    for bound in every:
        if not chosen or bound >= _RATIO * chosen[-1]:
            chosen.append(bound)
    return {None, math.inf, *chosen, *every[-1:]}


def _rounded(series: Series) -> Series:
    key, few = series.key, slice(1) if series.key.metric == "max_fds" else slice(None)
    times, values = np.round(series.times[few], 2), series.values[few]
    # Two scrapes within 10 ms, one of them an instance's last, are one.
    last = np.append(np.diff(times) > 0, True)
    named = Key(key.metric, key.revision, key.instance[:4], key.le)
    return Series(named, times[last], _digits(values[last]))


def _digits(values: FloatArray) -> FloatArray:
    whole = values == np.round(values)
    shortened = np.array([float(f"{value:.4g}") for value in values.tolist()])
    return np.where(whole, values, shortened)
