"""Evaluations that were read in pieces, put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from tidegate.core.alerting.firing import Held, IndexArray, Labels, Unread


def joined(pieces: Iterable[tuple[int, Mapping[Labels, IndexArray]]], unread: Iterable[Unread]) -> Held:
    """Of each piece the number of its first evaluation, and what it says, counted from there.

    Neighbouring stretches that could not be read for the same reason become one.
    """
    found: dict[Labels, list[IndexArray]] = {}
    for first, answer in sorted(pieces, key=lambda piece: piece[0]):
        for labels, indices in answer.items():
            found.setdefault(labels, []).append(indices + first)
    gaps: list[Unread] = []
    for gap in sorted(unread, key=lambda gap: gap.first):
        if gaps and gaps[-1].last + 1 == gap.first and gaps[-1].reason == gap.reason:
            gaps[-1] = Unread(gaps[-1].first, gap.last, gap.reason)
        else:
            gaps.append(gap)
    return Held({labels: np.concatenate(parts) for labels, parts in found.items()}, tuple(gaps))
