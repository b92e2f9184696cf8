"""Arithmetic on distributions: merging, percentiles, and the API's three ways of writing bucket bounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from tidegate.local.world.model import Distribution


def merge(parts: Sequence[Distribution]) -> Distribution:
    """The distribution of all values together. Where bounds differ, counts spread evenly inside their
    bucket."""
    bounds = parts[0].bounds
    if any(part.bounds != bounds for part in parts):
        bounds = tuple(sorted({bound for part in parts for bound in part.bounds}))
        parts = [_rebucket(part, bounds) for part in parts]
    counts = tuple(sum(column) for column in zip(*(part.counts for part in parts), strict=True))
    total = sum(part.count for part in parts)
    if not total:
        return Distribution(bounds, counts)
    mean = sum(part.mean * part.count for part in parts) / total
    # Squared deviations add up after each part is moved to the common mean.
    squares = sum(p.sum_of_squared_deviation + p.count * (p.mean - mean) ** 2 for p in parts)
    return Distribution(bounds, counts, mean, squares)


def subtract(later: Distribution, earlier: Distribution) -> Distribution:
    """What a cumulative distribution gained between two points of the same bounds."""
    if later.bounds != earlier.bounds or any(
        b < a for a, b in zip(earlier.counts, later.counts, strict=True)
    ):
        return later
    counts = tuple(b - a for a, b in zip(earlier.counts, later.counts, strict=True))
    total = sum(counts)
    if not total:
        return Distribution(later.bounds, counts)
    mean = (later.mean * later.count - earlier.mean * earlier.count) / total
    moved = earlier.sum_of_squared_deviation + earlier.count * (earlier.mean - later.mean) ** 2
    moved += total * (mean - later.mean) ** 2
    return Distribution(later.bounds, counts, mean, max(0.0, later.sum_of_squared_deviation - moved))


def percentile(distribution: Distribution, percent: float) -> float | None:
    """Linear interpolation inside the bucket that holds the rank; None when nothing was counted.

    The last bucket has no upper bound and answers with its lower one; the first begins at 0 when it can.
    """
    total = distribution.count
    if not total:
        return None
    if not distribution.bounds:
        return distribution.mean
    rank, below = total * percent / 100.0, 0.0
    for position, count in enumerate(distribution.counts):
        if count and below + count >= rank:
            low, high = _edges(distribution.bounds, position)
            return low + (high - low) * max(0.0, rank - below) / count
        below += count
    return distribution.bounds[-1]


def _edges(bounds: Sequence[float], position: int) -> tuple[float, float]:
    if position == 0:
        return min(0.0, bounds[0]), bounds[0]
    if position == len(bounds):
        return bounds[-1], bounds[-1]
    return bounds[position - 1], bounds[position]


def _rebucket(part: Distribution, bounds: tuple[float, ...]) -> Distribution:
    """The same counts over finer bounds, which contain all of the old ones."""
    counts = [0] * (len(bounds) + 1)
    for position, count in enumerate(part.counts):
        if not count:
            continue
        low = part.bounds[position - 1] if position else float("-inf")
        high = part.bounds[position] if position < len(part.bounds) else float("inf")
        _spread(counts, bounds, (low, high), count)
    return Distribution(bounds, tuple(counts), part.mean, part.sum_of_squared_deviation)


def _spread(counts: list[int], bounds: tuple[float, ...], edges: tuple[float, float], count: int) -> None:
    low, high = edges
    if low == float("-inf"):
        counts[bounds.index(high)] += count
        return
    if high == float("inf"):
        counts[bounds.index(low) + 1] += count
        return
    inside = [bound for bound in bounds if low <= bound <= high]
    given = 0
    for lower, upper in pairwise(inside):
        # Rounding the running total keeps the sum exact.
        reached = round(count * (upper - low) / (high - low))
        counts[bounds.index(lower) + 1] += reached - given
        given = reached


def write(distribution: Distribution, message: Any) -> None:
    """Into a `google.api.Distribution`. Trailing empty buckets are left out, as the API allows."""
    message.count = distribution.count
    message.mean = distribution.mean
    message.sum_of_squared_deviation = distribution.sum_of_squared_deviation
    message.bucket_options.explicit_buckets.bounds.extend(distribution.bounds)
    message.bucket_counts.extend(distribution.counts)


def read(message: Any) -> Distribution:
    """From a `google.api.Distribution` with explicit, linear or exponential buckets."""
    bounds = tuple(_bounds(message.bucket_options))
    counts = [*message.bucket_counts]
    counts += [0] * (len(bounds) + 1 - len(counts))
    if len(counts) != len(bounds) + 1:
        raise ValueError(f"{len(counts)} bucket counts for {len(bounds)} bounds")
    if sum(counts) != message.count and (bounds or message.bucket_counts):
        raise ValueError("the bucket counts do not add up to the count")
    if not bounds and not message.bucket_counts:
        counts = [message.count]
    return Distribution(bounds, tuple(counts), message.mean, message.sum_of_squared_deviation)


def _bounds(options: Any) -> Iterable[float]:
    kind = options.WhichOneof("options")
    if kind == "explicit_buckets":
        bounds = list(options.explicit_buckets.bounds)
        if any(b <= a for a, b in pairwise(bounds)):
            raise ValueError("bucket bounds must increase")
        return bounds
    if kind == "linear_buckets":
        linear = options.linear_buckets
        return [linear.offset + linear.width * i for i in range(linear.num_finite_buckets + 1)]
    if kind == "exponential_buckets":
        growing = options.exponential_buckets
        return [growing.scale * growing.growth_factor**i for i in range(growing.num_finite_buckets + 1)]
    return []
