"""Raw series of one metric type → the catalogue's series per revision and instance. No I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from tidegate.adapters.merging import Histogram, Ticks, added, latest, merged, ticks
from tidegate.adapters.points import Raw
from tidegate.core.catalogue import Derive, Kind, Labels, Source
from tidegate.core.samples import FloatArray, Key, Series


def derive(metric: str, source: Source, raw: Sequence[Raw], period: float) -> dict[str, list[Series]]:
    """Series by revision. `period` is the sample period in seconds."""
    groups: dict[tuple[str, str], list[Raw]] = defaultdict(list)
    edges = _edges(raw) if source.derive is Derive.BUCKETS else frozenset()
    for one in raw:
        groups[one.revision, one.instance if source.per_instance else ""].append(one)
    found: dict[str, list[Series]] = defaultdict(list)
    for (revision, instance), members in sorted(groups.items()):
        found[revision].extend(_group(Key(metric, revision, instance), source, members, period, edges))
    return {revision: series for revision, series in found.items() if series}


def _group(
    key: Key, source: Source, members: Sequence[Raw], period: float, edges: frozenset[float]
) -> Iterable[Series]:
    chosen = [one for one in members if _selected(one, source)]
    if source.derive in (Derive.TOTAL, Derive.LEAST):
        # A count's ticks come from all series, also those not selected: requests without an error are 0
        # errors.
        return _numbers(key, source, members if source.kind is Kind.DELTA else chosen, chosen, period)
    with_values = [one for one in chosen if one.histograms]
    return _distributions(key, source, with_values, period, edges) if with_values else ()


def _selected(one: Raw, source: Source) -> bool:
    return all(_matches(one, source.only)) and not any(_matches(one, source.without))


def _matches(one: Raw, labels: Labels) -> Iterable[bool]:
    return (one.metric_labels.get(name, "").lower() in values for name, values in labels)


def _numbers(
    key: Key, source: Source, all_members: Sequence[Raw], chosen: Sequence[Raw], period: float
) -> Iterable[Series]:
    plain = [one for one in all_members if not one.histograms]
    if not plain:
        return
    grid = ticks([one.times for one in plain], period)
    mine = [(tick, one) for tick, one in zip(grid.of, plain, strict=True) if any(one is c for c in chosen)]
    part = Ticks(grid.times, tuple(tick for tick, _ in mine))
    values = [one.values for _, one in mine]
    if source.kind is Kind.DELTA:
        yield Series(key, grid.times.copy(), added(part, values))
        return
    start = np.inf if source.derive is Derive.LEAST else 0.0
    result = np.full(grid.times.size, start)
    combine = np.minimum if source.derive is Derive.LEAST else np.add
    for tick, last in latest(part, values):
        combine.at(result, tick, last)
    yield Series(key, grid.times.copy(), result)


def _distributions(
    key: Key, source: Source, members: Sequence[Raw], period: float, edges: frozenset[float]
) -> Iterable[Series]:
    grid = ticks([one.times for one in members], period)
    at: list[dict[str, list[Histogram]]] = [defaultdict(list) for _ in grid.times]
    for tick, one in zip(grid.of, members, strict=True):
        # Containers are told apart only where their means are compared; other labels never are.
        part = one.metric_labels.get("container_name", "") if source.derive is Derive.BUSIEST_MEAN else ""
        for position, histogram in zip(tick, one.histograms, strict=True):
            at[position][part].append(histogram)
    whole = [{part: merged(histograms) for part, histograms in tick.items()} for tick in at]
    if source.derive is Derive.BUCKETS:
        return _buckets(key, grid.times, [tick[""] for tick in whole], edges)
    return _scalars(key, source, grid.times, whole)


def _scalars(
    key: Key, source: Source, times: FloatArray, whole: Sequence[dict[str, Histogram]]
) -> Iterable[Series]:
    values = [_scalar(source, list(tick.values())) for tick in whole]
    known = [i for i, value in enumerate(values) if value is not None]
    if known:
        yield Series(key, times[known], np.array([values[i] for i in known], dtype=np.float64))


def _scalar(source: Source, parts: Sequence[Histogram]) -> float | None:
    if source.derive is Derive.QUANTILE:
        return parts[0].quantile(source.quantile if source.quantile is not None else 0.5)
    means = [mean for part in parts if (mean := part.mean) is not None]
    return max(means, default=None)


def _edges(raw: Sequence[Raw]) -> frozenset[float]:
    """Both bounds of every bucket that any series ever filled, and infinity.

    Between other bounds nothing happens, so leaving them out loses nothing. All revisions get the same ones,
    or they could not be compared.
    """
    edges = {float("inf")}
    filled: dict[tuple[float, ...], FloatArray] = {}
    for one in raw:
        for histogram in one.histograms:
            known = filled.get(histogram.bounds)
            filled[histogram.bounds] = histogram.counts if known is None else known + histogram.counts
    for bounds, counts in filled.items():
        for i in np.flatnonzero(counts).tolist():
            edges.update(bounds[max(0, i - 1) : i + 1])
    return frozenset(edges)


def _buckets(
    key: Key, times: FloatArray, whole: Sequence[Histogram], edges: frozenset[float]
) -> Iterable[Series]:
    layout = frozenset(whole[0].bounds).intersection(*(histogram.bounds for histogram in whole))
    bounds = sorted(layout & edges)
    upto = np.zeros((times.size, len(bounds)))
    for i, histogram in enumerate(whole):
        upto[i] = np.cumsum(histogram.counts)[np.searchsorted(histogram.bounds, bounds)]
    for j, bound in enumerate(bounds):
        yield Series(Key(key.metric, key.revision, key.instance, bound), times.copy(), upto[:, j].copy())
