"""Requests per sample period and revision, on one grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from tidegate.core.samples import FloatArray, Samples

METRIC = "request_count"


@dataclass(frozen=True)
class Shares:
    """`ends` (n,): when each sample period ended, epoch seconds; only periods in which anybody had requests.

    `requests` holds for each revision that had any its count in every period, (n,).
    """

    period: float
    ends: FloatArray
    requests: Mapping[str, FloatArray]

    @staticmethod
    def of(samples: Samples, period: float) -> Shares:
        """From `request_count` of any number of revisions; `period` in seconds."""
        series = [s for k, s in samples.by_key.items() if k.metric == METRIC and float(s.values.sum()) > 0]
        if not series:
            return Shares(period, np.empty(0), {})
        first = min(float(s.times[0]) for s in series)
        at = [np.floor((s.times - first) / period + 0.5).astype(np.int64) for s in series]
        bins = np.unique(np.concatenate([b[s.values > 0] for b, s in zip(at, series, strict=True)]))
        requests: dict[str, FloatArray] = {}
        for where, one in zip(at, series, strict=True):
            index = np.searchsorted(bins, where)
            there = (index < bins.size) & (bins[np.minimum(index, bins.size - 1)] == where)
            total = requests.setdefault(one.key.revision, np.zeros(bins.size))
            np.add.at(total, index[there], np.maximum(one.values[there], 0))
        return Shares(period, first + bins * period, requests)

    @property
    def total(self) -> FloatArray:
        return np.sum(list(self.requests.values()), axis=0) if self.requests else np.empty(0)

    def between(self, *revisions: str) -> Shares:
        """As if only these had been there."""
        kept = {r: self.requests.get(r, np.zeros(self.ends.size)) for r in revisions}
        some = np.sum(list(kept.values()), axis=0) > 0
        return Shares(self.period, self.ends[some], {r: counts[some] for r, counts in kept.items()})


def describe(shares: Shares) -> str:
    """Who had how much, and when: `orders-1 80 % of 1,200 requests (09:30 to 10:15 UTC)`."""
    whole = float(shares.total.sum())
    rows = []
    for revision, counts in sorted(shares.requests.items(), key=lambda item: -float(item[1].sum())):
        mine = shares.ends[counts > 0]
        first, last = (datetime.fromtimestamp(float(t), UTC) for t in (mine[0] - shares.period, mine[-1]))
        text = f"{revision} {100 * float(counts.sum()) / whole:.2g} % of {whole:,.0f} requests"
        rows.append(f"{text} ({first:%m-%d %H:%M} to {last:%H:%M} UTC)")
    return ", ".join(rows)
