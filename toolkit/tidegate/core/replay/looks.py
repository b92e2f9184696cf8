"""When a replay looks.

A look comes at every sample period, as the sample of that period can be seen, from the first step to the last
moment that can tell something. Long traces are looked at every period at first and then at distances that
grow with the age of the rollout, so that there are at most 400 looks, and 100 in traces of millions of
samples: a judge that has seen six hours learns little from one more minute.
"""

from __future__ import annotations

import math

from tidegate.core.errors import UsageError
from tidegate.core.samples import Samples
from tidegate.core.trace import Rollout

_MOST, _LEAST = 400, 100
_SAMPLES_READ = 3e8
"""By all looks together, before there are fewer of them."""
_MOST_ASKED_FOR = 100_000
_LONGEST = 90 * 86400.0
"""Seconds after its start at which no rollout goes on: times from then on are of another clock."""


def look_times(rollout: Rollout, samples: Samples, every: float | None = None) -> tuple[float, ...]:
    """Epoch seconds of the looks, increasing, at least one. `every` seconds apart where that is given.

    Raises UsageError where that would be no sensible number of looks.
    """
    first = rollout.start + rollout.ingestion_delay
    last = max(last_look(rollout, samples), rollout.start)
    if every is not None:
        if (last - first) / every > _MOST_ASKED_FOR:
            raise UsageError(
                f"a look every {every:g} s makes more than {_MOST_ASKED_FOR:,} looks at this trace",
                hint="leave --look-every away, or give more seconds",
            )
        ages = [every * k for k in range(1, math.floor((last - first) / every) + 1)]
    else:
        size = sum(map(len, samples.by_key.values()))
        most = max(_LEAST, min(_MOST, int(_SAMPLES_READ / max(size, 1))))
        periods = max(0, math.floor((last - first) / rollout.sample_period))
        ages = [k * rollout.sample_period for k in _spaced(periods, most)]
    times = [first + age for age in ages if first + age < last]
    return (*times, last)


def last_look(rollout: Rollout, samples: Samples) -> float:
    """When the last sample of the rollout can be seen: its ingestion delay after it, or at the end."""
    stop = stop_of(rollout)
    seen = [
        float(series.times[-1])
        for key, series in samples.by_key.items()
        if key.revision in (rollout.stable, rollout.candidate)
    ]
    newest = max(seen, default=rollout.start)
    if stop is None:
        last = max(newest, rollout.start) + rollout.ingestion_delay
    else:
        last = max(stop, min(newest, stop) + rollout.ingestion_delay)
    return min(last, rollout.start + _LONGEST)


def stop_of(rollout: Rollout) -> float | None:
    """When the candidate lost its traffic for good, or the rollout ended; None if it goes on."""
    stop = rollout.end
    for step in reversed(rollout.steps):
        if step.percent or step is rollout.steps[0]:
            break
        stop = step.time
    return stop


def _spaced(periods: int, most: int) -> list[int]:
    """Every number up to `periods`, or at most `most`: one by one at first, then each larger by a ratio."""
    growth = 0.0
    while len(found := _growing(periods, growth, most)) > most:
        growth = growth * 1.1 or 1 / most
    return found


def _growing(periods: int, growth: float, most: int) -> list[int]:
    found: list[int] = []
    k = 1
    while k <= periods and len(found) <= most:
        found.append(k)
        k = max(k + 1, math.floor(k * (1 + growth)))
    return found
