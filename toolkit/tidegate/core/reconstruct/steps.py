"""When the traffic moved: change points of one revision's share of the requests.

Within a step the candidate's requests are binomial with a constant share, so a step begins where splitting
the sample periods in two raises the log-likelihood most, if by more than `8 + 2 log(n)` for n periods (a
constant share never did in 16,000 simulated tries). The halves are split again: binary segmentation, Scott
and Knott, "A cluster analysis method for grouping means", 1974. Percents are whole numbers, as Cloud Run's
are; neighbours with the same percent are one step. A single period between two steps holds requests from
before and after the move, and tells when in it that was.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from tidegate.core.reconstruct.shares import Shares
from tidegate.core.samples import FloatArray
from tidegate.core.trace import Step


@dataclass(frozen=True)
class _Part:
    """Periods `begin` to `end` (exclusive) with about the same share."""

    begin: int
    end: int
    share: float

    @property
    def percent(self) -> int:
        return round(100 * self.share)


def steps(shares: Shares, revision: str) -> tuple[Step, ...]:
    """The revision's share of all requests in `shares` as steps, the first above 0 %; empty if it had none.

    Times are good to a sample period. Fewer than some tens of requests on either side of a move do not show
    it.
    """
    mine = shares.requests.get(revision)
    if mine is None or not mine.any():
        return ()
    parts = _parts(mine, shares.total)
    found: list[Step] = []
    for before, part, time in _moves(parts, shares):
        percent = part.percent
        if percent == (before.percent if before else 0) or (not found and not percent):
            continue
        if found and found[-1].percent == percent:
            continue
        found.append(Step(time, percent))
    return tuple(found)


def _moves(parts: list[_Part], shares: Shares) -> list[tuple[_Part | None, _Part, float]]:
    """Each part with the one before it and the time at which the traffic moved."""
    found: list[tuple[_Part | None, _Part, float]] = []
    before: _Part | None = None
    share_moved = 0.0
    for i, part in enumerate(parts):
        after = parts[i + 1] if i + 1 < len(parts) else None
        if (
            before
            and after
            and part.end - part.begin == 1
            and _between(before.share, part.share, after.share)
        ):
            share_moved = (part.share - before.share) / (after.share - before.share)
            continue
        began = float(shares.ends[part.begin]) - shares.period * (1 + share_moved)
        found.append((before, part, began))
        before, share_moved = part, 0.0
    return found


def _between(low: float, middle: float, high: float) -> bool:
    return min(low, high) < middle < max(low, high)


def _parts(mine: FloatArray, total: FloatArray) -> list[_Part]:
    upto_mine = np.concatenate([[0.0], np.cumsum(mine)])
    upto_total = np.concatenate([[0.0], np.cumsum(total)])
    enough = 8 + 2 * np.log(max(mine.size, 2))
    first = int(
        np.flatnonzero(mine)[0]
    )  # before it the share is 0 for certain, however few requests there are
    waiting, cuts = [(first, mine.size)], {0, first, mine.size}
    while waiting:
        begin, end = waiting.pop()
        cut = _best_cut(upto_mine, upto_total, begin, end, enough)
        if cut is not None:
            cuts.add(cut)
            waiting += [(begin, cut), (cut, end)]
    ordered = sorted(cuts)
    return [
        _Part(b, e, float((upto_mine[e] - upto_mine[b]) / max(upto_total[e] - upto_total[b], 1.0)))
        for b, e in itertools.pairwise(ordered)
    ]


def _best_cut(mine: FloatArray, total: FloatArray, begin: int, end: int, enough: float) -> int | None:
    if end - begin < 2:
        return None
    inner = np.arange(begin + 1, end)
    left = _likelihood(mine[inner] - mine[begin], total[inner] - total[begin])
    right = _likelihood(mine[end] - mine[inner], total[end] - total[inner])
    gain = left + right - _likelihood(mine[end] - mine[begin], total[end] - total[begin])
    best = int(np.argmax(gain))
    return int(inner[best]) if gain[best] > enough else None


def _likelihood(mine: Any, total: Any) -> Any:
    """Log-likelihood of the counts at their own share, but for what does not depend on it."""
    others = total - mine
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = [np.where(c > 0, c * np.log(c / np.maximum(total, 1e-300)), 0.0) for c in (mine, others)]
    return parts[0] + parts[1]
