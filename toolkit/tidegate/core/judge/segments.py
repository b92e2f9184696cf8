"""Samples of one instance between restarts, on its own age clock, with the load it carried."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidegate.core.judge.view import Binned, View
from tidegate.core.samples import FloatArray, Series

GAP = 3.5
"""Sample periods without a sample after which an instance is taken to have been away."""
MOST = 240
"""Samples a segment is thinned to: a slope needs no more, and a look stays quick."""
UNREAD = 60.0
"""Sample periods beyond which a gap says nothing about a restart."""
FALLEN = 0.4
"""Part of its value that a series must lose at once for its instance to count as restarted."""
BEYOND_NOISE = 8.0
"""And how many times its typical step that loss must be."""


@dataclass(frozen=True)
class Segment:
    """Arrays of one length. `age` is seconds since the first sample after the instance (re)started."""

    instance: str
    age: FloatArray
    times: FloatArray
    values: FloatArray
    in_flight: FloatArray | None
    """Requests in flight in this instance, where measured."""
    rate: FloatArray | None
    """Requests per sample period and instance of the revision, where measured."""
    lagged: FloatArray | None = None
    """The same as a pool follows it: approached with the warm-up's time constant."""
    born: bool = False
    """Whether its start was seen: it began later than the measurements did."""

    def __len__(self) -> int:
        return int(self.age.size)

    @property
    def span(self) -> float:
        """Seconds from the first to the last sample."""
        return float(self.age[-1])

    @property
    def requests(self) -> float | None:
        """Mean requests per sample period, None where not measured."""
        if self.rate is None or not np.isfinite(self.rate).any():
            return None
        return float(np.nanmean(self.rate))

    @property
    def spread(self) -> float:
        """How much the segment can say about a slope: the sum of squares of its centred ages."""
        return float(((self.age - self.age.mean()) ** 2).sum())

    def thinned(self) -> Segment:
        """Neighbours averaged so that at most `MOST` samples remain, which costs a slope nothing."""
        size = -(-len(self) // MOST)
        if size <= 1:
            return self
        starts = np.arange(0, len(self), size)
        counts = np.diff(np.append(starts, len(self)))

        def mean(values: FloatArray) -> FloatArray:
            return np.add.reduceat(values, starts) / counts

        return Segment(
            self.instance,
            mean(self.age),
            mean(self.times),
            mean(self.values),
            None if self.in_flight is None else mean(self.in_flight),
            None if self.rate is None else mean(self.rate),
            None if self.lagged is None else mean(self.lagged),
            self.born,
        )


def segments(
    view: View, metric: str, revision: str, since: float, shortest: int, *, drops: bool = False
) -> tuple[Segment, ...]:
    """Every segment after `since` (epoch seconds) with at least `shortest` samples.

    A gap ends a segment; with `drops` so does a fall that only a restart explains.
    """
    found: list[Segment] = []
    series = [s for s in view.samples.of_metric(metric, revision) if s.key.instance]
    if not series:
        # A trace may know the metric of the whole revision only; as one instance that is at least honest
        # while the number of instances stands still.
        series = list(view.samples.of_metric(metric, revision))
    first = min((float(s.times[0]) for s in series), default=0.0) + GAP * view.rollout.sample_period
    rate = _rate_per_instance(view, series, revision)
    lagged = None if rate is None else _lagged(rate, view.criteria.warm_up / view.rollout.sample_period)
    for one in series:
        kept = one.times > since
        times, values = one.times[kept], one.values[kept]
        breaks = _breaks(view, times, values, drops=drops)
        in_flight = _in_flight(view, revision, one.key.instance, times)
        bins = view.bins_of(times)
        rates = [None if r is None else r.at(bins, np.nan) for r in (rate, lagged)]
        for index in np.split(np.arange(times.size), breaks):
            if index.size >= shortest:
                segment = Segment(
                    one.key.instance,
                    times[index] - times[index[0]],
                    times[index],
                    values[index],
                    None if in_flight is None else in_flight[index],
                    None if rates[0] is None else rates[0][index],
                    None if rates[1] is None else rates[1][index],
                    born=_born(view, one, since, times, int(index[0]), first),
                )
                found.append(segment.thinned())
    return tuple(found)


def _born(view: View, series: Series, since: float, times: FloatArray, at: int, first: float) -> bool:
    """Whether the segment's start was seen: later than the first of its revision, and not merely cut off.

    The candidate's instances are young when it first gets traffic, whenever they were started.
    """
    if series.key.revision == view.rollout.candidate:
        return True
    begins, period = float(times[at]), view.rollout.sample_period
    earlier = series.times[series.times < begins]
    if earlier.size:
        away = begins - float(earlier[-1])
        if away > UNREAD * period:
            return False  # what lies between was not read, rather than not there
        if at == 0 and away <= GAP * period:
            return False  # it went on before what is looked at
    return begins > first and (earlier.size > 0 or begins > since)


def _breaks(
    view: View, times: FloatArray, values: FloatArray, *, drops: bool
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    away = np.diff(times) > GAP * view.rollout.sample_period
    if drops and values.size >= 6:
        steps = np.diff(values)
        fallen = steps < -FALLEN * values[:-1]
        if fallen.any():
            noise = max(float(np.median(np.abs(steps - np.median(steps)))), 0.5)
            away |= fallen & (steps < -BEYOND_NOISE * noise)
    return np.flatnonzero(away) + 1


def _in_flight(view: View, revision: str, instance: str, times: FloatArray) -> FloatArray | None:
    own = view.samples.get("in_flight_requests", revision, instance)
    if not isinstance(own, Series) or not times.size:
        return None
    return _held(own.times, own.values, times, view.rollout.sample_period)


def _held(known: FloatArray, values: FloatArray, times: FloatArray, period: float) -> FloatArray:
    """The nearest value within one period of each time, NaN where there is none."""
    right = np.clip(np.searchsorted(known, times), 0, known.size - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(known[left] - times) <= np.abs(known[right] - times), left, right)
    return np.where(np.abs(known[nearest] - times) <= period, values[nearest], np.nan)


def _rate_per_instance(view: View, series: list[Series], revision: str) -> Binned | None:
    requests = view.totals("request_count", revision)
    if not len(requests) or not series:
        return None
    alive = view.alive(series)
    return Binned(requests.bins, requests.values / np.maximum(alive.at(requests.bins, 1.0), 1.0))


def _lagged(rate: Binned, tau: float) -> Binned:
    """Load as a pool follows it, which a step in traffic needs; `tau` in sample periods."""
    gaps = np.diff(rate.bins, prepend=rate.bins[0])
    state, found = float(rate.values[0]), []
    for weight, now in zip((1 - np.exp(-gaps / tau)).tolist(), rate.values.tolist(), strict=True):
        state += weight * (now - state)
        found.append(state)
    return Binned(rate.bins, np.array(found))
