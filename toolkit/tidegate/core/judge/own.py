"""Metrics of the user's own that are judged by their level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tidegate.core.judge.criteria import Custom
from tidegate.core.judge.judged import Judged
from tidegate.core.judge.shift import Scale, Shift, shift
from tidegate.core.judge.together import moved_together
from tidegate.core.judge.view import View, after_start
from tidegate.core.judge.wording import number
from tidegate.core.verdict import Attribution, Finding, MetricResult

NOISE, PLACEMENT = 0.03, 0.05
"""Relative to the stable level: the least noise believed, and the usual spread between placements."""


def judge_own(view: View, own: Custom) -> Judged:
    """Compared as differences, so that zeros and negative values are as good as any; told in its own unit."""
    names = view.rollout
    name = own.noun or own.metric
    mine, theirs = (list(view.samples.of_metric(own.metric, r)) for r in (names.candidate, names.stable))
    seen = after_start(view.mean(mine))
    if not len(seen):
        text = f"{name}: nothing measured for {names.candidate} yet"
        return _judged(own, Finding.NOT_ENOUGH_DATA, text, 0)
    level = float(np.median(seen.values))
    if not theirs:
        text = f"{name} {number(level)} on {names.candidate}; nothing to compare with"
        return _judged(own, Finding.FINE, text, len(seen), None, Attribution.NONE)
    reference = abs(float(np.median(view.mean(theirs).values)))
    scale = Scale(
        relative=False,
        tolerated=max(own.tolerance * reference, own.min_change),
        least=NOISE * reference,
        placement=PLACEMENT * reference,
        higher_is_worse=own.higher_is_worse,
    )
    alpha = view.criteria.alpha_of(own.metric)
    found = shift(view, mine, theirs, scale, alpha, follows_load=True)
    if found is None or (found.samples < view.criteria.min_samples and not found.certain):
        text = f"{name}: {len(seen)} of {view.criteria.min_samples} samples of {names.candidate} so far"
        return _judged(own, Finding.NOT_ENOUGH_DATA, text, len(seen))
    told = f"{name} {number(found.mine)} on {names.candidate}, {number(found.other)} on {names.stable}"
    if found.certain:
        return _judged(own, Finding.WORSE, told, found.samples, found, Attribution.REVISION)
    if found.sustained and found.low > scale.tolerated:
        return _judged(own, Finding.NOT_ENOUGH_DATA, f"{told}; not yet certain", found.samples, found)
    past = moved_together(seen, view.mean(theirs), scale, alpha)
    if past is not None:
        text = f"{told}; {names.stable} had {number(past)} before: both moved together"
        return _judged(own, Finding.SHARED, text, found.samples, found, Attribution.SHARED)
    return _judged(own, Finding.FINE, told, found.samples, found, Attribution.NONE)


def _judged(
    own: Custom,
    finding: Finding,
    text: str,
    count: int,
    found: Shift | None = None,
    attribution: Attribution = Attribution.UNKNOWN,
) -> Judged:
    sign = 1 if own.higher_is_worse else -1
    result = MetricResult(own.metric, finding, text, count, "difference")
    if found is not None:
        low, high = sorted((sign * found.low, sign * found.high))
        result = replace(
            result,
            estimate=sign * found.value,
            low=low,
            high=high,
            evidence=found.z,
            boundary=found.boundary,
        )
    return Judged(result, attribution)
