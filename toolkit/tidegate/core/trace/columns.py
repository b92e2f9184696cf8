"""samples.csv by columns: quick, and silent about what is wrong.

A row costs about a microsecond: the csv module splits it, `float` reads its two numbers, and its series is
looked up by the texts that name it. Sorting and grouping are left to numpy.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tidegate.core.samples import FloatArray, Key, Series
from tidegate.core.trace.model import BUCKETS, COLUMNS
from tidegate.core.trace.parsed import Parsed, lines

_ROWS = 1 << 11
"""Rows that are held as texts at a time; more of them fit no cache, and cost twice the time."""

IntArray = npt.NDArray[np.int64]
Names = tuple[str, ...]


class _NotPlain(Exception):
    """Something a careful reader must look at."""


class _Numbers(dict[Names, int]):
    """Texts that name a series → its number, given out in the order of appearance."""

    def __missing__(self, names: Names) -> int:
        self[names] = number = len(self)
        return number


def read_columns(text: str, metrics: frozenset[str]) -> Parsed | None:
    """The samples, or None where anything about the file is not as it should be."""
    try:
        return _read(text, metrics)
    except (_NotPlain, csv.Error):
        return None


def _read(text: str, metrics: frozenset[str]) -> Parsed:
    numbers = _Numbers()
    parts = list(_parts(text, numbers))
    if not parts:
        return Parsed((), {}, 0)
    which, times, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    parts.clear()
    if not (np.isfinite(times).all() and np.isfinite(values).all()):
        raise _NotPlain
    keys, key_of, unknown = _keys(numbers, np.bincount(which, minlength=len(numbers)), metrics)
    which = key_of[which]
    if unknown:
        known = which >= 0
        which, times, values = which[known], times[known], values[known]
    return _grouped(keys, which, times, values, unknown)


def _parts(text: str, numbers: _Numbers) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
    """Number of the series, time and value of some thousand rows at a time."""
    rows = filter(None, csv.reader(lines(text), strict=True))
    header = tuple(next(rows, ()))
    if header not in (COLUMNS, (*COLUMNS, "le")):
        raise _NotPlain
    while some := list(itertools.islice(rows, _ROWS)):
        if set(map(len, some)) != {len(header)}:
            raise _NotPlain
        columns = list(zip(*some, strict=True))
        names = zip(*columns[1:4], *columns[5:], strict=True)
        count = len(some)
        yield (
            np.fromiter(map(numbers.__getitem__, names), np.int64, count),
            _floats(columns[0], count),
            _floats(columns[4], count),
        )


def _floats(texts: tuple[str, ...], count: int) -> FloatArray:
    try:
        return np.fromiter(map(float, texts), np.float64, count)
    except ValueError as bad:
        raise _NotPlain from bad


def _keys(
    numbers: _Numbers, counts: IntArray, metrics: frozenset[str]
) -> tuple[list[Key], IntArray, dict[str, int]]:
    """The series, which of them each number means (-1: a metric that is not read), and what is not read."""
    keys: dict[Key, int] = {}
    unknown: dict[str, int] = {}
    key_of = np.full(len(numbers), -1, dtype=np.int64)
    for names, number in numbers.items():
        if names[0] not in metrics:
            unknown[names[0]] = unknown.get(names[0], 0) + int(counts[number])
        else:
            # One bound can be written in several ways.
            key_of[number] = keys.setdefault(_key(*names), len(keys))
    return list(keys), key_of, unknown


def _key(metric: str, revision: str, instance: str, bound: str = "") -> Key:
    if not revision or (metric == BUCKETS) != bool(bound):
        raise _NotPlain
    if not bound:
        return Key(metric, revision, instance)
    (le,) = _floats((bound,), 1).tolist()
    if math.isnan(le) or le == -math.inf:
        raise _NotPlain
    return Key(metric, revision, instance, le)


def _grouped(
    keys: list[Key], which: IntArray, times: FloatArray, values: FloatArray, unknown: dict[str, int]
) -> Parsed:
    order = np.lexsort((times, which))
    which, times, values = which[order], times[order], values[order]
    again = np.zeros(which.size, dtype=np.bool_)
    again[1:] = (which[1:] == which[:-1]) & (times[1:] == times[:-1])
    repeated = int(again.sum())
    if repeated:
        if (values[1:] != values[:-1])[again[1:]].any():
            raise _NotPlain
        which, times, values = which[~again], times[~again], values[~again]
    ends = np.searchsorted(which, np.arange(len(keys)), side="right").tolist()
    series = tuple(
        Series(key, times[begin:end].copy(), values[begin:end].copy())
        for key, begin, end in zip(keys, [0, *ends], ends, strict=False)
        if end > begin
    )
    return Parsed(series, unknown, repeated)
